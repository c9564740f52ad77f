#pragma once

#include <cstdint>

namespace weir::server {

// Memory and processor time of this process, as the pages show them. The processor share is that
// since the last reading which is at least a second old, so nothing wakes up to sample it. Confined
// to one thread.
class ProcessUsage {
 public:
  struct Reading {
    int64_t resident_bytes = 0;
    double cpu_percent = 0;
  };

  // `now_ns`: steady clock.
  Reading Read(int64_t now_ns);

 private:
  int64_t sampled_ns_ = 0;
  int64_t sampled_cpu_ns_ = 0;
  double cpu_percent_ = 0;
};

// Processors that this process may use.
int AvailableCores();

}  // namespace weir::server

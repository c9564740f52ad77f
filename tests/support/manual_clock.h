#pragma once

#include <cstdint>

#include "protocol/base/executor.h"

namespace weir::testing {

// Time that moves only when a test says so. Starts at 2026-01-01 on the wall.
class ManualClock : public Clock {
 public:
  int64_t steady_ns() const override { return steady_ns_; }
  int64_t wall_ns() const override { return wall_ns_; }

  void Advance(int64_t ns) {
    steady_ns_ += ns;
    wall_ns_ += ns;
  }

 private:
  int64_t steady_ns_ = 1'000'000'000;
  int64_t wall_ns_ = 1'767'225'600'000'000'000;
};

}  // namespace weir::testing

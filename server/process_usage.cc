#include "server/process_usage.h"

#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>

#include <sched.h>
#include <unistd.h>

namespace weir::server {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
// As coarse as the kernel's accounting, which the reference reads: next to nothing is shown as
// zero.
constexpr int64_t kTick = 10'000'000;

int64_t ResidentBytes() {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "re"), std::fclose);
  long total = 0;
  long resident = 0;
  if (!file || std::fscanf(file.get(), "%ld %ld", &total, &resident) != 2) {
    return 0;
  }
  return int64_t{resident} * ::sysconf(_SC_PAGE_SIZE);
}

int64_t CpuNs() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  int64_t nanoseconds = used.tv_sec * kSecond + used.tv_nsec;
  return nanoseconds - nanoseconds % kTick;
}

}  // namespace

ProcessUsage::Reading ProcessUsage::Read(int64_t now_ns) {
  if (now_ns - sampled_ns_ >= kSecond) {
    int64_t cpu = CpuNs();
    if (sampled_ns_ != 0) {
      double share =
          static_cast<double>(cpu - sampled_cpu_ns_) / static_cast<double>(now_ns - sampled_ns_);
      cpu_percent_ = std::round(share * 1000) / 10;
    }
    sampled_ns_ = now_ns;
    sampled_cpu_ns_ = cpu;
  }
  return {ResidentBytes(), cpu_percent_};
}

int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace weir::server

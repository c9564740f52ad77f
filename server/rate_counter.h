#pragma once

#include <atomic>
#include <cstdint>

namespace weir::server {

// Allows so many events per second (connection_rate_limit), counted in windows that begin with the
// first event behind the last one. As in the reference, that first one and the `limit` - 1 that
// follow are allowed. Thread-safe; two threads at a window's edge may let one more through.
class RateCounter {
 public:
  explicit RateCounter(int64_t limit) : limit_(limit) {}

  bool Allow(int64_t now_ns) {
    if (now_ns > window_end_ns_.load(std::memory_order_relaxed)) {
      window_end_ns_.store(now_ns + kWindowNs, std::memory_order_relaxed);
      count_.store(0, std::memory_order_relaxed);
      return limit_ > 0;
    }
    return count_.fetch_add(1, std::memory_order_relaxed) + 1 < limit_;
  }

 private:
  static constexpr int64_t kWindowNs = 1'000'000'000;

  const int64_t limit_;
  std::atomic<int64_t> window_end_ns_{INT64_MIN};
  std::atomic<int64_t> count_{0};
};

}  // namespace weir::server

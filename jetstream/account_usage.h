#pragma once

#include <atomic>
#include <cstdint>

namespace weir::jetstream {

// What one account uses of JetStream, counted by all homes. Lives as long as the Catalog; homes add
// their differences once per turn, so a reading is at most a turn old.
struct AccountUsage {
  std::atomic<int64_t> memory{0};   // bytes in memory streams
  std::atomic<int64_t> storage{0};  // bytes in file streams
  std::atomic<int64_t> consumers{0};
  std::atomic<uint64_t> api_total{0};
  std::atomic<uint64_t> api_errors{0};
};

}  // namespace weir::jetstream

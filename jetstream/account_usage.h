#pragma once

#include <atomic>
#include <cstdint>

namespace weir::jetstream {

// What one account, or the whole server, uses of JetStream; counted by all homes. Lives as long as
// the Catalog; homes add their differences once per turn, so a reading is at most a turn old.
struct AccountUsage {
  AccountUsage* server = nullptr;   // the sum of all accounts; null in the sum itself
  std::atomic<int64_t> memory{0};   // bytes in memory streams
  std::atomic<int64_t> storage{0};  // bytes in file streams
  std::atomic<int64_t> consumers{0};
  std::atomic<int64_t> atomic_batches{0};  // that are open; only the server's sum counts
  std::atomic<int64_t> fast_batches{0};
  std::atomic<uint64_t> api_total{0};
  std::atomic<uint64_t> api_errors{0};
  std::atomic<int64_t> max_memory{-1};  // limits; -1: none
  std::atomic<int64_t> max_storage{-1};

  void Add(bool in_memory, int64_t bytes) {
    (in_memory ? memory : storage).fetch_add(bytes, std::memory_order_relaxed);
    if (server != nullptr) {
      server->Add(in_memory, bytes);
    }
  }
  void AddConsumers(int64_t count) {
    consumers.fetch_add(count, std::memory_order_relaxed);
    if (server != nullptr) {
      server->AddConsumers(count);
    }
  }
  // Would `bytes` more be too many?
  bool Exceeds(bool in_memory, int64_t bytes) const {
    int64_t limit = (in_memory ? max_memory : max_storage).load(std::memory_order_relaxed);
    int64_t used = (in_memory ? memory : storage).load(std::memory_order_relaxed);
    return limit >= 0 && used + bytes > limit;
  }
};

}  // namespace weir::jetstream

#pragma once

#include <atomic>
#include <cstdint>

namespace weir::storage {

// How often a checksum of stored data was found wrong, in the whole process; for monitoring.
// Thread-safe.
inline std::atomic<uint64_t>& DamageCounter() {
  static std::atomic<uint64_t> count{0};
  return count;
}
inline uint64_t DamageCount() {
  return DamageCounter().load(std::memory_order_relaxed);
}
inline void NoteDamage() {
  DamageCounter().fetch_add(1, std::memory_order_relaxed);
}

}  // namespace weir::storage

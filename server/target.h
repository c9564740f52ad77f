#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weir::server {

// Where a matched message goes. Names, no pointers: nothing has to outlive anything, and whoever
// resolves it at its worker drops it when it is stale.
struct Target {
  enum class Kind : uint8_t {
    kConnection,
    kSink,  // a subscription of the server itself (JetStream, exports, system requests)
  };

  Kind kind = Kind::kConnection;
  uint8_t worker = 0;
  uint16_t subscription_generation = 0;
  uint32_t slot = 0;          // in the worker's connection or sink table
  uint32_t generation = 0;    // of that slot
  uint32_t subscription = 0;  // slot in the session's subscription table

  auto operator<=>(const Target&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const Target& t) {
    return H::combine(std::move(state), t.kind, t.worker, t.subscription_generation, t.slot,
                      t.generation, t.subscription);
  }
  bool SameConnection(const Target& other) const {
    return kind == other.kind && worker == other.worker && slot == other.slot &&
           generation == other.generation;
  }
};
static_assert(sizeof(Target) == 16);

struct QueueGroup {
  std::string name;
  std::vector<Target> members;
};

// Everybody who gets a message on one subject. Immutable once built; shared by caches.
struct MatchResult {
  std::vector<Target> targets;     // plain subscriptions, sorted by worker
  std::vector<QueueGroup> queues;  // one copy for one member of each; merged over all filters

  bool empty() const { return targets.empty() && queues.empty(); }
  void clear() {
    targets.clear();
    queues.clear();
  }
};

}  // namespace weir::server

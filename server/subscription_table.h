#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/strings.h"

namespace weir::server {

class PermissionSet;

// A session's subscriptions, by the client's sid and by slot. A slot is what targets carry; its
// generation tells an old target from a new subscription in the same slot. Confined to the
// session's worker.
class SubscriptionTable {
 public:
  struct Subscription {
    std::string sid;
    std::string subject;
    std::string queue;
    uint64_t delivered = 0;
    uint64_t max = 0;  // auto-unsubscribe after so many deliveries; 0: never
    uint16_t generation = 0;
    bool live = false;
    const PermissionSet* filter = nullptr;  // their deny list takes some messages away
  };

  // nullptr when the sid is in use (the old one stays, protocol.md 10.1).
  Subscription* Add(std::string_view sid, std::string_view subject, std::string_view queue,
                    uint32_t& slot);
  Subscription* FindSid(std::string_view sid, uint32_t& slot);
  // nullptr when the slot is free or belongs to another subscription by now.
  Subscription* At(uint32_t slot, uint16_t generation) {
    if (slot >= slots_.size() || !slots_[slot].live || slots_[slot].generation != generation) {
      return nullptr;
    }
    return &slots_[slot];
  }
  // The slot must be in use.
  const Subscription& live(uint32_t slot) const { return slots_[slot]; }
  void Remove(uint32_t slot);

  template <typename F>
  void ForEach(F&& visit) {
    for (uint32_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot].live) {
        visit(slot, slots_[slot]);
      }
    }
  }
  size_t size() const { return by_sid_.size(); }

 private:
  std::vector<Subscription> slots_;
  std::vector<uint32_t> free_;
  StringMap<uint32_t> by_sid_;
};

}  // namespace weir::server

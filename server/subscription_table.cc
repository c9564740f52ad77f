#include "server/subscription_table.h"

namespace weir::server {

SubscriptionTable::Subscription* SubscriptionTable::Add(std::string_view sid,
                                                        std::string_view subject,
                                                        std::string_view queue, uint32_t& slot) {
  if (by_sid_.contains(sid)) {
    return nullptr;
  }
  if (free_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Subscription& subscription = slots_[slot];
  subscription.sid = sid;
  subscription.subject = subject;
  subscription.queue = queue;
  subscription.delivered = 0;
  subscription.max = 0;
  subscription.live = true;
  subscription.filter = nullptr;
  by_sid_.emplace(std::string(sid), slot);
  return &subscription;
}

SubscriptionTable::Subscription* SubscriptionTable::FindSid(std::string_view sid, uint32_t& slot) {
  auto at = by_sid_.find(sid);
  if (at == by_sid_.end()) {
    return nullptr;
  }
  slot = at->second;
  return &slots_[slot];
}

void SubscriptionTable::Remove(uint32_t slot) {
  Subscription& subscription = slots_[slot];
  by_sid_.erase(subscription.sid);
  subscription.live = false;
  ++subscription.generation;
  subscription.sid.clear();
  subscription.subject.clear();
  subscription.queue.clear();
  free_.push_back(slot);
}

}  // namespace weir::server

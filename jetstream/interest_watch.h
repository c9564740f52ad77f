#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "jetstream/environment.h"

namespace weir::jetstream {

// Somebody who wants to know when interest in a subject comes or goes.
class InterestWatcher {
 public:
  virtual ~InterestWatcher() = default;
  // Subscriptions of the account have changed: time to look.
  virtual void CheckInterest() = 0;
};

// Tells push consumers that subscriptions have changed, within 100 ms (for each 4,000 of them). One
// timer for all of a home; while nothing changes, ten thousand watchers cost a comparison each.
// Clients that create a consumer first and subscribe then wait for its messages: within two seconds
// after a consumer came it takes 2 ms.
//
// Confined to its home.
class InterestWatch {
 public:
  explicit InterestWatch(Environment& env) : env_(env) {}
  ~InterestWatch();
  InterestWatch(const InterestWatch&) = delete;
  InterestWatch& operator=(const InterestWatch&) = delete;

  // The watcher is told once in any case. It must be removed before it goes.
  void Add(InterestWatcher& watcher, AccountId account);
  void Remove(InterestWatcher& watcher);
  // The watcher no longer trusts what it knows: it is told as if something had changed.
  void Doubt(InterestWatcher& watcher);

 private:
  struct Entry {
    InterestWatcher* watcher;
    AccountId account;
    uint64_t seen;  // the account's version at the last look; 0: look in any case
  };

  void Arm();
  void Look();

  Environment& env_;
  std::vector<Entry> entries_;
  absl::flat_hash_map<InterestWatcher*, size_t> places_;
  size_t next_ = 0;  // where the next look begins
  int64_t eager_until_ns_ = 0;
  TimerQueue::TimerId timer_;
};

}  // namespace weir::jetstream

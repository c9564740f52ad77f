#include "jetstream/interest_watch.h"

#include <optional>

namespace weir::jetstream {

namespace {

constexpr int64_t kInterval = 100'000'000;
constexpr int64_t kEagerInterval = 2'000'000;
constexpr int64_t kEager = 2'000'000'000;
// Told in one go; others have their turn at the next.
constexpr size_t kMostAtOnce = 4000;
constexpr size_t kMostWhenEager = 200;

}  // namespace

InterestWatch::~InterestWatch() {
  env_.timers.Cancel(timer_);
}

void InterestWatch::Add(InterestWatcher& watcher, AccountId account) {
  if (places_.emplace(&watcher, entries_.size()).second) {
    entries_.push_back({&watcher, account, 0});
    int64_t now_ns = env_.clock.steady_ns();
    if (now_ns >= eager_until_ns_) {
      env_.timers.Cancel(timer_);
      timer_ = {};
    }
    eager_until_ns_ = now_ns + kEager;
    Arm();
  }
}

void InterestWatch::Remove(InterestWatcher& watcher) {
  auto at = places_.find(&watcher);
  if (at == places_.end()) {
    return;
  }
  size_t place = at->second;
  places_.erase(at);
  if (place + 1 < entries_.size()) {
    entries_[place] = entries_.back();
    places_[entries_[place].watcher] = place;
  }
  entries_.pop_back();
}

void InterestWatch::Doubt(InterestWatcher& watcher) {
  auto at = places_.find(&watcher);
  if (at != places_.end()) {
    entries_[at->second].seen = 0;
  }
}

void InterestWatch::Arm() {
  if (!timer_ && !entries_.empty()) {
    int64_t now_ns = env_.clock.steady_ns();
    int64_t interval = now_ns < eager_until_ns_ ? kEagerInterval : kInterval;
    timer_ = env_.timers.Schedule(now_ns + interval, [this] {
      timer_ = {};
      Look();
      Arm();
    });
  }
}

void InterestWatch::Look() {
  size_t told = 0;
  size_t most = env_.clock.steady_ns() < eager_until_ns_ ? kMostWhenEager : kMostAtOnce;
  std::optional<AccountId> account;
  uint64_t version = 0;
  for (size_t left = entries_.size(); left > 0 && told < most; --left, ++next_) {
    if (next_ >= entries_.size()) {
      next_ = 0;
      if (entries_.empty()) {
        return;
      }
    }
    Entry& entry = entries_[next_];
    if (entry.account != account) {
      account = entry.account;
      version = env_.router.InterestVersion(entry.account);
    }
    if (entry.seen == 0 || entry.seen != version) {
      entry.seen = version;
      ++told;
      entry.watcher->CheckInterest();
    }
  }
}

}  // namespace weir::jetstream

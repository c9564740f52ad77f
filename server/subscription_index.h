#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "protocol/base/mutex.h"
#include "protocol/subject_tree.h"
#include "server/permissions.h"
#include "server/target.h"

namespace weir::server {

// Subject → subscribers of one account, shared by all workers (architecture 4.4).
//
// Insert and Remove take the lock exclusively, run on the subscriber's worker and raise a
// generation before they return, so a +OK or PONG sent afterwards means "visible to every worker".
// Three kinds of generation, so that what comes and goes all day does not invalidate what others
// have cached: 1,024 stripes by subject for literal subscriptions (a one-off inbox), 256 by first
// token for wildcards behind one (a client's inboxes, the acks of a consumer), one for the rest.
//
// Thread-safe.
class SubscriptionIndex {
 public:
  // The state of the index as far as one subject is concerned. Read it before the match; a result
  // is valid as long as Current() returns the same.
  struct Stamp {
    uint64_t everywhere = UINT64_MAX;
    uint32_t branch = 0;
    uint32_t literal = 0;
    bool operator==(const Stamp&) const = default;
  };
  // Which generations tell of changes to one subject.
  struct Place {
    uint16_t literal = 0;
    uint16_t branch = 0;
  };

  static Place PlaceOf(std::string_view subject) {
    return PlaceOf(subject, std::hash<std::string_view>{}(subject));
  }
  // For who has std::hash of the subject already.
  static Place PlaceOf(std::string_view subject, size_t hash);

  Stamp Current(Place place) const {
    return {everywhere_.load(std::memory_order_acquire),
            branches_[place.branch].load(std::memory_order_acquire),
            literals_[place.literal].load(std::memory_order_acquire)};
  }

  // `queue` empty: a plain subscription. The pattern must be valid. `filter`: the subscription gets
  // no message that these permissions deny; they live as long as the subscription is here.
  void Insert(std::string_view pattern, std::string_view queue, const Target& target,
              const PermissionSet* filter = nullptr);
  void Remove(std::string_view pattern, std::string_view queue, const Target& target);
  // Gives a subscription other permissions, with no moment in which it is not there.
  void Refilter(std::string_view pattern, std::string_view queue, const Target& target,
                const PermissionSet* filter);

  // Appends nothing and clears `out` first. `out` keeps its capacity, so a caller with one result
  // per worker does not allocate. `denied_too`: with those who may not have a message on this
  // subject.
  void Match(std::string_view subject, MatchResult& out, bool denied_too = false) const;

  // Does somebody subscribe exactly this literal subject? With `queue`: in this queue group (empty:
  // in none).
  bool ContainsLiteral(std::string_view subject) const;
  bool ContainsLiteral(std::string_view subject, std::string_view queue) const;

  // Learns of subscriptions that come and go.
  class Listener {
   public:
    virtual ~Listener() = default;
    // On the subscriber's worker, holding no lock, when the change is visible to everybody.
    virtual void OnChange(uint64_t watch) = 0;
  };
  // From here on the listener, which must stay until no worker runs, is told of every subscription
  // to exactly this literal subject that comes or goes.
  void Watch(std::string_view subject, Listener& listener, uint64_t watch);
  // A change that is being told may still arrive.
  void Unwatch(std::string_view subject, const Listener& listener, uint64_t watch);

  size_t size() const;

  // Rises with every change, before it returns; never 0.
  uint64_t changes() const { return changes_.load(std::memory_order_acquire); }

  struct Stats {
    size_t subscriptions = 0;
    uint64_t inserts = 0;
    uint64_t removes = 0;
    uint64_t walks = 0;  // matches that no cache answered

    void Add(const Stats& other) {
      subscriptions += other.subscriptions;
      inserts += other.inserts;
      removes += other.removes;
      walks += other.walks;
    }
  };
  Stats stats() const;

 private:
  static constexpr size_t kLiterals = 1024;
  static constexpr size_t kBranches = 256;

  struct Entry {
    Target target;
    uint32_t queue : 31 = 0;    // 0: plain; else index into queue_names_
    uint32_t filtered : 1 = 0;  // filters_ has its permissions
    bool operator==(const Entry& other) const {
      return target == other.target && queue == other.queue;
    }
  };

  struct Watcher {
    Listener* listener;
    uint64_t watch;
    bool operator==(const Watcher&) const = default;
  };

  uint32_t QueueId(std::string_view queue) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Entry MakeEntry(std::string_view queue, const Target& target, bool filtered)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<Watcher> WatchersOf(std::string_view pattern) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void Raise(std::string_view pattern);
  // Behind every change, with those who watch.
  void Announce(std::string_view pattern, const std::vector<Watcher>& watchers);

  mutable SharedMutex mu_;
  protocol::SubjectTree<Entry> tree_ ABSL_GUARDED_BY(mu_);
  // Queue names are few and reused; an id stays for the life of the account.
  std::vector<std::string> queue_names_ ABSL_GUARDED_BY(mu_){std::string()};
  StringMap<uint32_t> queue_ids_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<Target, const PermissionSet*> filters_ ABSL_GUARDED_BY(mu_);
  StringMap<std::vector<Watcher>> watchers_ ABSL_GUARDED_BY(mu_);  // by subject
  uint64_t inserts_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t removes_ ABSL_GUARDED_BY(mu_) = 0;
  mutable std::atomic<uint64_t> walks_{0};

  std::atomic<uint64_t> changes_{1};
  std::atomic<uint64_t> everywhere_{0};
  std::array<std::atomic<uint32_t>, kBranches> branches_{};
  std::array<std::atomic<uint32_t>, kLiterals> literals_{};
};

}  // namespace weir::server

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "protocol/base/strings.h"
#include "server/subscription_index.h"
#include "server/target.h"

namespace weir::server {

// A match that its owner keeps for the next message: subject, result and the stamp that tells
// whether the result still holds. A session has one ("same subject again" costs one compare), the
// cache many.
struct CachedMatch {
  std::string subject;
  const SubscriptionIndex* index = nullptr;
  uint32_t stripe = 0;
  SubscriptionIndex::Stamp stamp;
  std::shared_ptr<const MatchResult> result;

  bool Holds(const SubscriptionIndex& for_index, std::string_view for_subject) const {
    return index == &for_index && subject == for_subject && stamp == for_index.Current(stripe);
  }
};

// Results of one worker for all accounts. Bounded; thrown away whole when full, since the working
// set comes back at the price of one walk per subject. Confined to the worker.
class MatchCache {
 public:
  // Refreshes `slot` for this subject and returns its result.
  const MatchResult& Find(const SubscriptionIndex& index, std::string_view subject,
                          CachedMatch& slot);

  struct Stats {
    size_t entries = 0;
    uint64_t lookups = 0;
    uint64_t misses = 0;
    uint64_t total_fanout = 0;  // receivers in all entries; a queue group counts once
    uint64_t max_fanout = 0;

    void Add(const Stats& other) {
      entries += other.entries;
      lookups += other.lookups;
      misses += other.misses;
      total_fanout += other.total_fanout;
      max_fanout = max_fanout > other.max_fanout ? max_fanout : other.max_fanout;
    }
  };
  Stats stats() const;

 private:
  static constexpr size_t kMaxSubjects = 8192;

  // Subjects of different accounts share the map; the entry's index tells them apart, and the rare
  // collision of two accounts on one subject costs walks, not correctness.
  StringMap<CachedMatch> entries_;
  uint64_t lookups_ = 0;
  uint64_t misses_ = 0;
};

}  // namespace weir::server

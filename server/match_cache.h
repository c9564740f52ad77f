#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/subscription_index.h"
#include "server/target.h"

namespace weir::server {

// A match that its owner keeps for the next message: subject, result and the stamp that tells
// whether the result still holds. A session has one ("same subject again" costs one compare), the
// cache many.
struct CachedMatch {
  std::string subject;
  const SubscriptionIndex* index = nullptr;
  SubscriptionIndex::Place place;
  SubscriptionIndex::Stamp stamp;
  std::shared_ptr<const MatchResult> result;

  bool Holds(const SubscriptionIndex& for_index, std::string_view for_subject) const {
    return index == &for_index && subject == for_subject && stamp == for_index.Current(place);
  }
};

// Results of one worker for all accounts, in sets of eight by hash. Grows with what is asked up to
// 32,768 entries and `max_bytes` behind them. A full set gives a newcomer the place of an entry
// that nobody has asked for since the last look at it, so subjects that come once, or more of them
// than there is room for, do not push out all the others; and a miss costs a walk, but no memory
// from the heap as a rule. Confined to the worker.
class MatchCache {
 public:
  static constexpr size_t kMaxBytes = 8 << 20;

  explicit MatchCache(size_t max_bytes = kMaxBytes) : max_bytes_(max_bytes) {}

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
  // Of subjects and results; a result that several entries share counts for each.
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kWays = 8;
  static constexpr size_t kMaxSets = 4096;
  static constexpr size_t kSharedResults = 64;

  // Of its ways: a piece of the hash, which are taken, which were asked for since the last look.
  struct Set {
    std::array<uint16_t, kWays> tags{};
    uint8_t taken = 0;
    uint8_t asked = 0;
    uint8_t newcomers = 0;  // since the set is full: says when and where to look next
  };

  CachedMatch& WayOf(size_t set, size_t way) { return ways_[set * kWays + way]; }
  CachedMatch* Lookup(const SubscriptionIndex& index, std::string_view subject, size_t spot);
  // A place for a newcomer, nullptr when the set has none for it.
  CachedMatch* Admit(size_t spot);
  void Grow();
  void Keep(CachedMatch& entry, const CachedMatch& match);
  void Drop(size_t set, size_t way);
  // Empties sets one after the other until the bytes are within their bound.
  void Shrink();
  void Walk(const SubscriptionIndex& index, std::string_view subject, size_t hash,
            CachedMatch& slot);
  // What the walk has found; most subjects have the same few receivers and share one result.
  std::shared_ptr<const MatchResult> Share();

  const size_t max_bytes_;
  std::vector<Set> sets_;  // a power of two
  std::vector<CachedMatch> ways_;
  size_t entries_ = 0;
  size_t bytes_ = 0;
  size_t shrink_at_ = 0;
  std::array<std::shared_ptr<const MatchResult>, kSharedResults> shared_;
  MatchResult found_;  // by the walk; kept for its memory
  uint64_t lookups_ = 0;
  uint64_t misses_ = 0;
};

}  // namespace weir::server

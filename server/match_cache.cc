#include "server/match_cache.h"

#include <algorithm>

namespace weir::server {

const MatchResult& MatchCache::Find(const SubscriptionIndex& index, std::string_view subject,
                                    CachedMatch& slot) {
  ++lookups_;
  auto at = entries_.find(subject);
  if (at == entries_.end()) {
    if (entries_.size() >= kMaxSubjects) {
      entries_.clear();
    }
    at = entries_.emplace(std::string(subject), CachedMatch{}).first;
    at->second.subject = at->first;
    at->second.stripe = SubscriptionIndex::StripeOf(subject);
  }
  CachedMatch& entry = at->second;
  if (!entry.Holds(index, subject)) {
    ++misses_;
    entry.index = &index;
    // Before the walk: a change during the walk makes the entry stale at once.
    entry.stamp = index.Current(entry.stripe);
    auto result = std::make_shared<MatchResult>();
    index.Match(subject, *result);
    entry.result = std::move(result);
  }
  slot = entry;
  return *slot.result;
}

MatchCache::Stats MatchCache::stats() const {
  Stats out{.entries = entries_.size(), .lookups = lookups_, .misses = misses_};
  for (const auto& [subject, entry] : entries_) {
    uint64_t fanout = entry.result->targets.size() + entry.result->queues.size();
    out.total_fanout += fanout;
    out.max_fanout = std::max(out.max_fanout, fanout);
  }
  return out;
}

}  // namespace weir::server

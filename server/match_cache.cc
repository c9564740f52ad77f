#include "server/match_cache.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir::server {

namespace {

constexpr size_t kFirstSets = 4;
constexpr size_t kFewTargets = 4;
constexpr size_t kKeptCapacity = 128;
// So many newcomers in a full set make it look at one way. With fewer, a round through more
// subjects than there is room for would leave each just until it could have been found.
constexpr size_t kPatience = 4;

// Accounts with the same subject stand in different sets.
size_t SpotOf(const SubscriptionIndex& index, size_t hash) {
  return hash ^ (reinterpret_cast<uintptr_t>(&index) >> 6) * 0x9e3779b97f4a7c15U;
}

uint16_t TagOf(size_t spot) {
  return static_cast<uint16_t>(spot >> 48);
}

size_t BytesOf(const CachedMatch& entry) {
  size_t bytes = entry.subject.size();
  if (entry.result) {
    bytes += entry.result->targets.size() * sizeof(Target);
    for (const QueueGroup& group : entry.result->queues) {
      bytes += sizeof group + group.name.size() + group.members.size() * sizeof(Target);
    }
  }
  return bytes;
}

}  // namespace

CachedMatch* MatchCache::Lookup(const SubscriptionIndex& index, std::string_view subject,
                                size_t spot) {
  if (sets_.empty()) {
    return nullptr;
  }
  const size_t at = spot & (sets_.size() - 1);
  Set& set = sets_[at];
  for (size_t way = 0; way < kWays; ++way) {
    if (set.tags[way] == TagOf(spot) && (set.taken >> way & 1) != 0) {
      CachedMatch& entry = WayOf(at, way);
      if (entry.index == &index && entry.subject == subject) {
        set.asked |= static_cast<uint8_t>(1U << way);
        return &entry;
      }
    }
  }
  return nullptr;
}

const MatchResult& MatchCache::Find(const SubscriptionIndex& index, std::string_view subject,
                                    CachedMatch& slot) {
  ++lookups_;
  const size_t hash = std::hash<std::string_view>{}(subject);
  const size_t spot = SpotOf(index, hash);
  CachedMatch* entry = Lookup(index, subject, spot);
  if (entry != nullptr && entry->stamp == index.Current(entry->place)) {
    slot = *entry;
    return *slot.result;
  }
  ++misses_;
  Walk(index, subject, hash, slot);
  if (BytesOf(slot) <= max_bytes_ / 8) {
    entry = entry != nullptr ? entry : Admit(spot);
    if (entry != nullptr) {
      Keep(*entry, slot);
    }
  }
  return *slot.result;
}

void MatchCache::Walk(const SubscriptionIndex& index, std::string_view subject, size_t hash,
                      CachedMatch& slot) {
  slot.index = &index;
  slot.place = SubscriptionIndex::PlaceOf(subject, hash);
  // Before the walk: a change during the walk makes the match stale at once.
  slot.stamp = index.Current(slot.place);
  index.Match(subject, found_);
  slot.result = Share();
  slot.subject.assign(subject);
}

std::shared_ptr<const MatchResult> MatchCache::Share() {
  if (!found_.queues.empty() || found_.targets.size() > kFewTargets) {
    return std::make_shared<const MatchResult>(found_);
  }
  size_t at = 0;
  for (const Target& target : found_.targets) {
    at = at * 31 + target.slot * 7 + target.subscription + 1;
  }
  auto& shared = shared_[at % kSharedResults];
  if (!shared || !shared->queues.empty() || shared->targets != found_.targets) {
    shared = std::make_shared<const MatchResult>(found_);
  }
  return shared;
}

CachedMatch* MatchCache::Admit(size_t spot) {
  if (sets_.empty()) {
    Grow();
  }
  size_t at = spot & (sets_.size() - 1);
  if (sets_[at].taken == 0xff && sets_.size() < kMaxSets && entries_ * 4 > ways_.size()) {
    Grow();
    at = spot & (sets_.size() - 1);
  }
  Set& set = sets_[at];
  size_t way = std::countr_one(set.taken);
  if (way == kWays) {
    if (++set.newcomers % kPatience != 0) {
      return nullptr;
    }
    way = set.newcomers / kPatience % kWays;
    const auto bit = static_cast<uint8_t>(1U << way);
    const CachedMatch& old = WayOf(at, way);
    if ((set.asked & bit) != 0 && old.stamp == old.index->Current(old.place)) {
      set.asked &= static_cast<uint8_t>(~bit);
      return nullptr;
    }
    Drop(at, way);
  }
  set.tags[way] = TagOf(spot);
  set.taken |= static_cast<uint8_t>(1U << way);
  ++entries_;
  return &WayOf(at, way);
}

void MatchCache::Keep(CachedMatch& entry, const CachedMatch& match) {
  bytes_ -= BytesOf(entry);
  entry = match;
  bytes_ += BytesOf(entry);
  if (bytes_ > max_bytes_) {
    Shrink();
  }
}

void MatchCache::Drop(size_t set, size_t way) {
  CachedMatch& entry = WayOf(set, way);
  bytes_ -= BytesOf(entry);
  entry.subject.clear();  // keeps its memory for the next, unless that is much
  if (entry.subject.capacity() > kKeptCapacity) {
    entry.subject.shrink_to_fit();
  }
  entry.result.reset();
  const auto bit = static_cast<uint8_t>(1U << way);
  sets_[set].taken &= static_cast<uint8_t>(~bit);
  sets_[set].asked &= static_cast<uint8_t>(~bit);
  --entries_;
}

void MatchCache::Shrink() {
  while (bytes_ > max_bytes_ - max_bytes_ / 8) {
    shrink_at_ = (shrink_at_ + 1) & (sets_.size() - 1);
    for (size_t way = 0; way < kWays; ++way) {
      if ((sets_[shrink_at_].taken >> way & 1) != 0) {
        Drop(shrink_at_, way);
        WayOf(shrink_at_, way) = CachedMatch{};
      }
    }
  }
}

void MatchCache::Grow() {
  std::vector<Set> sets(sets_.empty() ? kFirstSets : sets_.size() * 2);
  std::vector<CachedMatch> ways(sets.size() * kWays);
  for (CachedMatch& entry : ways_) {
    if (!entry.result) {
      continue;
    }
    const size_t spot = SpotOf(*entry.index, std::hash<std::string_view>{}(entry.subject));
    const size_t at = spot & (sets.size() - 1);
    // A set is split in two, so there is always a way left.
    const auto way = static_cast<size_t>(std::countr_one(sets[at].taken));
    sets[at].tags[way] = TagOf(spot);
    sets[at].taken |= static_cast<uint8_t>(1U << way);
    ways[at * kWays + way] = std::move(entry);
  }
  sets_ = std::move(sets);
  ways_ = std::move(ways);
}

MatchCache::Stats MatchCache::stats() const {
  Stats out{.entries = entries_, .lookups = lookups_, .misses = misses_};
  for (const CachedMatch& entry : ways_) {
    if (entry.result) {
      const uint64_t fanout = entry.result->targets.size() + entry.result->queues.size();
      out.total_fanout += fanout;
      out.max_fanout = std::max(out.max_fanout, fanout);
    }
  }
  return out;
}

}  // namespace weir::server

#include "storage/indexed_stream_store.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"

#include "protocol/base/status.h"
#include "protocol/subject.h"

namespace weir::storage {

namespace {

// A search by wildcard reads on for at least so many messages before it asks the index, which costs
// a walk over all subjects.
constexpr uint64_t kMissesBeforeIndex = 256;
// Reading a message of the caches costs about as much as looking up so many subjects.
constexpr uint64_t kLookupsPerRead = 2;
// … and as much as comparing so many subjects with a wildcard.
constexpr uint64_t kMatchesPerRead = 4;
// So few messages are read rather than looked up in any case.
constexpr uint64_t kShortTail = 8;
// One call of Next() looks at so many messages; then the caller gets to do other work.
constexpr uint64_t kScanBudget = 50'000;

bool CoversAll(std::string_view filter) {
  return filter.empty() || filter == ">";
}

}  // namespace

IndexedStreamStore::IndexedStreamStore(StreamSeq first_seq) {
  if (first_seq > 1) {
    state_.first_seq = first_seq;
    state_.last_seq = first_seq - 1;
  }
}

// What is found out late changes nothing that a caller could tell.
const StoreState& IndexedStreamStore::state() const {
  auto* self =
      const_cast<IndexedStreamStore*>(this);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  self->state_.num_subjects = index_.num_subjects();
  self->state_.num_deleted =
      state_.messages == 0 ? 0 : state_.last_seq - state_.first_seq + 1 - state_.messages;
  self->state_.num_lost = holes_.size();
  return state_;
}

int64_t IndexedStreamStore::FirstTimeNs() const {
  auto* self =
      const_cast<IndexedStreamStore*>(this);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  if (!first_time_known_) {
    Fetched first;
    bool found = state_.messages > 0 &&
                 self->Fetch(state_.first_seq, Wait::kYes, first) == ReadOutcome::kFound;
    self->first_time_ns_ = found ? first.view.time_ns : 0;
    self->first_time_known_ = true;
  }
  return first_time_ns_;
}

StreamSeq IndexedStreamStore::NextExisting(StreamSeq from) const {
  if (state_.messages == 0) {
    return state_.last_seq + 1;
  }
  return deleted_.NextAbsent(std::max(from, state_.first_seq));
}

// ---- changes ----

void IndexedStreamStore::NoteGap(StreamSeq first, StreamSeq last) {
  if (first > last) {
    return;
  }
  if (state_.messages > 0) {
    deleted_.InsertRange(first, last);
  } else {
    state_.first_seq = last + 1;
  }
  state_.last_seq = std::max(state_.last_seq, last);
}

void IndexedStreamStore::NoteAppended(const MessageView& message) {
  WEIR_CHECK(message.seq > state_.last_seq);
  NoteGap(state_.last_seq + 1, message.seq - 1);
  if (state_.messages == 0) {
    state_.first_seq = message.seq;
    first_time_ns_ = message.time_ns;
    first_time_known_ = true;
  }
  state_.last_seq = message.seq;
  state_.last_time_ns = message.time_ns;
  ++state_.messages;
  state_.bytes += BytesOf(message);
  if (headers_from_ == 0 && !message.headers.empty()) {
    headers_from_ = message.seq;
  }
  index_.Add(message.subject, message.seq, BytesOf(message));
}

bool IndexedStreamStore::Remove(StreamSeq seq, bool erase) {
  if (!Exists(seq)) {
    return false;
  }
  Fetched fetched;
  bool found = Fetch(seq, Wait::kYes, fetched) == ReadOutcome::kFound;
  fetched.view.seq = seq;
  Drop(fetched.view, found, StreamIndex::kNoSubject, erase);
  if (seq == state_.first_seq) {
    SettleFirst();
  }
  return true;
}

bool IndexedStreamStore::RemoveOf(std::string_view subject, StreamSeq seq) {
  if (!Exists(seq)) {
    return false;
  }
  SubjectId id = index_.FindId(subject);
  uint64_t bytes = id == StreamIndex::kNoSubject ? 0 : index_.BytesOfFirst(id, seq);
  Fetched fetched;
  if (bytes == 0 || state_.messages == 1 ||
      Fetch(seq, Wait::kCached, fetched) == ReadOutcome::kFound) {
    return Remove(seq, false);
  }
  --state_.messages;
  state_.bytes -= std::min(state_.bytes, bytes);
  index_.Remove(id, seq);
  deleted_.Insert(seq);
  OnRemovedUnread(seq, bytes);
  if (seq == state_.first_seq) {
    SettleFirst();
  }
  return true;
}

void IndexedStreamStore::Drop(const MessageView& message, bool found, SubjectId id, bool erase) {
  --state_.messages;
  if (found) {
    state_.bytes -= std::min(state_.bytes, BytesOf(message));
    if (id == StreamIndex::kNoSubject) {
      index_.Remove(message.subject, message.seq);
    } else {
      index_.Remove(id, message.seq);
    }
  }
  if (state_.messages == 0) {
    // A damaged message could not be taken off its subject.
    state_.bytes = 0;
    index_.Clear();
  }
  deleted_.Insert(message.seq);
  OnRemoved(message, erase);
}

// The first message is gone: everything deleted behind it is no longer interior.
void IndexedStreamStore::SettleFirst() {
  state_.first_seq = deleted_.NextAbsent(state_.first_seq);
  deleted_.EraseBelow(state_.first_seq);
  holes_.EraseBelow(state_.first_seq);
  state_.lost_bytes = holes_.empty() ? 0 : state_.lost_bytes;
  if (state_.messages == 0) {
    state_.first_seq = state_.last_seq + 1;
    first_time_ns_ = 0;
    deleted_.Clear();
    first_time_known_ = true;
  } else {
    first_time_known_ = false;
  }
  OnTrimmed(state_.first_seq);
}

uint64_t IndexedStreamStore::DropEverything(StreamSeq next_seq) {
  uint64_t dropped = state_.messages;
  state_.messages = 0;
  state_.bytes = 0;
  state_.last_seq = std::max(state_.last_seq, next_seq - 1);
  index_.Clear();
  SettleFirst();
  return dropped;
}

uint64_t IndexedStreamStore::TrimTo(StreamSeq seq) {
  if (seq <= state_.first_seq || (state_.messages == 0 && seq <= state_.last_seq + 1)) {
    return 0;
  }
  if (seq > state_.last_seq) {
    return DropEverything(seq);
  }
  uint64_t dropped = 0;
  for (StreamSeq at = NextExisting(0); at < seq; at = deleted_.NextAbsent(at + 1)) {
    Fetched fetched;
    --state_.messages;
    ++dropped;
    if (Fetch(at, Wait::kWalk, fetched) == ReadOutcome::kFound) {
      state_.bytes -= std::min(state_.bytes, BytesOf(fetched.view));
      index_.Remove(fetched.view.subject, at);
    }
  }
  state_.first_seq = seq;
  SettleFirst();
  return dropped;
}

uint64_t IndexedStreamStore::Purge(std::string_view filter, StreamSeq below, uint64_t keep) {
  if (state_.messages == 0 || (below != 0 && below <= state_.first_seq)) {
    return 0;
  }
  if (!CoversAll(filter)) {
    return PurgeMatching(filter, below, keep);
  }
  StreamSeq end = below == 0 ? state_.last_seq + 1 : std::min(below, state_.last_seq + 1);
  if (keep > 0) {
    uint64_t present = end - state_.first_seq - deleted_.CountIn(state_.first_seq, end - 1);
    if (present <= keep) {
      return 0;
    }
    end = deleted_.NthAbsent(state_.first_seq, present - keep + 1);
  }
  return TrimTo(end);
}

uint64_t IndexedStreamStore::PurgeMatching(std::string_view filter, StreamSeq below,
                                           uint64_t keep) {
  std::vector<SubjectId> subjects;
  uint64_t matching = 0;
  StreamSeq from = UINT64_MAX;
  index_.ForEach(filter, [&](SubjectId id) {
    StreamIndex::Bounds bounds = index_.bounds(id);
    subjects.push_back(id);
    matching += bounds.messages;
    from = std::min(from, bounds.first);
    return true;
  });
  StreamSeq end = below == 0 ? state_.last_seq + 1 : std::min(below, state_.last_seq + 1);
  if (keep > 0 && end <= state_.last_seq) {
    matching = CountMatching(state_.first_seq, end - 1, subjects);
  }
  if (matching <= keep) {
    return 0;
  }
  auto listed = index_.List(subjects);
  uint64_t dropped = listed.has_value() ? DropListed(*listed, end, matching - keep)
                                        : DropMatching(filter, from, end, matching - keep);
  if (dropped > 0 && (state_.messages == 0 || deleted_.Contains(state_.first_seq))) {
    SettleFirst();
  }
  return dropped;
}

uint64_t IndexedStreamStore::DropListed(const std::vector<StreamIndex::Listed>& listed,
                                        StreamSeq end, uint64_t count) {
  // What lies close together is read with what is in between.
  constexpr StreamSeq kClose = 1024;
  uint64_t dropped = 0;
  for (size_t i = 0; i < listed.size() && listed[i].seq < end && dropped < count; ++i) {
    const auto& [seq, id] = listed[i];
    bool walk = i + 1 < listed.size() && listed[i + 1].seq - seq < kClose;
    Fetched fetched;
    if (Fetch(seq, walk ? Wait::kWalk : Wait::kYes, fetched) == ReadOutcome::kFound) {
      Drop(fetched.view, /*found=*/true, id, /*erase=*/false);
      ++dropped;
    }
  }
  return dropped;
}

uint64_t IndexedStreamStore::DropMatching(std::string_view filter, StreamSeq from, StreamSeq end,
                                          uint64_t count) {
  const bool literal = !protocol::HasWildcard(filter);
  const SubjectId id = literal ? index_.FindId(filter) : StreamIndex::kNoSubject;
  uint64_t dropped = 0;
  for (StreamSeq at = NextExisting(from); at < end && dropped < count; at = NextExisting(at + 1)) {
    Fetched fetched;
    if (Fetch(at, Wait::kWalk, fetched) == ReadOutcome::kFound &&
        (literal ? fetched.view.subject == filter
                 : protocol::Matches(fetched.view.subject, filter))) {
      Drop(fetched.view, /*found=*/true, id, /*erase=*/false);
      ++dropped;
    }
  }
  return dropped;
}

// ---- reads ----

ReadOutcome IndexedStreamStore::Deliver(StreamSeq seq, StoredMessage& out) {
  Fetched fetched;
  ReadOutcome outcome = Fetch(seq, Wait::kNo, fetched);
  if (outcome == ReadOutcome::kFound) {
    out.view = fetched.view;
    out.keep = *fetched.keep;
  } else {
    out.view = MessageView{};
    out.view.seq = seq;
  }
  if (outcome != ReadOutcome::kMissing && outcome != ReadOutcome::kDamaged) {
    return outcome;
  }
  if (holes_.Insert(seq)) {
    OnDamaged(seq);
  }
  return ReadOutcome::kDamaged;
}

ReadOutcome IndexedStreamStore::Get(StreamSeq seq, StoredMessage& out) {
  if (!holes_.empty() && holes_.Contains(seq)) {
    return ReadOutcome::kDamaged;
  }
  if (state_.messages == 0 || seq < state_.first_seq || seq > state_.last_seq ||
      deleted_.Contains(seq)) {
    return ReadOutcome::kMissing;
  }
  return Deliver(seq, out);
}

ReadOutcome IndexedStreamStore::NextAny(StreamSeq from, StoredMessage& out) {
  for (StreamSeq seq = NextExisting(from); seq <= state_.last_seq; seq = NextExisting(seq + 1)) {
    ReadOutcome outcome = Deliver(seq, out);
    if (outcome != ReadOutcome::kDamaged) {
      return outcome;
    }
  }
  return ReadOutcome::kMissing;
}

ReadOutcome IndexedStreamStore::Next(StreamSeq from, const protocol::SubjectFilters& filters,
                                     StoredMessage& out) {
  if (state_.messages == 0 || from > state_.last_seq) {
    return ReadOutcome::kMissing;
  }
  if (filters.covers_all()) {
    return NextAny(from, out);
  }
  return NextMatching(std::max(from, state_.first_seq), filters, out);
}

StreamSeq IndexedStreamStore::Candidate(StreamSeq from, const protocol::SubjectFilters& filters,
                                        bool& exact) const {
  StreamSeq best = 0;
  exact = true;
  auto consider = [&](SubjectId id) {
    std::optional<StreamSeq> next = index_.NextOf(id, from);
    StreamSeq seq = next.has_value() ? *next : std::max(from, index_.bounds(id).first);
    if (seq != 0 && (best == 0 || seq < best || (seq == best && !next.has_value()))) {
      best = seq;
      exact = next.has_value();
    }
    return best != from || exact;  // nothing can be lower
  };
  for (const std::string& filter : filters.patterns()) {
    index_.ForEach(filter, consider);
  }
  return best;
}

uint64_t IndexedStreamStore::CostOfIndex(const protocol::SubjectFilters& filters) const {
  if (filters.literal()) {
    return filters.size() / kLookupsPerRead;
  }
  return std::clamp(filters.size() * index_.num_subjects() / kMatchesPerRead, kMissesBeforeIndex,
                    kScanBudget / 2);
}

ReadOutcome IndexedStreamStore::NextMatching(StreamSeq from,
                                             const protocol::SubjectFilters& filters,
                                             StoredMessage& out) {
  // With few literal filters the index is asked first; else it is asked for what reading has cost
  // by then, so that the two together cost at most twice what the better one would have.
  uint64_t index_cost = CostOfIndex(filters);
  uint64_t ask_index_at = index_cost <= kShortTail ? 0 : index_cost;
  uint64_t looked_at = 0;
  for (StreamSeq seq = NextExisting(from); seq <= state_.last_seq; seq = NextExisting(seq + 1)) {
    if (looked_at >= ask_index_at) {
      bool exact = false;
      StreamSeq candidate = Candidate(seq, filters, exact);
      if (candidate == 0) {
        return ReadOutcome::kMissing;
      }
      seq = NextExisting(candidate);
      if (seq > state_.last_seq) {
        return ReadOutcome::kMissing;
      }
      ask_index_at = looked_at + std::max<uint64_t>(index_cost, 16);
    }
    if (++looked_at > kScanBudget) {
      out.view = MessageView{};
      out.view.seq = seq;
      return ReadOutcome::kWouldBlock;
    }
    Fetched fetched;
    ReadOutcome outcome = Fetch(seq, Wait::kNo, fetched);
    if (outcome == ReadOutcome::kWouldBlock) {
      out.view = MessageView{};
      out.view.seq = seq;
      return outcome;
    }
    if (outcome == ReadOutcome::kFound && filters.Match(fetched.view.subject)) {
      out.view = fetched.view;
      out.keep = *fetched.keep;
      return outcome;
    }
  }
  return ReadOutcome::kMissing;
}

std::optional<StreamStore::Ahead> IndexedStreamStore::ListAhead(
    StreamSeq from, const protocol::SubjectFilters& filters, size_t most) const {
  if (filters.covers_all()) {
    return std::nullopt;
  }
  std::optional<Ahead> out(std::in_place);
  out->upto = state_.last_seq;
  std::vector<StreamSeq>& lowest = out->seqs;  // a heap, the highest in front
  const auto add = [&](StreamSeq seq) {
    if (seq > out->upto) {
      return false;
    }
    lowest.push_back(seq);
    std::push_heap(lowest.begin(), lowest.end());
    if (lowest.size() > most) {
      std::pop_heap(lowest.begin(), lowest.end());
      lowest.pop_back();
      out->upto = lowest.front();
    }
    return true;
  };
  for (const std::string& filter : filters.patterns()) {
    bool known = true;
    index_.ForEach(filter, [&](SubjectId id) { return known = index_.VisitFrom(id, from, add); });
    if (!known) {
      return std::nullopt;
    }
  }
  std::sort(lowest.begin(), lowest.end());
  lowest.erase(std::unique(lowest.begin(), lowest.end()), lowest.end());
  return out;
}

StreamSeq IndexedStreamStore::SearchFirst(SubjectId id, StreamSeq from) {
  StreamSeq last = index_.bounds(id).last;
  for (StreamSeq seq = NextExisting(from); seq <= last; seq = NextExisting(seq + 1)) {
    Fetched fetched;
    if (Fetch(seq, Wait::kWalk, fetched) == ReadOutcome::kFound &&
        fetched.view.subject == index_.text(id)) {
      return seq;
    }
  }
  return last;
}

StreamSeq IndexedStreamStore::SearchLast(SubjectId id, StreamSeq from) {
  StreamSeq first = std::max(index_.bounds(id).first, state_.first_seq);
  for (StreamSeq seq = deleted_.PreviousAbsent(from); seq > first;
       seq = deleted_.PreviousAbsent(seq - 1)) {
    Fetched fetched;
    if (Fetch(seq, Wait::kYes, fetched) == ReadOutcome::kFound &&
        fetched.view.subject == index_.text(id)) {
      return seq;
    }
  }
  return first;
}

SubjectState IndexedStreamStore::Exact(SubjectId id) {
  StreamIndex::Bounds bounds = index_.bounds(id);
  if (!bounds.last_exact) {
    index_.SetLast(id, SearchLast(id, bounds.last));
  }
  if (!bounds.first_exact) {
    index_.SetFirst(id, SearchFirst(id, bounds.first));
  }
  bounds = index_.bounds(id);
  return SubjectState{bounds.first, bounds.last, bounds.messages};
}

std::optional<SubjectState> IndexedStreamStore::LastOf(std::string_view subject) const {
  SubjectId id = index_.FindId(subject);
  if (id == StreamIndex::kNoSubject) {
    return std::nullopt;
  }
  // Only the index's knowledge grows.
  return const_cast<IndexedStreamStore*>(this)->Exact(
      id);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

void IndexedStreamStore::ForEachSubject(
    std::string_view pattern,
    const std::function<bool(std::string_view, const SubjectState&)>& visit) const {
  auto* self =
      const_cast<IndexedStreamStore*>(this);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  index_.ForEach(pattern, [&](SubjectId id) { return visit(index_.text(id), self->Exact(id)); });
}

uint64_t IndexedStreamStore::CountMatching(StreamSeq first, StreamSeq last,
                                           const std::vector<SubjectId>& subjects) {
  if (subjects.empty() || first > last) {
    return 0;
  }
  absl::flat_hash_set<SubjectId> wanted(subjects.begin(), subjects.end());
  uint64_t count = 0;
  for (StreamSeq seq = NextExisting(first); seq <= last; seq = NextExisting(seq + 1)) {
    Fetched fetched;
    if (Fetch(seq, Wait::kWalk, fetched) == ReadOutcome::kFound) {
      count += wanted.count(index_.FindId(fetched.view.subject));
    }
  }
  return count;
}

std::optional<uint64_t> IndexedStreamStore::CountByReading(
    StreamSeq first, const protocol::SubjectFilters& filters) {
  uint64_t count = 0;
  for (StreamSeq seq = NextExisting(first); seq <= state_.last_seq; seq = NextExisting(seq + 1)) {
    Fetched fetched;
    ReadOutcome outcome = Fetch(seq, Wait::kNo, fetched);
    if (outcome == ReadOutcome::kWouldBlock) {
      return std::nullopt;
    }
    count += outcome == ReadOutcome::kFound && filters.Match(fetched.view.subject) ? 1 : 0;
  }
  return count;
}

uint64_t IndexedStreamStore::CountFrom(StreamSeq from, const protocol::SubjectFilters& filters) {
  if (state_.messages == 0 || from > state_.last_seq) {
    return 0;
  }
  if (from <= state_.first_seq && filters.covers_all()) {
    return state_.messages;
  }
  if (filters.covers_all()) {
    return state_.last_seq - from + 1 - deleted_.CountIn(from, state_.last_seq);
  }
  if (state_.last_seq - from < std::max(kShortTail, CostOfIndex(filters))) {
    if (auto read = CountByReading(from, filters)) {
      return *read;
    }
  }
  uint64_t count = 0;
  uint64_t straddling_messages = 0;
  std::vector<SubjectId> straddling;  // begin below `from`, end at or above it
  absl::flat_hash_set<SubjectId> seen;
  for (const std::string& filter : filters.patterns()) {
    index_.ForEach(filter, [&](SubjectId id) {
      StreamIndex::Bounds bounds = index_.bounds(id);
      if ((filters.size() > 1 && !seen.insert(id).second) || bounds.last < from) {
        return true;
      }
      if (bounds.first >= from || from <= state_.first_seq) {
        count += bounds.messages;
      } else {
        straddling.push_back(id);
        straddling_messages += bounds.messages;
      }
      return true;
    });
  }
  // Counting reads messages: on the shorter side.
  if (from - state_.first_seq < state_.last_seq - from) {
    return count + straddling_messages - CountMatching(state_.first_seq, from - 1, straddling);
  }
  return count + CountMatching(from, state_.last_seq, straddling);
}

StreamSeq IndexedStreamStore::SeqAtTime(int64_t time_ns) {
  StreamSeq low = state_.messages == 0 ? state_.last_seq + 1 : state_.first_seq;
  StreamSeq high = state_.last_seq + 1;  // everything at or above is late enough
  while (low < high) {
    StreamSeq middle = low + (high - low) / 2;
    StreamSeq at = NextExisting(middle);
    Fetched fetched;
    while (at < high && Fetch(at, Wait::kYes, fetched) != ReadOutcome::kFound) {
      at = NextExisting(at + 1);
    }
    if (at >= high) {
      high = middle;
    } else if (fetched.view.time_ns >= time_ns) {
      high = middle;
    } else {
      low = at + 1;
    }
  }
  return NextExisting(low);
}

std::vector<std::pair<StreamSeq, StreamSeq>> IndexedStreamStore::DeletedRuns(size_t limit) const {
  return deleted_.Runs(limit);
}

std::vector<std::pair<StreamSeq, StreamSeq>> IndexedStreamStore::LostRuns(size_t limit) const {
  return holes_.Runs(limit);
}

}  // namespace weir::storage

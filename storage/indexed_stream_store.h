#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/sequence_set.h"
#include "storage/stream_index.h"
#include "storage/stream_store.h"

namespace weir::storage {

// What both stores share: the counters, the subject index, the interior deletes, and the searches,
// trims and purges built on them. The store underneath only keeps bytes: it fetches one message by
// its number and is told what was dropped.
//
// Deleting messages needs their subjects and sizes, so a trim or a purge by subject reads what it
// deletes, waiting for the disk if it must; a purge of everything reads nothing. The same holds for
// the first (last) sequence of a subject with more than 64 messages after its first (last) one was
// deleted, which is found when somebody asks for it.
class IndexedStreamStore : public StreamStore {
 public:
  bool Remove(StreamSeq seq, bool erase) override;
  bool RemoveOf(std::string_view subject, StreamSeq seq) override;
  uint64_t TrimTo(StreamSeq seq) override;
  uint64_t Purge(std::string_view filter, StreamSeq below, uint64_t keep) override;

  const StoreState& state() const override;
  int64_t FirstTimeNs() const override;
  ReadOutcome Get(StreamSeq seq, StoredMessage& out) override;
  ReadOutcome Next(StreamSeq from, const protocol::SubjectFilters& filters,
                   StoredMessage& out) override;
  std::optional<Ahead> ListAhead(StreamSeq from, const protocol::SubjectFilters& filters,
                                 size_t most) const override;
  std::optional<SubjectState> LastOf(std::string_view subject) const override;
  void ForEachSubject(
      std::string_view pattern,
      const std::function<bool(std::string_view, const SubjectState&)>& visit) const override;
  uint64_t CountFrom(StreamSeq from, const protocol::SubjectFilters& filters) override;
  StreamSeq HeadersFrom() const override {
    return headers_from_ == 0 ? state_.last_seq + 1 : headers_from_;
  }
  StreamSeq SeqAtTime(int64_t time_ns) override;
  std::vector<std::pair<StreamSeq, StreamSeq>> DeletedRuns(size_t limit) const override;
  std::vector<std::pair<StreamSeq, StreamSeq>> LostRuns(size_t limit) const override;

 protected:
  enum class Wait : uint8_t {
    kCached,  // no more than the store's own caches
    kNo,
    kYes,
    kWalk,  // and those behind it are wanted next
  };
  struct Fetched {
    MessageView view;
    const SharedBytes* keep = nullptr;  // holds the view's bytes
  };

  // `first_seq`: of a new stream; 0 means 1.
  explicit IndexedStreamStore(StreamSeq first_seq);

  // ---- for the store underneath ----

  // A message that exists (in range, not deleted). The view lives until the next call. kMissing
  // counts as damaged.
  virtual ReadOutcome Fetch(StreamSeq seq, Wait wait, Fetched& out) = 0;
  virtual uint64_t BytesOf(const MessageView& message) const = 0;
  // The message is gone from the counters; it was `message` (only its number when damaged).
  virtual void OnRemoved(const MessageView& message, bool erase) = 0;
  // The same for one that was not read; it counted for so much.
  virtual void OnRemovedUnread(StreamSeq /*seq*/, uint64_t /*bytes*/) {}
  // Nothing below `first` exists any more.
  virtual void OnTrimmed(StreamSeq first) = 0;
  // A message that should be there cannot be read; told once.
  virtual void OnDamaged(StreamSeq seq) = 0;

  // The new message in the counters; before or after its bytes are kept.
  void NoteAppended(const MessageView& message);
  // Numbers that never had a message or lost it, behind the last one. For gaps and recovery.
  void NoteGap(StreamSeq first, StreamSeq last);

  StoreState& mutable_state() { return state_; }
  const StoreState& raw_state() const { return state_; }  // without what state() counts
  SequenceSet& deleted() { return deleted_; }
  const SequenceSet& deleted() const { return deleted_; }
  // Numbers whose message was not deleted but lost: reads say so. Those that were found at opening
  // are in deleted(), too.
  SequenceSet& holes() { return holes_; }
  StreamIndex& index() { return index_; }
  const StreamIndex& index() const { return index_; }
  // The first existing message at or above `from`; beyond last_seq when there is none.
  StreamSeq NextExisting(StreamSeq from) const;

 private:
  using SubjectId = StreamIndex::SubjectId;

  // An existing message goes; `found`: it could be read. `id`: its subject, when that is known.
  void Drop(const MessageView& message, bool found, SubjectId id, bool erase);
  bool Exists(StreamSeq seq) const {
    return state_.messages > 0 && seq >= state_.first_seq && seq <= state_.last_seq &&
           !deleted_.Contains(seq);
  }
  void SettleFirst();
  uint64_t DropEverything(StreamSeq next_seq);
  uint64_t PurgeMatching(std::string_view filter, StreamSeq below, uint64_t keep);
  // The first `count` of these below `end`. Like the next one it leaves the first message of the
  // stream to be settled.
  uint64_t DropListed(const std::vector<StreamIndex::Listed>& listed, StreamSeq end,
                      uint64_t count);
  // The first `count` in [from, end) that match, found by reading.
  uint64_t DropMatching(std::string_view filter, StreamSeq from, StreamSeq end, uint64_t count);
  ReadOutcome Deliver(StreamSeq seq, StoredMessage& out);
  ReadOutcome NextAny(StreamSeq from, StoredMessage& out);
  // The first sequence at or above `from` that the index cannot rule out; 0: there is none.
  // `exact`: the message there matches.
  StreamSeq Candidate(StreamSeq from, const protocol::SubjectFilters& filters, bool& exact) const;
  ReadOutcome NextMatching(StreamSeq from, const protocol::SubjectFilters& filters,
                           StoredMessage& out);
  SubjectState Exact(SubjectId id);
  StreamSeq SearchFirst(SubjectId id, StreamSeq from);
  StreamSeq SearchLast(SubjectId id, StreamSeq from);
  // What asking the index costs, in messages that could be read instead.
  uint64_t CostOfIndex(const protocol::SubjectFilters& filters) const;
  // The messages from `first` on that match, read one by one; nullopt when one is on disk.
  std::optional<uint64_t> CountByReading(StreamSeq first, const protocol::SubjectFilters& filters);
  uint64_t CountMatching(StreamSeq first, StreamSeq last, const std::vector<SubjectId>& subjects);

  StoreState state_;
  int64_t first_time_ns_ = 0;
  bool first_time_known_ = true;
  StreamSeq headers_from_ = 0;  // of the first message with headers, or less
  SequenceSet deleted_;
  SequenceSet holes_;
  StreamIndex index_;
};

}  // namespace weir::storage

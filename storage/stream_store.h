#pragma once

// The interface that a stream needs of its store, and nothing of RocksDB.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"
#include "protocol/base/status.h"
#include "protocol/subject_filters.h"

namespace weir::storage {

class StagedBatch;

// What a record can hold; publishers are refused before they get here.
inline constexpr size_t kMaxSubjectBytes = 65'000;

// A stored message as views; whoever hands it out says how long they live.
struct MessageView {
  StreamSeq seq = 0;
  int64_t time_ns = 0;  // Unix
  std::string_view subject;
  std::string_view headers;  // the whole block, empty without headers
  std::string_view payload;
};

// A stored message that keeps its bytes alive by itself.
struct StoredMessage {
  MessageView view;  // points into `keep`
  SharedBytes keep;
};

// A contiguous piece of a stream for bulk reading away from the home: everything that exists in the
// closed interval [first, last], in order. Numbers of the interval that are missing in `messages`
// were deleted or expired.
struct MessageRun {
  std::vector<StoredMessage> messages;
  StreamSeq first = 0;
  StreamSeq last = 0;  // 0: nothing to read yet
};

enum class ReadOutcome : uint8_t {
  kFound,
  kMissing,     // deleted, expired, below first or above last
  kWouldBlock,  // on disk: call Load() and try again when it is done
  kDamaged,     // a reported hole: there was a message, its bytes are lost
};

// Counters of a stream (jetstream-api.md 4.3). `bytes` counts as the reference counts.
struct StoreState {
  uint64_t messages = 0;
  uint64_t bytes = 0;
  StreamSeq first_seq = 0;  // last_seq + 1 when empty, 0 when never used
  StreamSeq last_seq = 0;
  int64_t last_time_ns = 0;  // kept when the stream is emptied
  uint64_t num_deleted = 0;  // interior deletes: last_seq - first_seq + 1 - messages
  uint64_t num_subjects = 0;
  uint64_t num_lost = 0;    // damaged, as far as known; what is found later still counts as message
  uint64_t lost_bytes = 0;  // … where the counters before and after tell
};

// What can be told of a stream without reading it (PeekState).
struct PeekedState : StoreState {
  int64_t first_time_ns = 0;  // as StreamStore::FirstTimeNs()
};

struct SubjectState {
  StreamSeq first = 0;
  StreamSeq last = 0;
  uint64_t messages = 0;
};

// The messages of one stream. Two implementations, file (RocksDB) and memory, run the same tests.
//
// Confined to the stream's home. Changes are visible to reads of the home at once, and *staged*: at
// the end of the turn Flush() puts them into the shard's batch, and only when that batch is
// committed may anything be acknowledged or delivered (I6; the stream keeps the committed bound).
// Views returned by reads live until the next non-const call, unless they carry their bytes.
class StreamStore {
 public:
  virtual ~StreamStore() = default;

  // ---- changes, staged ----

  // Appends at `message.seq`, which is last_seq + 1 or more (a mirror may leave a gap; the gap
  // counts as deleted). time_ns must not go backwards by more than the caller accepts; it is stored
  // as is.
  virtual void Append(const MessageView& message) = 0;

  // Deletes one message. False when there is none with this number. `erase` also overwrites the
  // bytes.
  virtual bool Remove(StreamSeq seq, bool erase) = 0;

  // The same for a message whose subject the caller knows: of the first message of a subject, which
  // limits per subject delete, nothing has to be read then.
  virtual bool RemoveOf(std::string_view /*subject*/, StreamSeq seq) { return Remove(seq, false); }

  // Deletes everything below `seq`; first_seq becomes at least `seq`. last_seq never goes back:
  // trimming beyond the end leaves an empty stream with last_seq = seq - 1. Returns how many.
  virtual uint64_t TrimTo(StreamSeq seq) = 0;

  // Deletes messages whose subject matches `filter` (a pattern; empty or ">" means all) with
  // sequence below `below` (0: no bound), keeping the newest `keep` of them. Returns how many.
  virtual uint64_t Purge(std::string_view filter, StreamSeq below, uint64_t keep) = 0;

  // Puts what was staged since the last call into `batch`. A memory store puts nothing.
  virtual void Flush(StagedBatch& batch) = 0;

  // What the store calls, at the home, when it has staged something by itself, so that Flush()
  // comes soon. It outlives the store.
  virtual void WhenWorkIsStaged(std::function<void()> /*flush_soon*/) {}

  // Gives back the memory of caches that were not used since the call before.
  virtual void TrimCaches() {}

  // Deletes the stream with all its keys; the object must not be used afterwards.
  virtual void Destroy(StagedBatch& batch) = 0;

  // ---- reads ----

  virtual const StoreState& state() const = 0;
  // When the first message was stored, 0 when there is none. May have to read it from the disk.
  virtual int64_t FirstTimeNs() const = 0;

  virtual ReadOutcome Get(StreamSeq seq, StoredMessage& out) = 0;

  // The first existing message at or above `from` whose subject matches `filters`. Skips by the
  // subject index, never by reading messages that cannot match. On kFound,
  // `out` is the message; on kWouldBlock, out.view.seq says from where Load() must start; on
  // kMissing there is none up to the end.
  virtual ReadOutcome Next(StreamSeq from, const protocol::SubjectFilters& filters,
                           StoredMessage& out) = 0;

  // Where messages that match the filters stand from `from` on, by the index alone and in order: at
  // most `most` of them, and how far the list goes. A number of it may have been deleted since.
  // nullopt when only reading tells, or everything matches. Costs a look at every subject when a
  // filter has a wildcard.
  struct Ahead {
    std::vector<StreamSeq> seqs;
    StreamSeq upto = 0;  // between `from` and here nothing else matches
  };
  virtual std::optional<Ahead> ListAhead(StreamSeq from, const protocol::SubjectFilters& filters,
                                         size_t most) const = 0;

  // Brings the messages around `seq` into memory on the blocking pool, then runs `done` at the
  // home. At most one load is under way per call; the result stays readable at least until `done`
  // returns.
  virtual void Load(StreamSeq seq, absl::AnyInvocable<void(Status) &&> done) = 0;

  // Prepares reading a run of at most `max_messages` and about `max_bytes` from `from` up to and
  // including `upto`; the returned function does the work and may block, so run it on a blocking
  // pool. It may outlive the store (it then fails or returns what it pinned).
  virtual absl::AnyInvocable<StatusOr<MessageRun>() &&> PrepareRun(StreamSeq from, StreamSeq upto,
                                                                   size_t max_messages,
                                                                   size_t max_bytes) = 0;

  // Per-subject state, from memory. Last message of a literal subject: LastOf(subject)->last.
  virtual std::optional<SubjectState> LastOf(std::string_view subject) const = 0;
  // Every subject that matches the pattern, in no order; stop by returning false.
  virtual void ForEachSubject(
      std::string_view pattern,
      const std::function<bool(std::string_view subject, const SubjectState&)>& visit) const = 0;
  // How many messages at or above `from` match the filters.
  virtual uint64_t CountFrom(StreamSeq from, const protocol::SubjectFilters& filters) = 0;

  // No message below this one has headers.
  virtual StreamSeq HeadersFrom() const = 0;

  // First sequence whose time is at or after `time_ns`; last_seq + 1 when none.
  virtual StreamSeq SeqAtTime(int64_t time_ns) = 0;

  // Interior deletes as inclusive runs, at most `limit` runs.
  virtual std::vector<std::pair<StreamSeq, StreamSeq>> DeletedRuns(size_t limit) const = 0;
  // What is lost to damage, the same way.
  virtual std::vector<std::pair<StreamSeq, StreamSeq>> LostRuns(size_t limit) const = 0;
};

// What one message counts for in StoreState::bytes, as in the reference (jetstream-api.md 4.3).
inline uint64_t FileMessageBytes(const MessageView& m) {
  return 22 + m.subject.size() + (m.headers.empty() ? 0 : 4 + m.headers.size()) + m.payload.size() +
         8;
}
inline uint64_t MemoryMessageBytes(const MessageView& m) {
  return m.subject.size() + m.headers.size() + m.payload.size() + 16;
}

}  // namespace weir::storage

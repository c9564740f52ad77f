#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"

#include "jetstream/consumer_config.h"
#include "protocol/base/ids.h"

namespace weir::jetstream {

// A position in both spaces: what the consumer counted and what the stream counted.
struct SequencePair {
  ConsumerSeq consumer = 0;
  StreamSeq stream = 0;
  bool operator==(const SequencePair&) const = default;
};

// What a consumer delivered and what of it is done: messages in flight with their deadlines, the
// ack floor, the queue of messages to deliver again (jetstream-api.md 9.7).
//
// Pure bookkeeping: it knows no clock and sends nothing; times are steady nanoseconds given by the
// caller. A message in flight costs a table slot of 56 bytes that is used again, so the steady
// state allocates nothing. Not thread-safe: belongs to its consumer's home.
class AckLedger {
 public:
  struct Entry {
    StreamSeq stream_seq = 0;
    ConsumerSeq consumer_seq = 0;  // of the first delivery
    int64_t deadline_ns = 0;       // when it is to be delivered again
    int64_t delivered_ns = 0;      // the last time
    uint32_t deliveries = 0;
  };
  // Everything that survives a restart (consumer_state.h).
  struct Snapshot {
    SequencePair delivered;
    SequencePair floor;
    std::vector<Entry> pending;                            // by stream sequence
    std::vector<std::pair<StreamSeq, uint32_t>> given_up;  // with their deliveries
  };
  struct Redelivery {
    StreamSeq seq = 0;  // 0: none is waiting
    uint32_t deliveries = 0;
    bool exhausted = false;  // reached max_deliver: GiveUp() it
  };

  AckLedger() = default;
  AckLedger(const AckLedger&) = delete;
  AckLedger& operator=(const AckLedger&) = delete;

  // Also when the configuration changes; deadlines that are set stay.
  void Configure(const ConsumerConfig& config);

  // Begins at `next` with nothing delivered.
  void Start(StreamSeq next);
  // Back to `next`, forgetting what is in flight; consumer sequences begin again (9.11).
  void Reset(StreamSeq next) { Start(next); }
  // Takes over a stored state, its deadlines as given.
  void Restore(const Snapshot& snapshot);
  Snapshot Save() const;

  // ---- deliveries ----
  // The next sequence to read from the stream.
  StreamSeq next_stream_seq() const { return delivered_.stream + 1; }
  // The consumer sequence that the next delivery gets.
  ConsumerSeq next_consumer_seq() const { return delivered_.consumer + 1; }
  // False: max_ack_pending is reached, no new message may go out.
  bool HasRoom() const {
    return max_ack_pending_ <= 0 || pending_.size() < static_cast<size_t>(max_ack_pending_);
  }
  // A new message went out; with ack policy none it is done at once. Sequences only rise.
  void Deliver(StreamSeq seq, int64_t now_ns);
  // What is first in the queue of redeliveries.
  Redelivery NextRedelivery() const;
  // That one went out again.
  void Redeliver(StreamSeq seq, int64_t now_ns);
  // That one goes out no more (max_deliver): it leaves the table, but is remembered as unacked.
  // Where dead letters are sent it is held instead.
  void GiveUp(StreamSeq seq);
  // That one stays in flight and is not delivered again: only an ack, or its removal, ends that.
  void Hold(StreamSeq seq);
  bool has_redeliveries() const { return queue_.head != kNone; }

  // ---- answers; all are harmless for messages that are not in flight ----
  // One message is done. True when it was in flight.
  bool Ack(StreamSeq seq);
  // Everything up to and including `seq` is done. True when that moved the floor; `done` is told
  // the messages in flight that it covered, rising.
  bool AckAll(StreamSeq seq, ConsumerSeq consumer_seq, absl::FunctionRef<void(StreamSeq)> done);
  // To be delivered again, at once or after a delay. True when it was in flight.
  bool Nak(StreamSeq seq, ConsumerSeq consumer_seq, int64_t delay_ns, int64_t now_ns);
  // The deadline begins anew.
  bool Progress(StreamSeq seq, int64_t now_ns);

  // Puts every message whose deadline has passed into the queue of redeliveries, in stream order.
  // `exhausted` is told the ones that reached max_deliver instead: GiveUp() was called for them.
  void Expire(int64_t now_ns, absl::FunctionRef<void(StreamSeq, uint32_t deliveries)> exhausted);
  // All at once, due or not: the receiver is gone.
  void ExpireAll(absl::FunctionRef<void(StreamSeq, uint32_t deliveries)> exhausted);
  // The earliest deadline; INT64_MAX without one.
  int64_t next_deadline_ns() const;

  // ---- the stream changed ----
  // One message is gone. True when it was in flight.
  bool Remove(StreamSeq seq);
  // Everything below `first` is gone; what was not delivered of it will be passed over.
  void TrimTo(StreamSeq first);
  // Everything below `next` counts as delivered and done: it was purged, or somebody else saw to
  // it.
  void SkipTo(StreamSeq next);

  // ---- state ----
  const SequencePair& delivered() const { return delivered_; }
  const SequencePair& floor() const { return floor_; }
  size_t num_pending() const { return pending_.size(); }
  // Messages delivered more than once (or given up) and not done.
  size_t num_redelivered() const { return redelivered_ + given_up_.size(); }
  // Messages waiting in the queue of redeliveries.
  size_t num_queued() const { return queue_.size; }
  // What is in flight with the lowest stream sequence, null without any. Valid until the next
  // change.
  const Entry* first_pending() const {
    return by_seq_.head == kNone ? nullptr : &slots_[by_seq_.head].entry;
  }
  // Null when the message is not in flight. Valid until the next change.
  const Entry* Find(StreamSeq seq) const;
  // Is this message not done yet, as far as this consumer is concerned?
  bool Needs(StreamSeq seq) const;
  // The latest deadline of all that is in flight; 0 without any.
  int64_t LatestDeadline() const;

 private:
  using Index = uint32_t;
  static constexpr Index kNone = UINT32_MAX;
  enum class Place : uint8_t {
    kTimed,    // in timed_, the usual wait
    kDelayed,  // in delayed_, a wait of its own
    kQueued,   // in queue_
    kHeld,     // in none
  };
  struct Links {
    Index previous = kNone;
    Index next = kNone;
  };
  struct Slot {
    Entry entry;
    Links by_seq;    // all in flight, rising stream sequence
    Links by_place;  // the list that `place` names
    Place place = Place::kTimed;
  };
  struct List {
    Index head = kNone;
    Index tail = kNone;
    size_t size = 0;
  };

  int64_t WaitFor(uint32_t deliveries) const;
  bool Exhausted(const Entry& entry) const;
  Index FindIndex(StreamSeq seq) const;
  Index Insert(const Entry& entry);
  void Erase(Index index);
  void Append(List& list, Links Slot::* links, Index index);
  void Unlink(List& list, Links Slot::* links, Index index);
  // Out of the place where it waits; Wait() or Enqueue() must follow.
  void Leave(Index index);
  void Wait(Index index, int64_t deadline_ns, bool usual);
  void WaitFromNow(Index index, int64_t now_ns);
  void Enqueue(Index index);
  void EnqueueAll(std::vector<StreamSeq>& due,
                  absl::FunctionRef<void(StreamSeq, uint32_t)> exhausted);
  // After a message that was first delivered as `consumer_seq` left the table.
  void MoveFloorAfter(ConsumerSeq consumer_seq);
  void Clear();

  AckPolicy policy_ = AckPolicy::kNone;
  int64_t ack_wait_ns_ = 0;
  std::vector<int64_t> backoff_ns_;
  int64_t max_deliver_ = -1;
  int64_t max_ack_pending_ = -1;
  bool holds_exhausted_ = false;

  SequencePair delivered_;
  SequencePair floor_;

  std::vector<Slot> slots_;
  std::vector<Index> free_;
  absl::flat_hash_map<StreamSeq, Index> pending_;
  List by_seq_;
  List timed_;  // rising deadlines
  List queue_;
  absl::btree_set<std::pair<int64_t, Index>> delayed_;
  absl::btree_map<StreamSeq, uint32_t> given_up_;
  size_t redelivered_ = 0;  // in flight with more than one delivery
};

}  // namespace weir::jetstream

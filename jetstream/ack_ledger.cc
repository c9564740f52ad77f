#include "jetstream/ack_ledger.h"

#include <algorithm>

#include "protocol/base/status.h"

namespace weir::jetstream {

void AckLedger::Configure(const ConsumerConfig& config) {
  policy_ = config.ack_policy;
  ack_wait_ns_ = config.ack_wait_ns;
  backoff_ns_ = config.backoff_ns;
  max_deliver_ = config.max_deliver;
  max_ack_pending_ = policy_ == AckPolicy::kNone ? -1 : config.max_ack_pending;
}

void AckLedger::Start(StreamSeq next) {
  Clear();
  delivered_ = {0, next == 0 ? 0 : next - 1};
  floor_ = delivered_;
}

void AckLedger::Clear() {
  slots_.clear();
  free_.clear();
  pending_.clear();
  by_seq_ = timed_ = queue_ = List{};
  delayed_.clear();
  given_up_.clear();
  redelivered_ = 0;
}

void AckLedger::Restore(const Snapshot& snapshot) {
  Clear();
  delivered_ = snapshot.delivered;
  floor_ = snapshot.floor;
  for (const Entry& entry : snapshot.pending) {
    Index index = Insert(entry);
    Wait(index, entry.deadline_ns, false);
    redelivered_ += entry.deliveries > 1 ? 1 : 0;
  }
  given_up_.insert(snapshot.given_up.begin(), snapshot.given_up.end());
}

AckLedger::Snapshot AckLedger::Save() const {
  Snapshot snapshot{delivered_, floor_, {}, {given_up_.begin(), given_up_.end()}};
  snapshot.pending.reserve(pending_.size());
  for (Index at = by_seq_.head; at != kNone; at = slots_[at].by_seq.next) {
    snapshot.pending.push_back(slots_[at].entry);
  }
  return snapshot;
}

void AckLedger::Deliver(StreamSeq seq, int64_t now_ns) {
  WEIR_DCHECK(seq > delivered_.stream);
  delivered_.stream = seq;
  ++delivered_.consumer;
  if (policy_ == AckPolicy::kNone) {
    floor_ = delivered_;
    return;
  }
  Index index = Insert(Entry{seq, delivered_.consumer, 0, now_ns, 1});
  WaitFromNow(index, now_ns);
}

AckLedger::Redelivery AckLedger::NextRedelivery() const {
  if (queue_.head == kNone) {
    return {};
  }
  const Entry& entry = slots_[queue_.head].entry;
  return {entry.stream_seq, entry.deliveries, Exhausted(entry)};
}

void AckLedger::Redeliver(StreamSeq seq, int64_t now_ns) {
  Index index = FindIndex(seq);
  if (index == kNone) {
    return;
  }
  ++delivered_.consumer;
  Entry& entry = slots_[index].entry;
  redelivered_ += entry.deliveries == 1 ? 1 : 0;
  ++entry.deliveries;
  entry.delivered_ns = now_ns;
  Leave(index);
  WaitFromNow(index, now_ns);
}

void AckLedger::GiveUp(StreamSeq seq) {
  Index index = FindIndex(seq);
  if (index == kNone) {
    return;
  }
  Entry entry = slots_[index].entry;
  Erase(index);
  given_up_.insert_or_assign(seq, entry.deliveries);
  MoveFloorAfter(entry.consumer_seq);
}

bool AckLedger::Ack(StreamSeq seq) {
  Index index = FindIndex(seq);
  if (index == kNone) {
    given_up_.erase(seq);
    return false;
  }
  ConsumerSeq consumer_seq = slots_[index].entry.consumer_seq;
  Erase(index);
  MoveFloorAfter(consumer_seq);
  return true;
}

bool AckLedger::AckAll(StreamSeq seq, ConsumerSeq consumer_seq,
                       absl::FunctionRef<void(StreamSeq)> done) {
  if (seq <= floor_.stream || consumer_seq <= floor_.consumer || seq > delivered_.stream) {
    return false;
  }
  floor_ = {consumer_seq, seq};
  while (by_seq_.head != kNone && slots_[by_seq_.head].entry.stream_seq <= seq) {
    StreamSeq covered = slots_[by_seq_.head].entry.stream_seq;
    Erase(by_seq_.head);
    done(covered);
  }
  given_up_.erase(given_up_.begin(), given_up_.upper_bound(seq));
  return true;
}

bool AckLedger::Nak(StreamSeq seq, ConsumerSeq consumer_seq, int64_t delay_ns, int64_t now_ns) {
  Index index = FindIndex(seq);
  if (index == kNone || consumer_seq <= floor_.consumer || consumer_seq > delivered_.consumer) {
    return false;
  }
  if (delay_ns > 0) {
    Leave(index);
    Wait(index, now_ns + delay_ns, false);
  } else if (slots_[index].place != Place::kQueued) {
    Leave(index);
    Enqueue(index);
  }
  return true;
}

bool AckLedger::Progress(StreamSeq seq, int64_t now_ns) {
  Index index = FindIndex(seq);
  if (index == kNone) {
    return false;
  }
  if (slots_[index].place != Place::kQueued) {
    Leave(index);
    WaitFromNow(index, now_ns);
  }
  return true;
}

void AckLedger::Expire(int64_t now_ns, absl::FunctionRef<void(StreamSeq, uint32_t)> exhausted) {
  std::vector<StreamSeq> due;
  for (Index at = timed_.head; at != kNone && slots_[at].entry.deadline_ns <= now_ns;
       at = slots_[at].by_place.next) {
    due.push_back(slots_[at].entry.stream_seq);
  }
  for (auto at = delayed_.begin(); at != delayed_.end() && at->first <= now_ns; ++at) {
    due.push_back(slots_[at->second].entry.stream_seq);
  }
  EnqueueAll(due, exhausted);
}

void AckLedger::ExpireAll(absl::FunctionRef<void(StreamSeq, uint32_t)> exhausted) {
  std::vector<StreamSeq> due;
  for (Index at = by_seq_.head; at != kNone; at = slots_[at].by_seq.next) {
    if (slots_[at].place != Place::kQueued) {
      due.push_back(slots_[at].entry.stream_seq);
    }
  }
  EnqueueAll(due, exhausted);
}

void AckLedger::EnqueueAll(std::vector<StreamSeq>& due,
                           absl::FunctionRef<void(StreamSeq, uint32_t)> exhausted) {
  std::sort(due.begin(), due.end());
  for (StreamSeq seq : due) {
    Index index = FindIndex(seq);
    if (Exhausted(slots_[index].entry)) {
      uint32_t deliveries = slots_[index].entry.deliveries;
      GiveUp(seq);
      exhausted(seq, deliveries);
    } else {
      Leave(index);
      Enqueue(index);
    }
  }
}

int64_t AckLedger::next_deadline_ns() const {
  int64_t next = timed_.head == kNone ? INT64_MAX : slots_[timed_.head].entry.deadline_ns;
  return delayed_.empty() ? next : std::min(next, delayed_.begin()->first);
}

bool AckLedger::Remove(StreamSeq seq) {
  Index index = FindIndex(seq);
  if (index == kNone) {
    given_up_.erase(seq);
    return false;
  }
  ConsumerSeq consumer_seq = slots_[index].entry.consumer_seq;
  Erase(index);
  MoveFloorAfter(consumer_seq);
  return true;
}

void AckLedger::TrimTo(StreamSeq first) {
  given_up_.erase(given_up_.begin(), given_up_.lower_bound(first));
  while (by_seq_.head != kNone && slots_[by_seq_.head].entry.stream_seq < first) {
    ConsumerSeq consumer_seq = slots_[by_seq_.head].entry.consumer_seq;
    Erase(by_seq_.head);
    MoveFloorAfter(consumer_seq);
  }
}

void AckLedger::SkipTo(StreamSeq next) {
  TrimTo(next);
  if (next == 0 || floor_.stream >= next - 1) {
    return;
  }
  delivered_.stream = std::max(delivered_.stream, next - 1);
  if (pending_.empty()) {
    floor_ = delivered_;
  } else {
    floor_.stream = next - 1;
  }
}

const AckLedger::Entry* AckLedger::Find(StreamSeq seq) const {
  Index index = FindIndex(seq);
  return index == kNone ? nullptr : &slots_[index].entry;
}

bool AckLedger::Needs(StreamSeq seq) const {
  if (given_up_.contains(seq)) {
    return true;
  }
  if (seq <= floor_.stream) {
    return false;
  }
  return policy_ != AckPolicy::kExplicit || seq > delivered_.stream || pending_.contains(seq);
}

int64_t AckLedger::LatestDeadline() const {
  int64_t latest = 0;
  for (Index at = by_seq_.head; at != kNone; at = slots_[at].by_seq.next) {
    latest = std::max(latest, slots_[at].entry.deadline_ns);
  }
  return latest;
}

int64_t AckLedger::WaitFor(uint32_t deliveries) const {
  if (backoff_ns_.empty()) {
    return ack_wait_ns_;
  }
  return backoff_ns_[std::min<size_t>(deliveries - 1, backoff_ns_.size() - 1)];
}

bool AckLedger::Exhausted(const Entry& entry) const {
  return max_deliver_ > 0 && entry.deliveries >= static_cast<uint64_t>(max_deliver_);
}

AckLedger::Index AckLedger::FindIndex(StreamSeq seq) const {
  auto at = pending_.find(seq);
  return at == pending_.end() ? kNone : at->second;
}

AckLedger::Index AckLedger::Insert(const Entry& entry) {
  Index index;
  if (free_.empty()) {
    index = static_cast<Index>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
    slots_[index] = Slot{};
  }
  slots_[index].entry = entry;
  pending_.emplace(entry.stream_seq, index);
  Append(by_seq_, &Slot::by_seq, index);
  return index;
}

void AckLedger::Erase(Index index) {
  Slot& slot = slots_[index];
  redelivered_ -= slot.entry.deliveries > 1 ? 1 : 0;
  Leave(index);
  Unlink(by_seq_, &Slot::by_seq, index);
  pending_.erase(slot.entry.stream_seq);
  free_.push_back(index);
}

void AckLedger::Append(List& list, Links Slot::* links, Index index) {
  (slots_[index].*links) = Links{list.tail, kNone};
  if (list.tail == kNone) {
    list.head = index;
  } else {
    (slots_[list.tail].*links).next = index;
  }
  list.tail = index;
  ++list.size;
}

void AckLedger::Unlink(List& list, Links Slot::* links, Index index) {
  Links at = slots_[index].*links;
  if (at.previous == kNone) {
    list.head = at.next;
  } else {
    (slots_[at.previous].*links).next = at.next;
  }
  if (at.next == kNone) {
    list.tail = at.previous;
  } else {
    (slots_[at.next].*links).previous = at.previous;
  }
  --list.size;
}

void AckLedger::Leave(Index index) {
  Slot& slot = slots_[index];
  switch (slot.place) {
    case Place::kTimed:
      Unlink(timed_, &Slot::by_place, index);
      break;
    case Place::kDelayed:
      delayed_.erase({slot.entry.deadline_ns, index});
      break;
    case Place::kQueued:
      Unlink(queue_, &Slot::by_place, index);
      break;
  }
}

void AckLedger::Wait(Index index, int64_t deadline_ns, bool usual) {
  Slot& slot = slots_[index];
  slot.entry.deadline_ns = deadline_ns;
  // Deliveries in order with one ack wait have rising deadlines: a list is enough for those, and
  // only what waits differently needs the tree. A far deadline must not become the list's tail, or
  // everything behind it would go to the tree.
  if (usual && (timed_.tail == kNone || slots_[timed_.tail].entry.deadline_ns <= deadline_ns)) {
    slot.place = Place::kTimed;
    Append(timed_, &Slot::by_place, index);
  } else {
    slot.place = Place::kDelayed;
    delayed_.emplace(deadline_ns, index);
  }
}

void AckLedger::WaitFromNow(Index index, int64_t now_ns) {
  int64_t wait = WaitFor(slots_[index].entry.deliveries);
  Wait(index, now_ns + wait, wait == ack_wait_ns_);
}

void AckLedger::Enqueue(Index index) {
  slots_[index].place = Place::kQueued;
  Append(queue_, &Slot::by_place, index);
}

void AckLedger::MoveFloorAfter(ConsumerSeq consumer_seq) {
  if (pending_.empty()) {
    floor_ = delivered_;
  } else if (consumer_seq == floor_.consumer + 1) {
    const Entry& oldest = slots_[by_seq_.head].entry;
    floor_ = {oldest.consumer_seq - 1, oldest.stream_seq - 1};
  }
}

}  // namespace weir::jetstream

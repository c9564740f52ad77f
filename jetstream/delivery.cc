#include "jetstream/delivery.h"

#include <algorithm>
#include <utility>

#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

// Messages per run: about 100 µs of work, after which others of the home have their turn.
constexpr int kBudget = 256;
// A slow receiver is looked at again after this long unless something else happens first.
constexpr int64_t kCongestionWait = 2'000'000;
// Gaps below this are not worth a timer (replay policy original).
constexpr int64_t kShortestGap = 1'000'000;

// What a message counts for: all that the client sees of it.
size_t SizeOf(const Outbound& out) {
  return out.subject.size() + out.reply.size() + out.headers.size() + out.payload.size();
}

}  // namespace

Delivery::Delivery(Parts parts, std::string_view stream, std::string_view consumer,
                   std::function<void()> resume)
    : parts_(parts),
      ack_subject_(stream, consumer, SentScope(parts.env, parts.account)),
      resume_(std::move(resume)) {}

Delivery::~Delivery() {
  Stop();
}

void Delivery::Configure(const ConsumerConfig& config) {
  headers_only_ = config.headers_only;
}

void Delivery::StartReplay(StreamSeq end) {
  replay_ = true;
  replay_end_ = end;
}

void Delivery::Stop() {
  parts_.env.timers.Cancel(deadline_timer_);
  parts_.env.timers.Cancel(retry_timer_);
}

void Delivery::Run() {
  if (running_) {
    // An event inside the loop, such as a publish that comes back to this home.
    again_ = true;
    return;
  }
  running_ = true;
  now_ns_ = parts_.env.clock.steady_ns();
  int left = kBudget;
  do {
    again_ = false;
    while (left > 0 && DeliverOne() == Step::kGoOn) {
      --left;
    }
  } while (again_ && left > 0);
  running_ = false;
  ArmDeadline();
  if (left == 0) {
    RunSoon();
  }
}

void Delivery::RunSoon() {
  if (!posted_) {
    posted_ = true;
    parts_.env.executor.Post([resume = resume_] { resume(); });
  }
}

void Delivery::Resume() {
  posted_ = false;
  Run();
}

Delivery::Step Delivery::DeliverOne() {
  if (!parts_.host.may_deliver()) {
    parts_.pull.EndNoWait();
    return Step::kWait;
  }
  if (!SomebodyWants()) {
    return Step::kWait;
  }
  AckLedger::Redelivery next = parts_.ledger.NextRedelivery();
  return next.seq != 0 ? DeliverAgain(next) : DeliverNew();
}

bool Delivery::SomebodyWants() {
  return parts_.push != nullptr ? parts_.push->Ready(now_ns_) : !parts_.pull.empty();
}

Delivery::Step Delivery::DeliverAgain(const AckLedger::Redelivery& next) {
  if (next.exhausted) {
    parts_.ledger.GiveUp(next.seq);
    parts_.host.OnExhausted(next.seq, next.deliveries);
    return Step::kGoOn;
  }
  switch (parts_.reader.Get(next.seq, message_)) {
    case MessageReader::Outcome::kMessage:
      return Send(next.deliveries + 1);
    case MessageReader::Outcome::kGone:
      parts_.host.OnVanished(next.seq);
      return Step::kGoOn;
    case MessageReader::Outcome::kLoading:
    case MessageReader::Outcome::kCaughtUp:
      break;
  }
  return Step::kWait;
}

Delivery::Step Delivery::DeliverNew() {
  if (!parts_.ledger.HasRoom()) {
    return Step::kWait;
  }
  StreamSeq from = parts_.ledger.next_stream_seq();
  switch (parts_.reader.Next(from, parts_.host.committed_seq(), message_)) {
    case MessageReader::Outcome::kMessage:
      return replay_ && Early(message_.view) ? Step::kWait : Send(1);
    case MessageReader::Outcome::kCaughtUp:
      replay_ = false;
      parts_.pull.EndNoWait();
      parts_.host.WaitForCommit();
      break;
    case MessageReader::Outcome::kLoading:
    case MessageReader::Outcome::kGone:
      break;
  }
  return Step::kWait;
}

Delivery::Step Delivery::Send(uint32_t deliveries) {
  const storage::MessageView& message = message_.view;
  AckLedger& ledger = parts_.ledger;
  bool is_new = deliveries == 1;
  uint64_t pending = parts_.reader.Pending(ledger.next_stream_seq(), parts_.host.committed_seq());
  uint64_t behind = pending - (is_new && pending > 0 ? 1 : 0);
  Outbound out{message.subject,
               ack_subject_.Build(
                   {deliveries, message.seq, ledger.next_consumer_seq(), message.time_ns, behind}),
               message.headers, message.payload};
  if (headers_only_) {
    headers_ = protocol::WithHeader(message.headers, "Nats-Msg-Size", Cat(message.payload.size()));
    out.headers = headers_;
    out.payload = {};
  }
  size_t size = SizeOf(out);
  Delivered delivered = parts_.push != nullptr ? ToPush(out) : ToPull(out, behind + 1);
  if (delivered == Delivered::kNoInterest) {
    // Who waits for more to be pending may get this one then.
    parts_.pull.EndNoWait();
    parts_.host.WaitForCommit();
    return Step::kWait;
  }
  if (is_new) {
    ledger.Deliver(message.seq, now_ns_);
    parts_.reader.Advance(message.seq);
    replay_time_ns_ = message.time_ns;
    replay_sent_ns_ = now_ns_;
  } else {
    ledger.Redeliver(message.seq, now_ns_);
  }
  if (parts_.push != nullptr) {
    parts_.push->Sent(size, now_ns_);
  }
  parts_.host.OnDelivered(message.seq, now_ns_);
  if (delivered == Delivered::kCongested) {
    RetryAt(now_ns_ + kCongestionWait);
    return Step::kWait;
  }
  return Step::kGoOn;
}

Delivered Delivery::ToPush(const Outbound& out) {
  Delivered delivered = parts_.env.router.Deliver(parts_.account, parts_.push->subject(), out);
  if (delivered == Delivered::kNoInterest) {
    parts_.push->LostInterest();
  }
  return delivered;
}

Delivered Delivery::ToPull(const Outbound& out, uint64_t pending) {
  PullQueue::Offer offer{SizeOf(out), pending};
  while (PullQueue::Request* request = parts_.pull.Pick(offer, now_ns_)) {
    Outbound addressed = out;
    if (!parts_.pin.id().empty()) {
      pinned_headers_ = protocol::WithHeader(out.headers, "Nats-Pin-Id", parts_.pin.id());
      addressed.headers = pinned_headers_;
    }
    Delivered delivered = parts_.env.router.Deliver(parts_.account, request->reply, addressed);
    if (delivered != Delivered::kNoInterest) {
      parts_.pull.Delivered(offer.size, now_ns_);
      return delivered;
    }
    parts_.pull.Drop();
  }
  return Delivered::kNoInterest;
}

bool Delivery::Early(const storage::MessageView& message) {
  if (message.seq > replay_end_) {
    replay_ = false;
    return false;
  }
  if (replay_time_ns_ == 0) {
    return false;
  }
  int64_t gap = message.time_ns - replay_time_ns_;
  int64_t due = replay_sent_ns_ + gap;
  if (gap < kShortestGap || due <= now_ns_) {
    return false;
  }
  RetryAt(due);
  return true;
}

void Delivery::RetryAt(int64_t due_ns) {
  if (retry_timer_ && retry_timer_.due_ns <= due_ns) {
    return;
  }
  parts_.env.timers.Cancel(retry_timer_);
  retry_timer_ = parts_.env.timers.Schedule(due_ns, [this] {
    retry_timer_ = {};
    Run();
  });
}

// One timer for all deadlines. It is never moved back: when an ack has made it pointless it fires
// once, finds nothing and is set anew.
void Delivery::ArmDeadline() {
  int64_t due = parts_.ledger.next_deadline_ns();
  if (due == INT64_MAX || (deadline_timer_ && deadline_timer_.due_ns <= due)) {
    return;
  }
  parts_.env.timers.Cancel(deadline_timer_);
  deadline_timer_ = parts_.env.timers.Schedule(due, [this] {
    deadline_timer_ = {};
    CheckDeadlines();
  });
}

void Delivery::CheckDeadlines() {
  parts_.ledger.Expire(parts_.env.clock.steady_ns(), [this](StreamSeq seq, uint32_t deliveries) {
    parts_.host.OnExhausted(seq, deliveries);
  });
  ArmDeadline();
  Run();
}

}  // namespace weir::jetstream

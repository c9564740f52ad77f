#include "jetstream/consumer.h"

#include <algorithm>
#include <utility>

#include "jetstream/consumer_state.h"
#include "jetstream/js_subjects.h"
#include "jetstream/required_level.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kFlushInterval = 100 * kMillisecond;
// A large state is written less often: each message in flight adds this to the interval.
constexpr int64_t kFlushIntervalPerMessage = 5'000;
constexpr int64_t kDefaultInactiveThreshold = 5 * kSecond;
constexpr int64_t kReloadWait = kSecond;
// Bytes that a rate limit lets through at once when the stream does not bound its messages.
constexpr int64_t kDefaultBurst = 1 << 20;
constexpr std::string_view kPullPrefix = "$JS.API.CONSUMER.MSG.NEXT.";
constexpr std::string_view kAckPrefix = "$JS.ACK.";

const std::string& NameOf(const ConsumerConfig& config) {
  return config.is_durable() ? config.durable_name : config.name;
}

}  // namespace

Consumer::Consumer(Stream& stream, ConsumerConfig config, uint32_t consumer_id, int64_t created_ns)
    : stream_(stream),
      config_(std::move(config)),
      name_(NameOf(config_)),
      id_(consumer_id),
      created_ns_(created_ns),
      persistent_(stream.persistent() && !config_.mem_storage && !config_.direct),
      retains_(stream.config().retention != RetentionPolicy::kLimits),
      events_(stream.env(), stream.account(), stream.name(), name_),
      reader_(stream.store(),
              [shard = &stream.shard(), stream_id = stream.id(), name = name_,
               consumer_id](const Status& status) {
                if (Consumer* self = FindAgain(*shard, stream_id, name, consumer_id)) {
                  self->OnLoaded(status);
                }
              }),
      pin_(stream.env(), [this](std::string_view reason) { OnPinChanged(reason); }),
      pull_(stream.env(), stream.account(), ledger_, pin_),
      push_(MakePush()),
      delivery_({stream.env(), stream.account(), ledger_, reader_, pull_, pin_, push_.get(), *this},
                stream.name(), name_,
                [shard = &stream.shard(), stream_id = stream.id(), name = name_, consumer_id] {
                  if (Consumer* self = FindAgain(*shard, stream_id, name, consumer_id)) {
                    self->delivery_.Resume();
                  }
                }) {}

std::unique_ptr<PushFlow> Consumer::MakePush() {
  if (!config_.is_push()) {
    return nullptr;
  }
  return std::make_unique<PushFlow>(
      stream_.env(), stream_.account(),
      FlowControlPrefix(stream_.name(), name_, SentScope(stream_.env(), stream_.account())),
      ledger_, [this] { delivery_.Run(); });
}

Consumer* Consumer::FindAgain(Shard& shard, StreamId stream, const std::string& name, uint32_t id) {
  Stream* home = shard.Find(stream);
  Consumer* self = home == nullptr ? nullptr : home->FindConsumer(name);
  return self != nullptr && self->id_ == id ? self : nullptr;
}

Consumer::~Consumer() {
  Unlink();
}

// ---- life ----

Status Consumer::Start(std::string_view stored_state) {
  Environment& env = stream_.env();
  if (!config_.is_durable() && config_.inactive_threshold_ns == 0) {
    config_.inactive_threshold_ns = kDefaultInactiveThreshold;
  }
  Configure();
  if (stored_state.empty()) {
    ledger_.Start(StartingPoint());
  } else {
    WEIR_ASSIGN_OR_RETURN(ConsumerState state, DecodeConsumerState(stored_state, WallOffset()));
    ledger_.Restore(state.ledger);
    reader_.RestoreLastPerSubject(state.last_per_subject_end, ledger_.next_stream_seq());
    ledger_.TrimTo(stream_.store().state().first_seq);
    ForgetMissing();
  }
  if (config_.replay_policy == ReplayPolicy::kOriginal) {
    delivery_.StartReplay(stream_.store().state().last_seq);
  }
  started_ = true;
  last_flush_ns_ = env.clock.steady_ns() - kFlushInterval;
  if (stored_state.empty()) {
    // The starting point must survive: "new" would mean something else after a restart.
    MarkDirty();
    FlushSoon();
  }
  Subscribe();
  if (push_ != nullptr) {
    push_->Start();
  }
  WatchInactivity();
  WatchPause();
  if (stored_state.empty()) {
    delivery_.RunSoon();  // behind the answer that says how many messages are to come
  } else {
    delivery_.CheckDeadlines();
  }
  return OkStatus();
}

void Consumer::Configure() {
  ledger_.Configure(config_);
  pin_.Configure(config_.priority_timeout_ns);
  pull_.Configure(config_);
  delivery_.Configure(config_);
  if (push_ != nullptr) {
    int64_t largest = stream_.config().max_msg_size;
    push_->Configure(config_, largest > 0 ? largest : kDefaultBurst);
  }
  stream_.commit_waiters().Unlink(*this);
  ConfigureDeadLetters();
  reader_.SetFilters(config_.Filters());
  stream_.commit_waiters().Link(*this, reader_.subject_filters());
  sample_percent_ = config_.SamplePercent();
  inactive_ns_ = config_.inactive_threshold_ns;
  if (inactive_ns_ > 0 && !config_.is_push()) {
    // Spread over a second, so that the consumers of a lost client do not all go at once.
    inactive_ns_ +=
        100 * kMillisecond + static_cast<int64_t>(stream_.env().random.Below(900)) * kMillisecond;
  }
}

void Consumer::ConfigureDeadLetters() {
  auto subject = config_.dead_letter();
  if (!subject) {
    dead_letters_.reset();
  } else if (dead_letters_ == nullptr || dead_letters_->subject() != *subject) {
    dead_letters_ = std::make_unique<DeadLetters>(
        stream_.env(), stream_.store(),
        DeadLetters::Origin{stream_.account(), stream_.name(), name_, stream_.id()}, *subject,
        [this](StreamSeq seq, const DeadLetter& letter) { OnDeadLetterDone(seq, letter); });
  }
}

StreamSeq Consumer::LastMatching() {
  const storage::StreamStore& store = stream_.store();
  if (reader_.filters().empty()) {
    return store.state().last_seq;
  }
  StreamSeq last = 0;
  for (const std::string& filter : reader_.filters()) {
    store.ForEachSubject(filter, [&last](std::string_view, const storage::SubjectState& subject) {
      last = std::max(last, subject.last);
      return true;
    });
  }
  return last;
}

// jetstream-api.md 9.5.
StreamSeq Consumer::StartingPoint() {
  const storage::StoreState& state = stream_.store().state();
  StreamSeq start = state.first_seq;
  switch (config_.deliver_policy) {
    case DeliverPolicy::kAll:
      break;
    case DeliverPolicy::kLast:
      start = LastMatching();
      break;
    case DeliverPolicy::kNew:
      start = state.last_seq + 1;
      break;
    case DeliverPolicy::kByStartSequence:
      return std::max(config_.opt_start_seq, state.first_seq);
    case DeliverPolicy::kByStartTime:
      start = stream_.store().SeqAtTime(config_.opt_start_time_ns.value_or(0));
      break;
    case DeliverPolicy::kLastPerSubject:
      // With one message per subject everything is the last of its subject.
      if (stream_.config().max_msgs_per_subject != 1) {
        start = reader_.StartAtLastPerSubject(state.first_seq);
        start = start == 0 ? state.last_seq : start;
      }
      break;
  }
  return std::clamp(start, std::max<StreamSeq>(state.first_seq, 1), state.last_seq + 1);
}

void Consumer::Subscribe() {
  Router& router = stream_.env().router;
  auto add = [&](const std::string& subject) {
    subscriptions_.push_back(router.Subscribe(stream_.account(), subject, {}, *this));
  };
  add(PullSubject(stream_.name(), name_));
  const std::string scopes[] = {"", LongScope(stream_.env(), stream_.account())};
  for (const std::string& scope : scopes) {
    if (config_.ack_policy != AckPolicy::kNone) {
      add(AckPattern(stream_.name(), name_, scope));
    }
    if (push_ != nullptr && config_.flow_control) {
      add(Cat(FlowControlPrefix(stream_.name(), name_, scope), '*'));
    }
  }
}

void Consumer::Stop(int status, std::string_view text) {
  if (stopped_) {
    return;
  }
  Unlink();
  if (status != 0) {
    pull_.Stop(status, text);
  }
  FlushSoon();
}

void Consumer::Unlink() {
  if (stopped_) {
    return;
  }
  stopped_ = true;
  stream_.commit_waiters().Unlink(*this);
  Environment& env = stream_.env();
  for (Router::SubscriptionId id : subscriptions_) {
    env.router.Unsubscribe(id);
  }
  subscriptions_.clear();
  delivery_.Stop();
  dead_letters_.reset();
  if (push_ != nullptr) {
    push_->Stop();
  }
  for (auto* timer : {&flush_timer_, &inactive_timer_, &pause_timer_, &reload_timer_}) {
    env.timers.Cancel(*timer);
  }
}

void Consumer::AnnounceCreated() {
  events_.Created();
  if (paused()) {
    events_.Paused(true, *config_.pause_until_ns);
  }
}

void Consumer::Delete() {
  Stop(409, "Consumer Deleted");
  events_.Deleted();
  stream_.RemoveConsumer(*this);
}

void Consumer::Update(ConsumerConfig config) {
  Environment& env = stream_.env();
  bool moved = config.deliver_subject != config_.deliver_subject;
  bool pause_changed = config.pause_until_ns != config_.pause_until_ns;
  bool filters_changed = config.Filters() != config_.Filters();
  if (!config_.is_durable() && config.inactive_threshold_ns == 0 &&
      config_.inactive_threshold_ns != 0) {
    // One that becomes durable keeps it, as in the reference, and one that was durable has none.
    config.inactive_threshold_ns = kDefaultInactiveThreshold;
  }
  config_ = std::move(config);
  Configure();
  stream_.PersistConsumer(*this, created_ns_);
  env.timers.Cancel(inactive_timer_);
  WatchInactivity();
  if (pause_changed) {
    WatchPause();
    events_.Paused(paused(), config_.pause_until_ns.value_or(kZeroTime));
  }
  if (moved) {
    // Whoever listens there has seen nothing of what is in flight.
    ledger_.ExpireAll([this](StreamSeq seq, uint32_t deliveries) { OnExhausted(seq, deliveries); });
  }
  if (push_ != nullptr) {
    push_->CheckInterest();
  }
  if (filters_changed) {
    stream_.OnFiltersChanged();
  }
  delivery_.CheckDeadlines();
}

StatusOr<StreamSeq> Consumer::Reset(StreamSeq seq) {
  StreamSeq lowest = 0;
  if (seq == 0) {
    seq = ledger_.floor().stream + 1;
  } else if (config_.deliver_policy == DeliverPolicy::kByStartSequence) {
    if (seq < config_.opt_start_seq) {
      return InvalidArgument("below start seq");
    }
  } else if (config_.deliver_policy == DeliverPolicy::kByStartTime) {
    lowest = stream_.store().SeqAtTime(config_.opt_start_time_ns.value_or(0));
    if (seq < lowest) {
      return InvalidArgument("below start time");
    }
  } else if (config_.deliver_policy != DeliverPolicy::kAll) {
    return InvalidArgument("not allowed");
  }
  ledger_.Reset(seq);
  if (dead_letters_ != nullptr) {
    dead_letters_->Clear();
  }
  reader_.Invalidate();
  last_delivered_ns_ = last_acked_ns_ = 0;
  MarkDirty();
  FlushSoon();
  if (stream_.config().retention == RetentionPolicy::kInterest) {
    stream_.MessagesDone(*this, seq - 1);
  }
  delivery_.RunSoon();
  return seq;
}

void Consumer::MoveFloor(StreamSeq seq) {
  ledger_.SkipTo(seq + 1);
  reader_.Invalidate();
  last_acked_ns_ = stream_.env().clock.steady_ns();
  MarkDirty();
  if (retains_) {
    stream_.MessagesDone(*this, seq);
  }
}

// ---- the stream ----

StreamSeq Consumer::committed_seq() const {
  return stream_.committed_seq();
}

void Consumer::WaitForCommit() {
  stream_.commit_waiters().Wait(*this);
}

void Consumer::OnRemoved(StreamSeq seq, std::string_view subject) {
  reader_.OnRemoved(seq, ledger_.next_stream_seq(), subject);
  if (ledger_.Find(seq) != nullptr) {
    OnVanished(seq);
  } else {
    ledger_.Remove(seq);
  }
}

void Consumer::OnTrimmed(StreamSeq first) {
  reader_.Invalidate();
  const AckLedger::Entry* entry = ledger_.first_pending();
  for (; entry != nullptr && entry->stream_seq < first; entry = ledger_.first_pending()) {
    OnVanished(entry->stream_seq);
  }
  ledger_.TrimTo(first);
  MarkDirty();
  delivery_.Run();
}

// A consumer whose filters the purge covers goes on behind it, as the reference does; one that
// wants more loses only what is gone.
void Consumer::OnPurged(std::string_view filter, StreamSeq /*below*/) {
  const storage::StreamStore& store = stream_.store();
  bool everything = filter.empty() || filter == ">";
  const auto& filters = reader_.filters();
  bool covered = everything || (!filters.empty() &&
                                std::all_of(filters.begin(), filters.end(), [&](const auto& own) {
                                  return protocol::IsSubset(own, filter);
                                }));
  StreamSeq next = store.state().first_seq;
  if (covered && !everything) {
    next = store.state().last_seq + 1;
    store.ForEachSubject(filter, [&next](std::string_view, const storage::SubjectState& subject) {
      next = std::min(next, subject.first);
      return true;
    });
  }
  size_t in_flight = ledger_.num_pending();
  ledger_.SkipTo(next);
  if (!covered) {
    ForgetMissing();
  }
  if (ledger_.num_pending() < in_flight) {
    last_acked_ns_ = stream_.env().clock.steady_ns();
  }
  reader_.OnPurged();
  MarkDirty();
  delivery_.Run();
}

void Consumer::ForgetMissing() {
  storage::StoredMessage message;
  for (const AckLedger::Entry& entry : ledger_.Save().pending) {
    if (stream_.store().Get(entry.stream_seq, message) == storage::ReadOutcome::kMissing) {
      ledger_.Remove(entry.stream_seq);
    }
  }
}

bool Consumer::Needs(StreamSeq seq, std::string_view subject) const {
  return ledger_.Needs(seq) && reader_.Matches(subject);
}

// ---- delivery ----

void Consumer::OnDelivered(StreamSeq seq, int64_t now_ns) {
  last_delivered_ns_ = now_ns;
  MarkDirty();
  if (config_.ack_policy == AckPolicy::kNone) {
    MessageDone(seq);
  }
}

void Consumer::OnVanished(StreamSeq seq) {
  const AckLedger::Entry* entry = ledger_.Find(seq);
  if (entry == nullptr) {
    return;
  }
  SequencePair at{entry->consumer_seq, seq};
  uint32_t deliveries = entry->deliveries;
  bool was_full = !ledger_.HasRoom();
  ledger_.Remove(seq);
  last_acked_ns_ = stream_.env().clock.steady_ns();
  MarkDirty();
  events_.Terminated(at, deliveries, "Unacknowledged message was deleted");
  if (was_full) {
    delivery_.Run();
  }
}

void Consumer::OnPinChanged(std::string_view reason) {
  const std::string& group = config_.priority_groups.front();
  if (reason.empty()) {
    events_.Pinned(group, pin_.id());
  } else {
    events_.Unpinned(group, reason);
    delivery_.Run();
  }
}

void Consumer::OnExhausted(StreamSeq seq, uint64_t deliveries) {
  MarkDirty();
  events_.Exceeded(seq, deliveries);
  if (dead_letters_ != nullptr) {
    dead_letters_->Send(seq, {deliveries, DeadReason::kMaxDeliver, {}, {}});
  }
}

void Consumer::OnLoaded(const Status& status) {
  reader_.OnLoaded();
  Environment& env = stream_.env();
  if (status.ok()) {
    delivery_.Run();
    return;
  }
  env.log.Error("JetStream consumer '", stream_.name(), " > ", name_,
                "' could not read: ", Message(status));
  env.timers.Cancel(reload_timer_);
  reload_timer_ = env.timers.Schedule(env.clock.steady_ns() + kReloadWait, [this] {
    reload_timer_ = {};
    delivery_.Run();
  });
}

void Consumer::OnMessage(const Inbound& message) {
  if (stopped_) {
    return;
  }
  if (message.subject.starts_with(kAckPrefix)) {
    OnAck(message);
  } else if (message.subject.starts_with(kPullPrefix)) {
    if (push_ == nullptr && !message.reply.empty() && !MeetsRequiredLevel(message.headers)) {
      stream_.env().router.Publish(
          stream_.account(),
          Outbound{message.reply, {}, "NATS/1.0 412 Required Api Level\r\n\r\n", {}});
      return;
    }
    OnPull(message.reply, message.payload);
  } else if (push_ != nullptr && push_->OnFlowControl(message.subject)) {
    if (config_.ack_policy == AckPolicy::kFlowControl) {
      OnFlowControlAck(message.headers);
    }
    delivery_.Run();
  }
}

void Consumer::OnPull(std::string_view reply, std::string_view body) {
  if (reply.empty()) {
    return;
  }
  if (push_ != nullptr) {
    stream_.env().router.Publish(
        stream_.account(), Outbound{reply, {}, "NATS/1.0 409 Consumer is push based\r\n\r\n", {}});
    return;
  }
  auto available = [this] {
    return num_pending() + ledger_.num_queued();
  };
  if (!pull_.Add(reply, body, available)) {
    return;
  }
  if (config_.priority_policy == PriorityPolicy::kPrioritized) {
    // Whoever asks in the same breath with a better priority goes first.
    delivery_.RunSoon();
  } else {
    delivery_.Run();
  }
}

// ---- state ----

int64_t Consumer::FlushInterval() const {
  return kFlushInterval + static_cast<int64_t>(ledger_.num_pending()) * kFlushIntervalPerMessage;
}

void Consumer::MarkDirty() {
  if (dirty_ || !persistent_ || stopped_) {
    return;
  }
  dirty_ = true;
  flush_timer_ = stream_.env().timers.Schedule(last_flush_ns_ + FlushInterval(), [this] {
    flush_timer_ = {};
    FlushSoon();
  });
}

void Consumer::FlushSoon() {
  if (dirty_ && !flush_now_) {
    flush_now_ = true;
    stream_.FlushWithTurn(*this);
  }
}

void Consumer::FlushState(storage::StagedBatch& batch) {
  if (!dirty_ || !flush_now_) {
    return;
  }
  Environment& env = stream_.env();
  env.meta.PutConsumerState(batch, stream_.id(), id_, EncodeConsumerState(state(), WallOffset()));
  dirty_ = flush_now_ = false;
  last_flush_ns_ = env.clock.steady_ns();
  env.timers.Cancel(flush_timer_);
}

int64_t Consumer::WallOffset() const {
  const Clock& clock = stream_.env().clock;
  return clock.wall_ns() - clock.steady_ns();
}

// ---- pause and inactivity ----

bool Consumer::paused() const {
  return config_.pause_until_ns && *config_.pause_until_ns != kZeroTime &&
         stream_.env().clock.wall_ns() < *config_.pause_until_ns;
}

void Consumer::WatchPause() {
  Environment& env = stream_.env();
  env.timers.Cancel(pause_timer_);
  if (!paused()) {
    return;
  }
  pause_timer_ = env.timers.Schedule(*config_.pause_until_ns - WallOffset(), [this] {
    pause_timer_ = {};
    if (paused()) {
      WatchPause();
      return;
    }
    events_.Paused(false, *config_.pause_until_ns);
    delivery_.Run();
  });
}

void Consumer::WatchInactivity() {
  if (inactive_ns_ > 0) {
    Environment& env = stream_.env();
    bool unused = push_ != nullptr && !push_->active();
    int64_t since = unused ? push_->inactive_since_ns() : env.clock.steady_ns();
    inactive_timer_ = env.timers.Schedule(since + inactive_ns_, [this] {
      inactive_timer_ = {};
      CheckInactivity();
    });
  }
}

// jetstream-api.md 9.10. Messages in flight count until their last deadline.
void Consumer::CheckInactivity() {
  Environment& env = stream_.env();
  int64_t now = env.clock.steady_ns();
  int64_t due = now + inactive_ns_;
  if (push_ != nullptr) {
    if (!push_->active()) {
      due = push_->inactive_since_ns() + inactive_ns_;
    }
  } else if (!pull_.HasInterest()) {
    due = pull_.last_activity_ns() + inactive_ns_;
    if (ledger_.num_pending() > 0) {
      due = std::max(due, ledger_.LatestDeadline() + inactive_ns_);
    }
  }
  if (due <= now) {
    Delete();
    return;
  }
  inactive_timer_ = env.timers.Schedule(due, [this] {
    inactive_timer_ = {};
    CheckInactivity();
  });
}

// ---- info ----

uint64_t Consumer::num_pending() {
  return reader_.Pending(ledger_.next_stream_seq(), stream_.committed_seq());
}

size_t Consumer::num_redelivered() const {
  return config_.max_deliver == 1 ? 0 : ledger_.num_redelivered();
}

size_t Consumer::num_waiting() {
  pull_.Refresh();
  return pull_.size();
}

void Consumer::WriteInfoConfig(JsonWriter& out, InfoStyle style) const {
  auto extra = AnswerMetadata(stream_.env().server.version);
  if (style == InfoStyle::kListed) {
    extra.clear();
  }
  ConsumerConfig shown = config_;
  if (config_.auto_named) {
    shown.name.clear();
  }
  out.Key("config");
  WriteConsumerConfig(out, shown, extra);
}

void Consumer::WriteInfo(JsonWriter& out, InfoStyle style) {
  Environment& env = stream_.env();
  auto sequences = [&](std::string_view key, const SequencePair& pair, int64_t last_ns) {
    out.Key(key).OpenObject();
    out.Field("consumer_seq", pair.consumer).Field("stream_seq", pair.stream);
    if (last_ns != 0) {
      out.Key("last_active").Time(last_ns + WallOffset());
    }
    out.CloseObject();
  };
  out.Field("stream_name", stream_.name()).Field("name", name_);
  out.Key("created").Time(created_ns_);
  if (style != InfoStyle::kBare) {
    WriteInfoConfig(out, style);
  }
  sequences("delivered", ledger_.delivered(), last_delivered_ns_);
  sequences("ack_floor", ledger_.floor(), last_acked_ns_);
  out.Field("num_ack_pending", ledger_.num_pending());
  out.Field("num_redelivered", num_redelivered());
  out.Field("num_waiting", num_waiting()).Field("num_pending", num_pending());
  if (push_ != nullptr) {
    out.Optional("push_bound", push_->active());
  }
  if (paused()) {
    out.Field("paused", true);
    out.Field("pause_remaining", *config_.pause_until_ns - env.clock.wall_ns());
  }
  out.Key("ts").Time(env.clock.wall_ns());
  if (!config_.priority_groups.empty()) {
    out.Key("priority_groups").OpenArray().OpenObject();
    out.Field("group", config_.priority_groups.front());
    out.Optional("pinned_client_id", pin_.id());
    out.Key("pinned_ts").Time(pin_.since_ns()).CloseObject().CloseArray();
  }
}

}  // namespace weir::jetstream

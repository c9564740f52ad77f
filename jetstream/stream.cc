#include "jetstream/stream.h"

#include <algorithm>
#include <utility>

#include "jetstream/account_usage.h"
#include "jetstream/atomic_batches.h"
#include "jetstream/direct_get.h"
#include "jetstream/expiry.h"
#include "jetstream/fast_batches.h"
#include "jetstream/origin.h"
#include "jetstream/republisher.h"
#include "jetstream/retention.h"
#include "jetstream/scheduler.h"
#include "jetstream/shard.h"
#include "jetstream/stream_rules.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

size_t SizeOf(const storage::MessageView& message) {
  return message.subject.size() + message.headers.size() + message.payload.size();
}

}  // namespace

Stream::Stream(Shard& shard, StreamSpec spec, std::unique_ptr<storage::StreamStore> store)
    : shard_(shard),
      spec_(std::move(spec)),
      store_(std::move(store)),
      dedupe_(spec_.config.duplicate_window_ns),
      rules_(spec_.config, *store_, dedupe_),
      retention_(std::make_unique<Retention>(*this)),
      expiry_(std::make_unique<Expiry>(*this)) {
  JsonWriter prefix;
  prefix.OpenObject().Field("stream", spec_.config.name);
  prefix.Optional("domain", env().options.domain).Key("seq");
  ack_prefix_ = prefix.Take();
  committed_seq_ = store_->state().last_seq;
  flushed_seq_ = committed_seq_;
  CountUsage();
  SetExtras();
  store_->WhenWorkIsStaged([this] {
    if (!stopped_) {
      MarkDirty();
    }
  });
}

Stream::~Stream() {
  if (spec_.usage != nullptr) {
    spec_.usage->Add(!persistent(), -counted_bytes_);
    spec_.usage->AddConsumers(-static_cast<int64_t>(consumers_.size()));
  }
}

Environment& Stream::env() {
  return shard_.env();
}

storage::StagedBatch& Stream::batch() {
  return shard_.batch();
}

void Stream::MarkDirty() {
  if (!dirty_) {
    dirty_ = true;
    shard_.MarkDirty(*this);
  }
}

void Stream::FlushWithTurn(Consumer& consumer) {
  flushing_.push_back(&consumer);
  MarkDirty();
}

void Stream::WhenDurable(Task done) {
  shard_.WhenDurable([done = std::move(done)](const Status& status) mutable {
    if (status.ok()) {
      std::move(done)();
    }
  });
}

void Stream::WhenDurable(absl::AnyInvocable<void(const Status&) &&> done) {
  shard_.WhenDurable(std::move(done));
}

// ---- life ----

void Stream::Start() {
  started_ = true;
  for (const auto& subject : spec_.config.subjects) {
    subscriptions_[subject] = env().router.Subscribe(spec_.account, subject, {}, *this);
  }
  SetExtras();
  for (auto& adopted : std::exchange(adopted_, {})) {
    Consumer* consumer = FindConsumer(adopted.name);
    if (consumer == nullptr) {
      continue;
    }
    if (Status status = consumer->Start(adopted.state); !status.ok()) {
      env().log.Error("JetStream consumer '", name(), " > ", adopted.name,
                      "' could not be started: ", Message(status));
    }
  }
  expiry_->Watch();
  if (scheduler_ != nullptr) {
    scheduler_->Watch();
  }
  SetOrigins();
}

void Stream::Stop(int status, std::string_view text) {
  stopped_ = true;
  for (const auto& [subject, subscription] : subscriptions_) {
    env().router.Unsubscribe(subscription);
  }
  subscriptions_.clear();
  direct_get_.reset();
  mirror_get_.reset();
  atomic_batches_.reset();
  fast_batches_.reset();
  origins_.clear();
  for (auto& [consumer_name, consumer] : consumers_) {
    consumer->Stop(status, text);
  }
  WakeReaders();
}

void Stream::Destroy() {
  if (persistent()) {
    for (const auto& [consumer_name, consumer] : consumers_) {
      env().meta.DeleteConsumer(batch(), id(), consumer->id());
    }
    env().meta.DeleteStream(batch(), id());
  }
  store_->Destroy(batch());
}

void Stream::Persist() {
  if (!persistent()) {
    return;
  }
  JsonWriter config;
  WriteStreamConfig(config, spec_.config);
  std::string text = config.Take();
  if (std::string positions = PositionsJson(); !positions.empty()) {
    text.back() = ',';
    CatTo(text, "\"", kPositionsField, "\":", positions, "}");
  }
  env().meta.PutStream(
      batch(), {id(), env().accounts.NameOf(spec_.account), std::move(text), spec_.created_ns});
}

void Stream::ApplyConfig(StreamConfig config) {
  std::vector<std::string> gone;
  for (const auto& [subject, subscription] : subscriptions_) {
    if (std::find(config.subjects.begin(), config.subjects.end(), subject) ==
        config.subjects.end()) {
      gone.push_back(subject);
    }
  }
  for (const auto& subject : gone) {
    env().router.Unsubscribe(subscriptions_[subject]);
    subscriptions_.erase(subject);
  }
  spec_.config = std::move(config);
  if (started_) {
    for (const auto& subject : spec_.config.subjects) {
      if (!subscriptions_.contains(subject)) {
        subscriptions_[subject] = env().router.Subscribe(spec_.account, subject, {}, *this);
      }
    }
  }
  SetExtras();
  retention_->EnforceSubjectLimit();
  if (started_) {
    SetOrigins();
  }
  dedupe_.set_window(spec_.config.duplicate_window_ns);
  Persist();
  MarkDirty();
  expiry_->Run();
  retention_->Sweep(store_->state().last_seq);
}

void Stream::SetExtras() {
  const StreamConfig& config = spec_.config;
  if (!config.allow_direct) {
    direct_get_.reset();
  } else if (direct_get_ == nullptr && started_) {
    direct_get_ = std::make_unique<DirectGet>(*this, name());
  }
  transform_.reset();
  if (config.subject_transform) {
    auto made = MakeTransform(*config.subject_transform);
    WEIR_CHECK(made.ok());  // CheckStreamConfig() has seen it
    transform_ = *std::move(made);
  }
  if (config.allow_msg_schedules && scheduler_ == nullptr) {
    scheduler_ = std::make_unique<Scheduler>(*this);
  }
  // Of an unchanged configuration what waits for its commit stays.
  if (!config.republish || config.republish->dest.empty()) {
    republisher_.reset();
  } else if (republisher_ == nullptr || republisher_->config() != *config.republish) {
    republisher_ = std::make_unique<Republisher>(config.name, *config.republish);
  }
}

Sink* Stream::direct_get() {
  return direct_get_.get();
}

// ---- publishing ----

void Stream::OnMessage(const Inbound& message) {
  if (stopped_) {
    return;
  }
  if (!stalled_.empty()) [[unlikely]] {
    if (IsCongested(message)) {
      Reject(message.reply, MakeError(10167), "NATS/1.0 429 Too Many Requests\r\n\r\n");
      return;
    }
    stalled_.push_back(OwnedMessage::Copy(message));
    stalled_bytes_ += stalled_.back().bytes();
    return;
  }
  if (StreamSeq load = Accept(message)) [[unlikely]] {
    stalled_.push_back(OwnedMessage::Copy(message));
    stalled_bytes_ += stalled_.back().bytes();
    LoadForStalled(load);
  }
}

void Stream::LoadForStalled(StreamSeq seq) {
  store_->Load(seq, [&shard = shard_, id = id()](const Status& status) {
    Stream* stream = shard.Find(id);
    if (stream != nullptr && !stream->stopped()) {
      stream->ResumeStalled(status);
    }
  });
}

void Stream::ResumeStalled(const Status& loaded) {
  if (!loaded.ok()) {
    Reject(stalled_.front().reply, MakeError(10077, Message(loaded)));
    stalled_bytes_ -= stalled_.front().bytes();
    stalled_.pop_front();
  }
  while (!stalled_.empty()) {
    if (StreamSeq load = Accept(stalled_.front().view())) {
      LoadForStalled(load);
      return;
    }
    stalled_bytes_ -= stalled_.front().bytes();
    stalled_.pop_front();
  }
}

StreamSeq Stream::Accept(const Inbound& message) {
  if (!shard_.failure().ok()) [[unlikely]] {
    Reject(message.reply, MakeError(10077, Message(shard_.failure())));
    return 0;
  }
  if (IsCongested(message)) [[unlikely]] {
    Reject(message.reply, MakeError(10167), "NATS/1.0 429 Too Many Requests\r\n\r\n");
    return 0;
  }
  if (message.reply.ends_with(FastBatchControl::kSuffix)) [[unlikely]] {
    if (fast_batches_ == nullptr) {
      fast_batches_ = std::make_unique<FastBatches>(*this);
    }
    return fast_batches_->OnMessage(message);
  }
  if (!message.headers.empty() &&
      message.headers.find("\nNats-Batch-Id:") != std::string_view::npos) [[unlikely]] {
    PublishHeaders headers = PublishHeaders::Read(message.headers);
    if (!headers.batch_id.empty()) {
      if (atomic_batches_ == nullptr) {
        atomic_batches_ = std::make_unique<AtomicBatches>(*this);
      }
      return atomic_batches_->OnMessage(message, headers);
    }
  }
  return Ingest(message);
}

StreamSeq Stream::Ingest(const Inbound& message) {
  if (!transform_ || !transform_->Covers(message.subject)) {
    return Publish(message);
  }
  std::string subject = transform_->Apply(message.subject, env().random);
  Inbound transformed = message;
  transformed.subject = subject;
  return Publish(transformed);
}

std::string Stream::Transformed(std::string_view subject) {
  return transform_ && transform_->Covers(subject) ? transform_->Apply(subject, env().random)
                                                   : std::string(subject);
}

StreamSeq Stream::Publish(const Inbound& message) {
  int64_t now_ns = env().clock.wall_ns();
  PublishFacts facts = rules_.Check(message, now_ns);
  if (message.trace != nullptr && facts.verdict != PublishFacts::Verdict::kLoad) [[unlikely]] {
    Trace(message, facts);
    if (message.trace->only()) {
      return 0;
    }
  }
  switch (facts.verdict) {
    case PublishFacts::Verdict::kAccept:
      if (ApiError error = Store(message, facts, now_ns)) {
        Reject(message.reply, error);
      }
      break;
    case PublishFacts::Verdict::kReject:
      Reject(message.reply, facts.error);
      break;
    case PublishFacts::Verdict::kLoad:
      return facts.load;
    case PublishFacts::Verdict::kDuplicate:
      if (message.reply.empty() || spec_.config.no_ack) {
        break;
      }
      if (facts.original <= committed_seq_) {
        PublishAck(message.reply, facts.original, /*duplicate=*/true);
      } else {
        acks_.Push(facts.original, message.reply, /*duplicate=*/true);
      }
      break;
  }
  return 0;
}

void Stream::Trace(const Inbound& message, const PublishFacts& facts) {
  bool rejected = facts.verdict == PublishFacts::Verdict::kReject;
  bool wanted = rejected || retention_->IsWanted(store_->state().last_seq + 1, message.subject);
  message.trace->AddJetStream(name(), rejected ? std::string_view{} : message.subject, !wanted,
                              rejected ? facts.error.description : std::string_view{});
}

bool Stream::IsCongested(const Inbound& message) {
  const JetStreamOptions& options = env().options;
  uint64_t bytes = staged_bytes_ + flying_bytes_ + stalled_bytes_ + message.payload.size() +
                   message.headers.size();
  StreamSeq waiting = store_->state().last_seq - committed_seq_ + stalled_.size();
  return (options.max_buffered_msgs > 0 &&
          waiting >= static_cast<uint64_t>(options.max_buffered_msgs)) ||
         (options.max_buffered_bytes > 0 &&
          bytes > static_cast<uint64_t>(options.max_buffered_bytes));
}

AccountUsage* Stream::server_usage() const {
  return spec_.usage == nullptr ? nullptr : spec_.usage->server;
}

ApiError Stream::CheckUsage(size_t bytes) const {
  if (spec_.usage == nullptr) {
    return {};
  }
  auto staged = static_cast<int64_t>(staged_bytes_);
  auto extra = static_cast<int64_t>(bytes) + staged;
  // The message that goes over what the server has is still taken, as in the reference.
  if (spec_.usage->server != nullptr && spec_.usage->server->Exceeds(!persistent(), staged)) {
    return MakeError(10023);
  }
  return spec_.usage->Exceeds(!persistent(), extra) ? MakeError(10002) : ApiError{};
}

ApiError Stream::CheckLimits(const Inbound& message) const {
  if (spec_.config.sealed) {
    return MakeError(10109);
  }
  size_t bytes = message.subject.size() + message.headers.size() + message.payload.size();
  if (auto error = CheckUsage(bytes)) {
    return error;
  }
  return rules_.CheckSize(message.headers.size(), message.payload.size());
}

storage::MessageView Stream::ToStore(const Inbound& message, const PublishFacts& facts,
                                     int64_t now_ns, std::string& rewritten) const {
  const auto& state = store_->state();
  storage::MessageView view;
  view.seq = state.last_seq + 1;
  // Time never runs backwards within a stream: searches by time rely on it.
  view.time_ns = std::max(now_ns, state.last_time_ns);
  view.subject = message.subject;
  view.headers = facts.headers ? std::string_view(*facts.headers) : message.headers;
  view.payload = facts.payload ? std::string_view(*facts.payload) : message.payload;
  if (facts.strip_headers) {
    rewritten = StoredHeaders(view.headers);
    view.headers = rewritten;
  }
  int64_t marker_ns = spec_.config.subject_delete_marker_ttl_ns;
  if (facts.ttl && !facts.ttl->never && facts.ttl->ns < marker_ns &&
      spec_.config.max_msgs_per_subject != 1) {
    rewritten = WithMessageTtl(view.headers, marker_ns);
    view.headers = rewritten;
  }
  return view;
}

ApiError Stream::Store(const Inbound& message, const PublishFacts& facts, int64_t now_ns) {
  std::string rewritten;
  storage::MessageView view = ToStore(message, facts, now_ns, rewritten);
  if (auto error = CheckUsage(SizeOf(view))) {
    return error;
  }
  if (const char* refusal = retention_->Refusal(view)) {
    return MakeError(10077, refusal);
  }
  Stage(view, message, facts);
  return {};
}

void Stream::StoreAnyway(const Inbound& message, const PublishFacts& facts, int64_t now_ns) {
  std::string rewritten;
  Stage(ToStore(message, facts, now_ns, rewritten), message, facts);
}

void Stream::Stage(const storage::MessageView& view, const Inbound& message,
                   const PublishFacts& facts) {
  if (retention_->IsWanted(view.seq, view.subject)) {
    Append(view, facts);
  } else {
    Skip(view);
  }
  if (facts.id.empty()) {
    dedupe_.ForgetLast();
  } else {
    dedupe_.Add(facts.id, view.seq, view.time_ns);
  }
  staged_bytes_ += SizeOf(view);
  if (!message.reply.empty() && !spec_.config.no_ack) {
    acks_.Push(view.seq, message.reply, /*duplicate=*/false);
    if (!facts.counted.empty()) {
      ack_members_[view.seq] = Cat(",\"val\":\"", facts.counted, "\"");
    }
  }
  MarkDirty();
}

void Stream::Append(const storage::MessageView& view, const PublishFacts& facts) {
  if (republisher_ != nullptr) {
    auto previous = store_->LastOf(view.subject);
    republisher_->Stage(view, previous ? previous->last : 0, env().random);
  }
  store_->Append(view);
  if (facts.ttl) {
    expiry_->Add(view.seq, view.time_ns, *facts.ttl);
  }
  retention_->AfterAppend(view.subject);
  ApplyRollup(facts.rollup, view.subject, view.seq);
  if (scheduler_ != nullptr) {
    NoteSchedule(view);
  }
}

void Stream::NoteSchedule(const storage::MessageView& view) {
  std::string ended(scheduler_->Note(view));
  if (!ended.empty()) {
    Purge(ended, 0, 0);
  }
  scheduler_->Watch();
}

void Stream::StoreMarker(std::string_view subject) {
  int64_t life_ns = spec_.config.subject_delete_marker_ttl_ns;
  std::string headers = protocol::HeaderBuilder()
                            .Add("Nats-Marker-Reason", "MaxAge")
                            .Add("Nats-TTL", FormatDuration(life_ns))
                            .Add("Nats-Rollup", "sub")
                            .Take();
  const auto& state = store_->state();
  storage::MessageView marker;
  marker.seq = state.last_seq + 1;
  marker.time_ns = std::max(env().clock.wall_ns(), state.last_time_ns);
  marker.subject = subject;
  marker.headers = headers;
  PublishFacts facts;
  facts.ttl = MessageTtl{.ns = life_ns};
  Append(marker, facts);
  dedupe_.ForgetLast();
  MarkDirty();
}

void Stream::Skip(const storage::MessageView& message) {
  storage::MessageView empty = message;
  empty.headers = {};
  empty.payload = {};
  store_->Append(empty);
  store_->Remove(message.seq, /*erase=*/false);
}

void Stream::ApplyRollup(Rollup rollup, std::string_view subject, StreamSeq seq) {
  if (rollup == Rollup::kAll) {
    store_->TrimTo(seq);
    for (auto& [consumer_name, consumer] : consumers_) {
      consumer->OnPurged({}, seq);
    }
    NotifyTrimmed();
  } else if (rollup == Rollup::kSubject) {
    Purge(subject, 0, 1);
  }
}

void Stream::Reject(std::string_view reply, const ApiError& error, std::string_view headers) {
  if (reply.empty() || spec_.config.no_ack) {
    return;
  }
  env().router.Publish(spec_.account, {reply, {}, headers, RefusalJson(name(), error)});
}

void Stream::PublishAck(std::string_view reply, StreamSeq seq, bool duplicate) {
  ack_text_.assign(ack_prefix_);
  CatTo(ack_text_, seq);
  if (!ack_members_.empty() && !duplicate) [[unlikely]] {
    if (auto more = ack_members_.find(seq); more != ack_members_.end()) {
      ack_text_.append(more->second);
      ack_members_.erase(more);
    }
  }
  ack_text_.append(duplicate ? ",\"duplicate\": true}" : "}");
  env().router.Publish(spec_.account, {reply, {}, {}, ack_text_});
}

void Stream::Reply(std::string_view reply, std::string_view payload) {
  if (!reply.empty() && !spec_.config.no_ack) {
    env().router.Publish(spec_.account, {reply, {}, {}, payload});
  }
}

std::string Stream::AckText(StreamSeq seq, std::string_view more) const {
  return Cat(ack_prefix_, seq, more, "}");
}

void Stream::AckBatch(std::string_view reply, std::string_view batch, size_t count) {
  if (reply.empty() || spec_.config.no_ack) {
    return;
  }
  StreamSeq seq = store_->state().last_seq;
  acks_.Push(seq, reply, /*duplicate=*/false);
  ack_members_[seq] = Cat(",\"batch\":", Quoted(batch), ",\"count\":", count);
}

// ---- the turn ----

bool Stream::needs_sync() const {
  return persistent() && spec_.config.persist_mode != PersistMode::kAsync &&
         store_->state().last_seq != flushed_seq_;
}

StreamSeq Stream::Flush(storage::StagedBatch& batch) {
  dirty_ = false;
  if (std::exchange(positions_changed_, false)) {
    // With the messages, so that each is taken once.
    Persist();
  }
  retention_->EnforceLimits();
  for (Consumer* consumer : std::exchange(flushing_, {})) {
    consumer->FlushState(batch);
  }
  store_->Flush(batch);
  flushed_seq_ = store_->state().last_seq;
  flying_bytes_ += staged_bytes_;
  flying_.push_back({flushed_seq_, std::exchange(staged_bytes_, 0)});
  CountUsage();
  return flushed_seq_;
}

void Stream::OnCommitted(StreamSeq seq) {
  while (!flying_.empty() && flying_.front().seq <= seq) {
    flying_bytes_ -= flying_.front().bytes;
    flying_.pop_front();
  }
  if (seq <= committed_seq_) {
    return;
  }
  const StreamSeq first = committed_seq_ + 1;
  committed_seq_ = seq;
  if (republisher_ != nullptr) {
    republisher_->Release(seq, spec_.account, env().router);
  }
  acks_.Release(seq, [this](std::string_view reply, StreamSeq acked, bool duplicate) {
    PublishAck(reply, acked, duplicate);
  });
  if (fast_batches_ != nullptr) {
    fast_batches_->OnCommitted(seq);
  }
  if (stopped_) {
    return;
  }
  commit_waiters_.Wake(*store_, first, seq);
  if (!readers_.empty()) {
    WakeReaders();
  }
  expiry_->Watch();
}

void Stream::OnCommitFailed(const Status& error) {
  ApiError answer = MakeError(10077, Message(error));
  acks_.Release(UINT64_MAX,
                [&](std::string_view reply, StreamSeq, bool) { Reject(reply, answer); });
}

void Stream::WhenReached(uint64_t key, StreamSeq seq, Task wake) {
  readers_.insert_or_assign(key, Reader{seq, std::move(wake)});
}

void Stream::WakeReaders() {
  std::vector<Task> awake;
  for (auto at = readers_.begin(); at != readers_.end();) {
    if (stopped_ || at->second.seq <= committed_seq_) {
      awake.push_back(std::move(at->second.wake));
      readers_.erase(at++);
    } else {
      ++at;
    }
  }
  for (auto& wake : awake) {
    std::move(wake)();
  }
}

void Stream::CountUsage() {
  if (spec_.usage == nullptr) {
    return;
  }
  auto bytes = static_cast<int64_t>(store_->state().bytes);
  spec_.usage->Add(!persistent(), bytes - std::exchange(counted_bytes_, bytes));
}

void Stream::Remember(const storage::MessageView& message) {
  auto id = protocol::FindHeader(message.headers, "Nats-Msg-Id");
  if (id && !id->empty()) {
    dedupe_.Add(*id, message.seq, message.time_ns);
  } else {
    dedupe_.ForgetLast();
  }
  if (scheduler_ != nullptr) {
    scheduler_->Note(message);
  }
  if (!spec_.config.allow_msg_ttl) {
    return;
  }
  auto text = protocol::FindHeader(message.headers, "Nats-TTL");
  auto ttl = text ? ParseMessageTtl(*text) : std::nullopt;
  if (ttl) {
    expiry_->Add(message.seq, message.time_ns, *ttl);
  }
}

// ---- removals ----

uint64_t Stream::Purge(std::string_view filter, StreamSeq below, uint64_t keep) {
  const auto& state = store_->state();
  StreamSeq first = state.first_seq;
  bool everything = filter.empty() || filter == ">";
  // Beyond the end the numbers go on from there.
  uint64_t purged = everything && below > state.last_seq + 1 ? store_->TrimTo(below)
                                                             : store_->Purge(filter, below, keep);
  bool trimmed = state.first_seq != first;
  if (purged > 0 || trimmed) {
    MarkDirty();
  }
  // Also when there was nothing: consumers go on behind what is asked to be gone.
  if (purged > 0 || trimmed || keep == 0) {
    for (auto& [consumer_name, consumer] : consumers_) {
      consumer->OnPurged(filter, below);
    }
  }
  if (trimmed) {
    NotifyTrimmed();
  }
  return purged;
}

bool Stream::RemoveMessage(StreamSeq seq, bool erase, std::string_view subject) {
  bool known = !erase && !subject.empty();
  if (!(known ? store_->RemoveOf(subject, seq) : store_->Remove(seq, erase))) {
    return false;
  }
  MarkDirty();
  if (!subject.empty()) {
    commit_waiters_.Removed(seq, subject);
    return true;
  }
  for (auto& [consumer_name, consumer] : consumers_) {
    consumer->OnRemoved(seq, {});
  }
  return true;
}

void Stream::NotifyTrimmed() {
  StreamSeq first = store_->state().first_seq;
  for (auto& [consumer_name, consumer] : consumers_) {
    consumer->OnTrimmed(first);
  }
}

// ---- consumers ----

void Stream::MessageDone(Consumer& /*consumer*/, StreamSeq seq) {
  retention_->Done(seq);
}

void Stream::MessagesDone(Consumer& consumer, StreamSeq seq) {
  retention_->DoneUpTo(consumer, seq);
}

Consumer* Stream::FindConsumer(std::string_view consumer_name) {
  auto at = consumers_.find(consumer_name);
  return at == consumers_.end() ? nullptr : at->second.get();
}

size_t Stream::num_consumers() const {
  return static_cast<size_t>(
      std::count_if(consumers_.begin(), consumers_.end(),
                    [](const auto& entry) { return !entry.second->config().direct; }));
}

void Stream::CountConsumer(int64_t change) {
  if (spec_.usage != nullptr) {
    spec_.usage->AddConsumers(change);
  }
}

uint32_t Stream::NextConsumerId() {
  return ++last_consumer_id_;
}

Consumer& Stream::AddConsumer(ConsumerConfig config, uint32_t consumer_id, int64_t created_ns) {
  auto made = std::make_unique<Consumer>(*this, std::move(config), consumer_id, created_ns);
  Consumer& consumer = *made;
  consumers_.insert_or_assign(consumer.name(), std::move(made));
  CountConsumer(1);
  PersistConsumer(consumer, created_ns);
  if (Status status = consumer.Start({}); !status.ok()) {
    env().log.Error("JetStream consumer '", name(), " > ", consumer.name(),
                    "' could not be started: ", Message(status));
  }
  return consumer;
}

Consumer& Stream::AdoptConsumer(ConsumerConfig config, uint32_t consumer_id, int64_t created_ns,
                                std::string state) {
  auto made = std::make_unique<Consumer>(*this, std::move(config), consumer_id, created_ns);
  Consumer& consumer = *made;
  last_consumer_id_ = std::max(last_consumer_id_, consumer_id);
  adopted_.push_back({consumer.name(), std::move(state)});
  consumers_.insert_or_assign(consumer.name(), std::move(made));
  CountConsumer(1);
  return consumer;
}

void Stream::PersistConsumer(Consumer& consumer, int64_t created_ns) {
  if (!consumer.persistent()) {
    return;
  }
  JsonWriter config;
  WriteConsumerConfig(config, consumer.config());
  env().meta.PutConsumer(batch(), {id(), consumer.id(), config.Take(), created_ns, {}});
}

void Stream::OnFiltersChanged() {
  retention_->SweepInFlight();
}

void Stream::RemoveConsumer(Consumer& consumer) {
  auto at = consumers_.find(consumer.name());
  if (at == consumers_.end() || at->second.get() != &consumer) {
    return;
  }
  if (consumer.persistent()) {
    env().meta.DeleteConsumer(batch(), id(), consumer.id());
  }
  std::unique_ptr<Consumer> removed = std::move(at->second);
  consumers_.erase(at);
  std::erase(flushing_, &consumer);
  CountConsumer(-1);
  shard_.DestroyLater(std::move(removed));
  retention_->Sweep(store_->state().last_seq);
}

}  // namespace weir::jetstream

#include "jetstream/pending_stream.h"

#include <algorithm>
#include <utility>

#include "jetstream/account_usage.h"
#include "jetstream/catalog.h"
#include "jetstream/direct_get.h"
#include "jetstream/js_subjects.h"
#include "jetstream/shard.h"

namespace weir::jetstream {

namespace {

constexpr size_t kRunMessages = 10'000;
constexpr size_t kRunBytes = 8 << 20;
// A stream that takes longer is worth a line in the log.
constexpr int64_t kSlowNs = 1'000'000'000;

}  // namespace

Status ReadHeaders(Stream& stream) {
  auto& store = stream.store();
  const auto& state = store.state();
  if (state.messages == 0) {
    return OkStatus();
  }
  int64_t since = stream.env().clock.wall_ns() - stream.config().duplicate_window_ns;
  StreamSeq from = std::min(store.SeqAtTime(since), state.last_seq);
  if (stream.config().allow_msg_ttl || stream.config().allow_msg_schedules) {
    from = state.first_seq;
  }
  from = std::max(from, store.HeadersFrom());
  while (from <= state.last_seq) {
    WEIR_ASSIGN_OR_RETURN(auto run,
                          store.PrepareRun(from, state.last_seq, kRunMessages, kRunBytes)());
    if (run.last < from) {
      break;
    }
    for (const auto& message : run.messages) {
      stream.Remember(message.view);
    }
    from = run.last + 1;
  }
  return OkStatus();
}

// One subscription.
class PendingStream::Intake : public Sink {
 public:
  Intake(PendingStream& owner, Target target, std::string consumer, const std::string& pattern,
         std::string_view queue)
      : owner_(owner),
        target_(target),
        consumer_(std::move(consumer)),
        subscription_(owner.home_.env().router.Subscribe(owner.account(), pattern, queue, *this)) {}
  ~Intake() override { Unsubscribe(); }

  void OnMessage(const Inbound& message) override { owner_.Take(*this, message); }
  void Park() {
    if (subscription_ != 0) {
      owner_.home_.env().router.Park(std::exchange(subscription_, 0));
    }
  }
  void Unsubscribe() {
    if (subscription_ != 0) {
      owner_.home_.env().router.Unsubscribe(std::exchange(subscription_, 0));
    }
  }

  Target target() const { return target_; }
  const std::string& consumer() const { return consumer_; }

 private:
  PendingStream& owner_;
  const Target target_;
  const std::string consumer_;
  Router::SubscriptionId subscription_ = 0;
};

// What the account's usage has of it, until the stream counts itself.
class PendingStream::Counted {
 public:
  explicit Counted(const Spec& spec)
      : usage_(spec.stream.usage),
        bytes_(spec.state ? static_cast<int64_t>(spec.state->bytes) : 0),
        consumers_(static_cast<int64_t>(spec.consumers.size())) {
    if (usage_ != nullptr) {
      usage_->Add(/*in_memory=*/false, bytes_);
      usage_->AddConsumers(consumers_);
    }
  }
  void ForgetBytes() {
    if (int64_t bytes = bytes_.exchange(0); usage_ != nullptr) {
      usage_->Add(/*in_memory=*/false, -bytes);
    }
  }
  void Forget() {
    ForgetBytes();
    if (int64_t consumers = consumers_.exchange(0); usage_ != nullptr) {
      usage_->AddConsumers(-consumers);
    }
  }

 private:
  AccountUsage* const usage_;
  std::atomic<int64_t> bytes_;
  std::atomic<int64_t> consumers_;
};

// Also of what failed the stream comes back: it may be destroyed at its home only.
struct PendingStream::Loaded {
  Status status;
  std::unique_ptr<Stream> stream;
};

PendingStream::PendingStream(Catalog& catalog, Shard& home, Spec spec)
    : catalog_(catalog),
      home_(home),
      spec_(std::move(spec)),
      counted_(std::make_shared<Counted>(spec_)) {}

PendingStream::~PendingStream() {
  counted_->Forget();
}

size_t PendingStream::num_consumers() const {
  return static_cast<size_t>(std::count_if(spec_.consumers.begin(), spec_.consumers.end(),
                                           [](const auto& each) { return !each.config.direct; }));
}

Environment& PendingStream::env() {
  return home_.env();
}

void PendingStream::Subscribe(Target target, std::string consumer, const std::string& pattern,
                              std::string_view queue) {
  intakes_.push_back(std::make_unique<Intake>(*this, target, std::move(consumer), pattern, queue));
}

void PendingStream::Start() {
  const StreamConfig& config = spec_.stream.config;
  for (const auto& subject : config.subjects) {
    Subscribe(Target::kStream, {}, subject, {});
  }
  if (config.allow_direct) {
    std::string subject = Cat("$JS.API.DIRECT.GET.", config.name);
    Subscribe(Target::kDirectGet, {}, subject, "_sys_");
    Subscribe(Target::kDirectGet, {}, Cat(subject, ".>"), "_sys_");
  }
  std::string scope = LongScope(home_.env(), account());
  for (const auto& consumer : spec_.consumers) {
    const std::string& name =
        consumer.config.is_durable() ? consumer.config.durable_name : consumer.config.name;
    Subscribe(Target::kConsumer, name, PullSubject(config.name, name), {});
    if (consumer.config.ack_policy != AckPolicy::kNone) {
      Subscribe(Target::kConsumer, name, AckPattern(config.name, name), {});
      Subscribe(Target::kConsumer, name, AckPattern(config.name, name, scope), {});
    }
  }
  Environment& env = home_.env();
  began_ns_ = env.clock.steady_ns();
  Spec to_read{spec_.stream, spec_.record, {}, spec_.state};
  env.stores.RunBlocking([home = &home_, spec = std::move(to_read), counted = counted_]() mutable {
    StreamId id = spec.stream.id;
    home->env().executor.Post(
        [home, id, loaded = Load(*home, std::move(spec), *counted)]() mutable {
          if (PendingStream* self = home->FindPending(id)) {
            self->OnLoaded(std::move(loaded));
          }
        });
  });
}

PendingStream::Loaded PendingStream::Load(Shard& home, Spec spec, Counted& counted) {
  Environment& env = home.env();
  Loaded out;
  auto store = env.stores.Open({spec.stream.id, /*memory=*/false, /*is_new=*/false, 0,
                                &env.executor, spec.stream.config.compression == Compression::kS2});
  if (!store.ok()) {
    out.status = store.status();
    return out;
  }
  counted.ForgetBytes();
  out.stream = std::make_unique<Stream>(home, std::move(spec.stream), *std::move(store));
  out.status = Annotate(ReadHeaders(*out.stream), "reading the messages' headers");
  if (out.status.ok()) {
    out.stream->AdoptPositions(spec.record);
  }
  return out;
}

// ---- what waits ----

void PendingStream::Take(const Intake& intake, const Inbound& message) {
  const JetStreamOptions& options = home_.env().options;
  OwnedMessage copy = OwnedMessage::Copy(message);
  size_t bytes = copy.bytes();
  if ((options.max_buffered_msgs > 0 &&
       waiting_messages_ >= static_cast<size_t>(options.max_buffered_msgs)) ||
      (options.max_buffered_bytes > 0 &&
       waiting_bytes_ + bytes > static_cast<size_t>(options.max_buffered_bytes))) {
    Refuse(intake, message);
    return;
  }
  ++waiting_messages_;
  waiting_bytes_ += bytes;
  waiting_.emplace_back(Message{&intake, std::move(copy)});
}

void PendingStream::Refuse(const Intake& intake, const Inbound& message) {
  if (message.reply.empty()) {
    return;
  }
  constexpr std::string_view kTooMany = "NATS/1.0 429 Too Many Requests\r\n\r\n";
  if (intake.target() == Target::kStream && !config().no_ack) {
    std::string answer = RefusalJson(config().name, MakeError(10167));
    home_.env().router.Publish(account(), {message.reply, {}, kTooMany, answer});
  } else if (intake.target() != Target::kStream) {
    home_.env().router.Publish(account(), {message.reply, {}, kTooMany, {}});
  }
}

void PendingStream::WhenReady(Handler handler) {
  waiting_.emplace_back(std::move(handler));
}

void PendingStream::Close() {
  closed_ = true;
  Unsubscribe();
}

void PendingStream::Unsubscribe() {
  for (auto& intake : intakes_) {
    intake->Unsubscribe();
  }
}

// ---- the end ----

void PendingStream::OnLoaded(Loaded loaded) {
  std::unique_ptr<PendingStream> self = home_.TakePending(id());
  if (loaded.status.ok()) {
    Adopt(std::move(loaded.stream));
  } else if (loaded.status.code() != StatusCode::kCancelled) {
    GiveUp(loaded.status);
  }
  home_.DestroyLater(std::move(self));
}

void PendingStream::Adopt(std::unique_ptr<Stream> fresh) {
  Environment& env = home_.env();
  StreamId stream_id = fresh->id();
  counted_->Forget();
  Stream& stream = home_.Add(std::move(fresh));
  for (auto& consumer : spec_.consumers) {
    stream.AdoptConsumer(std::move(consumer.config), consumer.id, consumer.created_ns,
                         std::move(consumer.state));
  }
  const auto& state = stream.store().state();
  if (int64_t took = env.clock.steady_ns() - began_ns_; took > kSlowNs) {
    env.log.Info("  Restored ", state.messages, " messages for stream '",
                 env.accounts.NameOf(account()), " > ", stream.name(), "' in ",
                 FormatDuration(took));
  }
  if (!closed_) {
    // The stream and its consumers take over what is subscribed.
    for (auto& intake : intakes_) {
      intake->Park();
    }
    stream.Start();
    env.router.DropParked();
  }
  while (!waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    // A deletion may have been among them.
    Stream* there = home_.Find(stream_id);
    there = there == nullptr || there->stopped() ? nullptr : there;
    if (auto* handler = std::get_if<Handler>(&next)) {
      std::move (*handler)(there);
    } else if (there != nullptr) {
      Forward(*there, std::get<Message>(next));
    }
  }
}

void PendingStream::Forward(Stream& stream, const Message& waiting) {
  Inbound message = waiting.message.view();
  switch (waiting.intake->target()) {
    case Target::kStream:
      stream.OnMessage(message);
      break;
    case Target::kDirectGet:
      if (Sink* direct = stream.direct_get()) {
        direct->OnMessage(message);
      }
      break;
    case Target::kConsumer:
      if (Consumer* consumer = stream.FindConsumer(waiting.intake->consumer())) {
        consumer->OnMessage(message);
      }
      break;
  }
}

void PendingStream::GiveUp(const Status& why) {
  Environment& env = home_.env();
  std::string line = Cat("stream '", env.accounts.NameOf(account()), " > ", config().name,
                         "': ", weir::Message(why));
  counted_->Forget();
  Unsubscribe();
  env.log.Error("JetStream recovery: ", line);
  catalog_.executor().Post([&catalog = catalog_, account = account(), name = config().name,
                            id = id(), line, text = std::string(weir::Message(why))] {
    catalog.SetOffline(account, name, id, text);
    catalog.NoteSetAside(line);
  });
  for (auto& next : std::exchange(waiting_, {})) {
    if (auto* handler = std::get_if<Handler>(&next)) {
      std::move (*handler)(nullptr);
      continue;
    }
    const Message& waiting = std::get<Message>(next);
    if (waiting.intake->target() == Target::kStream && !waiting.message.reply.empty()) {
      std::string answer = RefusalJson(config().name, MakeError(10194, weir::Message(why)));
      env.router.Publish(account(), {waiting.message.reply, {}, {}, answer});
    }
  }
}

}  // namespace weir::jetstream

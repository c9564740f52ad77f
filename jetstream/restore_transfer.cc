#include "jetstream/restore_transfer.h"

#include <algorithm>

#include "jetstream/advisory.h"
#include "jetstream/api_consumers.h"
#include "jetstream/consumer_rules.h"
#include "jetstream/message_ttl.h"
#include "jetstream/recovery.h"
#include "jetstream/stream_info.h"
#include "protocol/base/nuid.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kStall = 5'000'000'000;
constexpr uint64_t kMaxWaiting = 64 << 20;
constexpr uint64_t kMaxFileRecord = 32 << 20;  // what the reference's store takes

ApiError RestoreError(std::string_view text) {
  return MakeError(10062, text);
}

// Asks a transfer at its home, if it is still there.
template <typename Work>
void AtHome(Shard& home, Transfer::Id id, Work work) {
  home.env().executor.Post(
      [&home, id, work = std::move(work)]() mutable { work(home, home.FindTransfer(id)); });
}

}  // namespace

RestoreTransfer::RestoreTransfer(Catalog& catalog, Shard& shard, RestoreSpec spec)
    : catalog_(catalog),
      shard_(shard),
      spec_(std::move(spec)),
      reader_(static_cast<uint64_t>(shard.env().options.max_payload)),
      started_ns_(shard.env().clock.wall_ns()) {}

RestoreTransfer::~RestoreTransfer() {
  shard_.env().timers.Cancel(stall_timer_);
  if (subscription_ != 0) {
    shard_.env().router.Unsubscribe(subscription_);
  }
}

std::string RestoreTransfer::Label() const {
  return Cat("stream '", shard_.env().accounts.NameOf(spec_.account), " > ", spec_.config.name,
             "'");
}

std::string RestoreTransfer::Start(Id id) {
  id_ = id;
  Environment& env = shard_.env();
  env.log.Info("Starting restore for ", Label());
  Advise(/*complete=*/false);
  std::string subject = Cat("$JS.SNAPSHOT.RESTORE.", spec_.config.name, ".", Nuid(env.random));
  subscription_ = env.router.Subscribe(spec_.account, subject, {}, *this);
  WatchStall();
  return subject;
}

void RestoreTransfer::WatchStall() {
  Environment& env = shard_.env();
  env.timers.Cancel(stall_timer_);
  stall_timer_ = env.timers.Schedule(env.clock.steady_ns() + kStall, [this] {
    stall_timer_ = {};
    shard_.env().log.Warn("Restore for ", Label(), " is stalled");
    Fail(RestoreError(Cat("restore for ", Label(), " is stalled")));
    shard_.EndTransfer(id_);
  });
}

void RestoreTransfer::OnMessage(const Inbound& message) {
  if (ended_) {
    return;
  }
  Environment& env = shard_.env();
  if (message.reply.empty()) {
    ended_ = true;
    Fail(RestoreError(Cat("restore for ", Label(), " requires reply subject for each chunk")));
    Finish();
    return;
  }
  if (message.payload.empty()) {
    ended_ = true;
    last_reply_ = message.reply;
    env.timers.Cancel(stall_timer_);
    reader_.End();
    Process();
    return;
  }
  WatchStall();
  received_ += message.payload.size();
  if (phase_ == Phase::kReserving) {
    waiting_bytes_ += message.payload.size();
    if (waiting_bytes_ > kMaxWaiting) {
      Fail(RestoreError("chunks are sent without waiting for their answers"));
    }
  }
  if (phase_ != Phase::kFailed) {
    reader_.Feed(message.payload);
    Process();
  }
  shard_.WhenCommitted([&env, account = spec_.account, reply = std::string(message.reply)](
                           const Status&) { env.router.Publish(account, {reply, {}, {}, {}}); });
}

void RestoreTransfer::Process() {
  bool more = true;
  while (more && (phase_ == Phase::kReading || phase_ == Phase::kStoring)) {
    auto item = reader_.Next();
    Status status = item.status();
    if (item.ok()) {
      more = *item != BackupReader::Item::kNeedInput;
      status = Take(*item);
    }
    if (!status.ok() && phase_ != Phase::kFailed) {
      Fail(RestoreError(Message(status)));
    }
  }
  if (stream_ != nullptr && unflushed_ > 0) {
    unflushed_ = 0;
    stream_->Flush(shard_.batch());
  }
  if (ended_ && phase_ == Phase::kRead) {
    Complete();
  } else if (ended_ && phase_ == Phase::kFailed) {
    Finish();
  }
}

Status RestoreTransfer::Take(BackupReader::Item item) {
  switch (item) {
    case BackupReader::Item::kNeedInput:
      return OkStatus();
    case BackupReader::Item::kState:
      Reserve();
      return OkStatus();
    case BackupReader::Item::kConsumer:
      return AddConsumer(reader_.consumer());
    case BackupReader::Item::kMessage:
      return AddMessage(reader_.message());
    case BackupReader::Item::kEnd:
      phase_ = Phase::kRead;
      return OkStatus();
  }
  return OkStatus();
}

// ---- the name ----

void RestoreTransfer::Reserve() {
  phase_ = Phase::kReserving;
  catalog_.executor().Post(
      [&catalog = catalog_, id = id_, spec = spec_, bytes = reader_.state().bytes] {
        ReserveName(catalog, id, spec, bytes);
      });
}

void RestoreTransfer::ReserveName(Catalog& catalog, Id id, const RestoreSpec& spec,
                                  uint64_t bytes) {
  Environment& env = catalog.env();
  Shard& home = *catalog.shards()[spec.home];
  ApiError error;
  StreamConfig wanted = spec.config;
  wanted.max_bytes =
      std::max(wanted.max_bytes, static_cast<int64_t>(std::min<uint64_t>(bytes, INT64_MAX)));
  if (catalog.IsTaken(spec.account, spec.config.name)) {
    error = MakeError(10130);
  } else if (ApiError no_room = catalog.CheckRoom(spec.account, wanted, nullptr)) {
    error = no_room;
  } else if (ApiError overlap = catalog.CheckOverlap(spec.account, spec.config, nullptr)) {
    error = RestoreError(Cat("error adding stream: ", overlap.description));
  }
  if (error) {
    AtHome(home, id, [error](Shard&, Transfer* found) {
      if (auto* self = static_cast<RestoreTransfer*>(found)) {
        self->Fail(error);
        self->Process();
      }
    });
    return;
  }
  int64_t created_ns = env.clock.wall_ns();
  StreamId stream = env.meta.NewStreamId(catalog.meta_shard().batch());
  if (spec.config.storage == StorageType::kFile) {
    JsonWriter text;
    WriteStreamConfig(text, spec.config);
    env.meta.PutStream(catalog.meta_shard().batch(), {stream, env.accounts.NameOf(spec.account),
                                                      MarkIncomplete(text.text()), created_ns});
  }
  catalog.Reserve(spec.account, stream, spec.config, created_ns, spec.home);
  catalog.meta_shard().WhenDurable([&catalog, &home, id, stream, created_ns, account = spec.account,
                                    name = spec.config.name](const Status& status) {
    AtHome(home, id,
           [&catalog, stream, created_ns, account, name, status](Shard&, Transfer* found) {
             auto* self = static_cast<RestoreTransfer*>(found);
             if (self != nullptr && status.ok()) {
               self->OnReserved(stream, created_ns);
               return;
             }
             catalog.GiveUp(account, name, stream);
             if (self != nullptr) {
               self->Fail(RestoreError(Message(status)));
               self->Process();
             }
           });
  });
}

void RestoreTransfer::OnReserved(StreamId stream, int64_t created_ns) {
  if (phase_ == Phase::kReserving) {
    if (Status status = OpenStream(stream, created_ns); status.ok()) {
      phase_ = Phase::kStoring;
    } else {
      catalog_.GiveUp(spec_.account, spec_.config.name, stream);
      Fail(RestoreError(Message(status)));
    }
  } else {
    catalog_.GiveUp(spec_.account, spec_.config.name, stream);
  }
  Process();
}

Status RestoreTransfer::OpenStream(StreamId stream, int64_t created_ns) {
  Environment& env = shard_.env();
  bool memory = spec_.config.storage == StorageType::kMemory;
  WEIR_ASSIGN_OR_RETURN(auto store, env.stores.Open({stream, memory, /*is_new=*/true,
                                                     reader_.state().first_seq, &env.executor}));
  StreamSpec made{stream, spec_.account, created_ns, spec_.config, spec_.usage};
  stream_ = std::make_unique<Stream>(shard_, std::move(made), std::move(store));
  return OkStatus();
}

// ---- what is in the backup ----

Status RestoreTransfer::AddConsumer(BackupConsumer& consumer) {
  Environment& env = shard_.env();
  ConsumerConfig& config = consumer.config;
  std::string label = Cat("failed to add consumer ", Quoted(config.name));
  if (!protocol::IsValidLiteral(config.name) ||
      config.name.find_first_of(".*>\\/ \t\r\n\f") != std::string::npos) {
    return InvalidArgument(Cat(label, ": invalid name"));
  }
  if (stream_->FindConsumer(config.name) != nullptr) {
    return InvalidArgument(Cat(label, ": consumer already exists"));
  }
  ConsumerRules rules =
      RulesFor(*stream_, env.accounts.JetStreamLimits(spec_.account).value_or(AccountLimits{}));
  ApiError error = ApplyConsumerDefaults(config, rules, /*pedantic=*/false);
  if (!error) {
    error = CheckConsumerConfig(config, rules);
  }
  if (error) {
    return InvalidArgument(Cat(label, ": ", error.description));
  }
  StampConsumerMetadata(config);
  std::string state = EncodeConsumerState(consumer.state, /*offset_ns=*/0);
  Consumer& made = stream_->AdoptConsumer(std::move(config), stream_->NextConsumerId(),
                                          env.clock.wall_ns(), state);
  consumers_.emplace_back(&made, std::move(state));
  return OkStatus();
}

bool RestoreTransfer::HasOutlived(const storage::MessageView& message) const {
  auto text = protocol::FindHeader(message.headers, "Nats-TTL");
  auto ttl = text ? ParseMessageTtl(*text) : std::nullopt;
  return ttl && ttl->ns > 0 && shard_.env().clock.wall_ns() - message.time_ns > ttl->ns;
}

Status RestoreTransfer::CheckRoom(uint64_t bytes) {
  bool memory = spec_.config.storage == StorageType::kMemory;
  auto extra = static_cast<int64_t>(bytes + unflushed_);
  const AccountUsage* usage = spec_.usage;
  if (usage != nullptr && (usage->Exceeds(memory, extra) ||
                           (usage->server != nullptr && usage->server->Exceeds(memory, extra)))) {
    Fail(MakeError(memory ? 10028 : 10047));
    return Cancelled("no room");
  }
  return OkStatus();
}

Status RestoreTransfer::AddMessage(const storage::MessageView& message) {
  size_t parts = message.headers.size() + message.payload.size();
  int32_t largest = spec_.config.max_msg_size;
  if (largest >= 0 && parts > static_cast<size_t>(largest)) {
    return InvalidArgument(Cat("message sequence ", message.seq, " exceeds maximum message size"));
  }
  uint64_t bytes = spec_.config.storage == StorageType::kMemory
                       ? storage::MemoryMessageBytes(message)
                       : storage::FileMessageBytes(message);
  if (spec_.config.storage == StorageType::kFile && bytes > kMaxFileRecord) {
    return InvalidArgument("snapshot message bytes exceed maximum store message size");
  }
  WEIR_RETURN_IF_ERROR(CheckRoom(bytes));
  if (!message.headers.empty() && HasOutlived(message)) {
    return OkStatus();
  }
  stream_->store().Append(message);
  stream_->Remember(message);
  last_time_ns_ = message.time_ns;
  unflushed_ += bytes;
  return OkStatus();
}

void RestoreTransfer::PadEnd() {
  storage::StreamStore& store = stream_->store();
  StreamSeq last = reader_.state().last_seq;
  if (store.state().last_seq >= last) {
    return;
  }
  storage::MessageView nothing;
  nothing.seq = last;
  nothing.time_ns = last_time_ns_ == 0 ? shard_.env().clock.wall_ns() : last_time_ns_;
  nothing.subject = spec_.config.name;
  store.Append(nothing);
  store.Remove(last, /*erase=*/false);
}

// ---- the end ----

void RestoreTransfer::Fail(const ApiError& error) {
  if (phase_ == Phase::kFailed || phase_ == Phase::kOver) {
    return;
  }
  phase_ = Phase::kFailed;
  error_ = error;
  shard_.env().log.Warn("Restore failed for ", received_, " bytes for ", Label(), ": ",
                        error.description);
  GiveUp();
}

void RestoreTransfer::GiveUp() {
  if (stream_ == nullptr) {
    return;
  }
  catalog_.GiveUp(spec_.account, spec_.config.name, stream_->id());
  stream_->Stop(409, "Consumer Deleted");
  stream_->Destroy();
  consumers_.clear();
  shard_.DestroyLater(std::move(stream_));
}

void RestoreTransfer::Complete() {
  PadEnd();
  stream_->Flush(shard_.batch());
  stream_->Persist();
  for (const auto& [consumer, state] : consumers_) {
    stream_->PersistConsumer(*consumer, consumer->created_ns());
    if (consumer->persistent()) {
      shard_.env().meta.PutConsumerState(shard_.batch(), stream_->id(), consumer->id(), state);
    }
  }
  phase_ = Phase::kOver;
  Stream& stream = shard_.Add(std::move(stream_));
  AdviseStream(shard_.env(), stream.account(), stream.name(), "CREATED", "create");
  stream.Start();
  for (const auto& [consumer, state] : consumers_) {
    consumer->AnnounceCreated();
  }
  stream.MarkDirty();
  stream.WhenDurable([&shard = shard_, id = id_, stream_id = stream.id()](const Status& status) {
    auto* self = static_cast<RestoreTransfer*>(shard.FindTransfer(id));
    Stream* made = shard.Find(stream_id);
    if (self == nullptr) {
      return;
    }
    if (!status.ok() || made == nullptr) {
      self->error_ = RestoreError(status.ok() ? "stream closed" : Message(status));
    } else {
      made->OnCommitted(made->store().state().last_seq);
    }
    self->Finish();
  });
}

void RestoreTransfer::Finish() {
  phase_ = Phase::kOver;
  Advise(/*complete=*/true);
  JsonWriter out = StartResponse("stream_create_response");
  Stream* stream = shard_.Find(spec_.account, spec_.config.name);
  if (error_) {
    error_.WriteTo(out);
  } else if (stream != nullptr) {
    StreamInfoOptions options{.domain = false};
    StreamInfoPage page;
    WriteStreamInfo(out, *stream, StreamStateJson(*stream, options, page), options);
    shard_.env().log.Info("Completed restore of ", received_, " bytes for ", Label());
  }
  out.CloseObject();
  Answer(out.text());
  shard_.EndTransfer(id_);
}

// The catalog shows the stream before the client knows of it.
void RestoreTransfer::Answer(const std::string& json) {
  catalog_.executor().Post([&catalog = catalog_, account = spec_.account, name = spec_.config.name,
                            good = !error_, reply = last_reply_, json] {
    if (good) {
      catalog.Publish(account, name);
    }
    if (!reply.empty()) {
      catalog.env().router.Publish(account, {reply, {}, {}, json});
    }
  });
}

void RestoreTransfer::Advise(bool complete) {
  Environment& env = shard_.env();
  std::string subject = Cat("$JS.EVENT.ADVISORY.STREAM.RESTORE_",
                            complete ? "COMPLETE." : "CREATE.", spec_.config.name);
  if (!env.router.HasInterest(spec_.account, subject)) {
    return;
  }
  JsonWriter out = StartAdvisory(env, complete ? "restore_complete" : "restore_create");
  out.Field("stream", spec_.config.name);
  if (complete) {
    out.Key("start").Time(started_ns_).Key("end").Time(env.clock.wall_ns());
    out.Field("bytes", received_);
  }
  out.Key("client").OpenObject().Field("acc", env.accounts.NameOf(spec_.account)).CloseObject();
  out.Optional("domain", env.options.domain);
  PublishAdvisory(env, spec_.account, subject, out);
}

}  // namespace weir::jetstream

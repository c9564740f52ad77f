#include "jetstream/snapshot_transfer.h"

#include <algorithm>
#include <utility>

#include "jetstream/advisory.h"
#include "jetstream/stream_backup.h"
#include "protocol/base/nuid.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kInterestWait = 2000 * kMillisecond;
constexpr int64_t kAckWait = 5000 * kMillisecond;
constexpr int64_t kLook = 100 * kMillisecond;
constexpr size_t kDefaultChunk = 128 << 10;
constexpr size_t kMaxChunk = 1 << 20;
constexpr size_t kDefaultWindow = 8 << 20;
constexpr size_t kMaxWindow = 32 << 20;
constexpr size_t kMinimum = 1024;
constexpr size_t kBlock = 256 << 10;       // compressed at a time
constexpr size_t kBytesPerRun = 1 << 20;   // sent before others run
constexpr size_t kMessagesPerFill = 1024;  // read before others run

size_t Clamp(int64_t wanted, size_t usual, size_t most) {
  auto size = wanted <= 0 ? (wanted == 0 ? usual : kMinimum) : static_cast<size_t>(wanted);
  return std::min(std::max(size, kMinimum), most);
}

}  // namespace

SnapshotTransfer::SnapshotTransfer(Shard& shard, Stream& stream, const SnapshotSpec& spec)
    : shard_(shard),
      stream_(stream.id()),
      account_(stream.account()),
      name_(stream.name()),
      deliver_subject_(spec.deliver_subject),
      chunk_size_(Clamp(spec.chunk_size, kDefaultChunk, kMaxChunk)),
      window_(std::max(Clamp(spec.window_size, kDefaultWindow, kMaxWindow), chunk_size_) /
              chunk_size_),
      started_ns_(shard.env().clock.wall_ns()),
      slots_(window_) {
  const auto& state = stream.store().state();
  next_ = state.first_seq;
  last_ = state.last_seq;
  bytes_ = state.bytes;
  ack_prefix_ = Cat("$JS.SNAPSHOT.ACK.", name_, ".", Nuid(shard.env().random));
  out_ = storage::kS2Start;
  archive_ = kArchiveMagic;
  if (!spec.with_consumers) {
    return;
  }
  for (const auto& [name, consumer] : stream.consumers()) {
    consumers_ += consumer->config().direct ? 0 : 1;
  }
}

SnapshotTransfer::~SnapshotTransfer() {
  shard_.env().timers.Cancel(timer_);
  if (subscription_ != 0) {
    shard_.env().router.Unsubscribe(subscription_);
  }
}

void SnapshotTransfer::Start(Id id, std::string state_json) {
  id_ = id;
  Stream* stream = shard_.Find(stream_);
  if (stream == nullptr) {
    Finish("NATS/1.0 500 stream closed\r\n\r\n", "stream closed");
    return;
  }
  Environment& env = shard_.env();
  Advise(/*complete=*/false, state_json, {});
  AppendArchiveEntry(archive_, {"state.json", started_ns_, 0, 0, state_json.size()});
  archive_.append(state_json);
  if (consumers_ > 0) {
    AppendConsumers(*stream);
  }
  subscription_ = env.router.Subscribe(account_, Cat(ack_prefix_, ".>"), {}, *this);
  wait_began_ns_ = env.clock.steady_ns();
  AwaitInterest();
}

void SnapshotTransfer::AppendConsumers(Stream& stream) {
  int64_t offset_ns = shard_.env().clock.wall_ns() - shard_.env().clock.steady_ns();
  for (const auto& [name, consumer] : stream.consumers()) {
    if (consumer->config().direct || consumers_ == 0) {
      continue;
    }
    --consumers_;
    ConsumerConfig config = consumer->config();
    config.auto_named = false;
    ConsumerState state = consumer->state();
    for (auto& entry : state.ledger.pending) {
      entry.delivered_ns += offset_ns;
    }
    std::string json = WriteBackupConsumer(config, state, last_);
    AppendArchiveEntry(archive_, {Cat("consumers/", name), started_ns_, 0, 0, json.size()});
    archive_.append(json);
  }
}

void SnapshotTransfer::AwaitInterest() {
  Environment& env = shard_.env();
  had_interest_ = env.router.HasLiteralInterest(account_, deliver_subject_);
  int64_t now_ns = env.clock.steady_ns();
  if (had_interest_ || now_ns - wait_began_ns_ >= kInterestWait) {
    wait_began_ns_ = now_ns;
    RunLater();
    WatchReceiver();
    return;
  }
  timer_ = env.timers.Schedule(now_ns + kLook, [this] {
    timer_ = {};
    AwaitInterest();
  });
}

void SnapshotTransfer::WatchReceiver() {
  Environment& env = shard_.env();
  timer_ = env.timers.Schedule(env.clock.steady_ns() + kLook, [this] {
    timer_ = {};
    Environment& at = shard_.env();
    if (had_interest_ && !at.router.HasLiteralInterest(account_, deliver_subject_)) {
      Finish("NATS/1.0 408 No Interest\r\n\r\n", "no interest");
    } else if (slots_ == 0 && at.clock.steady_ns() - wait_began_ns_ >= kAckWait) {
      Finish("NATS/1.0 408 No Flow Response\r\n\r\n", "no flow response");
    } else {
      WatchReceiver();
    }
  });
}

void SnapshotTransfer::RunLater() {
  if (std::exchange(run_posted_, true)) {
    return;
  }
  shard_.env().executor.Post([&shard = shard_, id = id_] {
    if (auto* self = static_cast<SnapshotTransfer*>(shard.FindTransfer(id))) {
      self->run_posted_ = false;
      self->Run();
    }
  });
}

void SnapshotTransfer::OnMessage(const Inbound& /*message*/) {
  slots_ = std::min(slots_ + 1, window_);
  if (!loading_) {
    RunLater();
  }
}

void SnapshotTransfer::Run() {
  size_t sent = 0;
  while (!finished_ && !loading_ && slots_ > 0) {
    if (out_.size() < chunk_size_ && !read_all_) {
      Fill filled = FillChunk();
      if (filled == Fill::kWaiting || finished_) {
        return;
      }
      continue;
    }
    --slots_;
    if (out_.size() < chunk_size_) {
      if (!out_.empty()) {
        Publish({}, {}, out_);
      }
      // A backup that fits into one chunk ends without a status, as in the reference.
      Finish(chunks_sent_ == 0 ? std::string_view{} : "NATS/1.0 204\r\n\r\n", {});
      return;
    }
    SendChunk();
    sent += chunk_size_;
    if (sent >= kBytesPerRun) {
      RunLater();
      return;
    }
  }
}

void SnapshotTransfer::SendChunk() {
  ++chunks_sent_;
  Publish(Cat(ack_prefix_, ".", chunk_size_, ".", chunks_sent_), {},
          std::string_view(out_).substr(0, chunk_size_));
  out_.erase(0, chunk_size_);
  wait_began_ns_ = shard_.env().clock.steady_ns();
}

// kWaiting: Run() comes again by itself.
SnapshotTransfer::Fill SnapshotTransfer::FillChunk() {
  for (size_t count = 0; archive_.size() < kBlock; ++count) {
    if (count == kMessagesPerFill) {
      RunLater();
      return Fill::kWaiting;
    }
    Fill read = ReadNext();
    if (read == Fill::kWaiting) {
      return read;
    }
    if (read == Fill::kEnd) {
      AppendArchiveEntry(archive_, {});
      read_all_ = true;
      break;
    }
  }
  FlushBlock();
  return Fill::kMore;
}

void SnapshotTransfer::FlushBlock() {
  std::string_view rest = archive_;
  while (!rest.empty()) {
    std::string_view block = rest.substr(0, kBlock);
    storage::AppendS2Chunk(out_, block);
    rest.remove_prefix(block.size());
  }
  archive_.clear();
}

SnapshotTransfer::Fill SnapshotTransfer::ReadNext() {
  Stream* stream = shard_.Find(stream_);
  auto fail = [&](std::string_view why) {
    std::string error = Cat("couldn't load next message after seq ", next_, ": ", why);
    Finish(Cat("NATS/1.0 500 ", error, "\r\n\r\n"), error);
    return Fill::kWaiting;
  };
  if (stream == nullptr || stream->stopped()) {
    return fail("store is closed");
  }
  if (next_ == 0 || next_ > last_) {
    return Fill::kEnd;
  }
  storage::StoredMessage found;
  switch (stream->store().Next(next_, {}, found)) {
    case storage::ReadOutcome::kFound:
      if (found.view.seq > last_) {
        return Fill::kEnd;
      }
      AppendMessage(found.view);
      next_ = found.view.seq + 1;
      return Fill::kMore;
    case storage::ReadOutcome::kMissing:
      return Fill::kEnd;
    case storage::ReadOutcome::kDamaged:
      return fail("the message is damaged");
    case storage::ReadOutcome::kWouldBlock:
      break;
  }
  loading_ = true;
  stream->store().Load(found.view.seq, [&shard = shard_, id = id_](const Status& status) {
    auto* self = static_cast<SnapshotTransfer*>(shard.FindTransfer(id));
    if (self == nullptr) {
      return;
    }
    self->loading_ = false;
    if (status.ok()) {
      self->Run();
    } else {
      self->Finish(Cat("NATS/1.0 500 ", Message(status), "\r\n\r\n"), Message(status));
    }
  });
  return Fill::kWaiting;
}

void SnapshotTransfer::AppendMessage(const storage::MessageView& message) {
  AppendArchiveEntry(archive_, {message.subject, message.time_ns, message.seq,
                                message.headers.size(), message.payload.size()});
  archive_.append(message.headers).append(message.payload);
}

void SnapshotTransfer::Publish(std::string_view reply, std::string_view headers,
                               std::string_view payload) {
  shard_.env().router.Publish(account_, {deliver_subject_, reply, headers, payload});
}

void SnapshotTransfer::Finish(std::string_view headers, std::string_view error) {
  if (std::exchange(finished_, true)) {
    return;
  }
  Publish({}, headers, {});
  Advise(/*complete=*/true, {}, error);
  Log& log = shard_.env().log;
  std::string label = Cat("'", shard_.env().accounts.NameOf(account_), " > ", name_, "'");
  if (error.empty()) {
    log.Info("Completed snapshot of ", bytes_, " bytes for stream ", label);
  } else {
    log.Warn("Snapshot for stream ", label, " failed: ", error);
  }
  shard_.EndTransfer(id_);
}

void SnapshotTransfer::Advise(bool complete, std::string_view state_json, std::string_view error) {
  Environment& env = shard_.env();
  std::string subject =
      Cat("$JS.EVENT.ADVISORY.STREAM.SNAPSHOT_", complete ? "COMPLETE." : "CREATE.", name_);
  if (!env.router.HasInterest(account_, subject)) {
    return;
  }
  JsonWriter out = StartAdvisory(env, complete ? "snapshot_complete" : "snapshot_create");
  out.Field("stream", name_);
  if (complete) {
    out.Key("start").Time(started_ns_).Key("end").Time(env.clock.wall_ns());
  } else {
    out.Key("state").Raw(state_json);
  }
  out.Key("client").OpenObject().Field("acc", env.accounts.NameOf(account_)).CloseObject();
  out.Optional("domain", env.options.domain).Optional("error", error);
  PublishAdvisory(env, account_, subject, out);
}

}  // namespace weir::jetstream

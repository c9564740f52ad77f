#include "jetstream/shard.h"

#include <utility>

#include "jetstream/pending_stream.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kTrimInterval = 15'000'000'000;

}  // namespace

Shard::Shard(Environment& env) : env_(env) {}

Shard::~Shard() {
  env_.timers.Cancel(trim_timer_);
}

Stream& Shard::Add(std::unique_ptr<Stream> stream) {
  Stream& added = *stream;
  by_name_[{added.account().value(), added.name()}] = &added;
  streams_[added.id()] = std::move(stream);
  if (!trim_timer_) {
    TrimCaches();
  }
  return added;
}

// Streams that nobody uses for a while keep nothing but their index in memory.
void Shard::TrimCaches() {
  trim_timer_ = {};
  if (streams_.empty()) {
    return;
  }
  for (const auto& [id, stream] : streams_) {
    stream->store().TrimCaches();
  }
  trim_timer_ =
      env_.timers.Schedule(env_.clock.steady_ns() + kTrimInterval, [this] { TrimCaches(); });
}

void Shard::Remove(Stream& stream) {
  auto name = by_name_.find({stream.account().value(), stream.name()});
  if (name != by_name_.end() && name->second == &stream) {
    by_name_.erase(name);
  }
  auto at = streams_.find(stream.id());
  if (at == streams_.end()) {
    return;
  }
  std::unique_ptr<Stream> removed = std::move(at->second);
  streams_.erase(at);
  DestroyLater(std::move(removed));
}

Stream* Shard::Find(StreamId id) {
  auto at = streams_.find(id);
  return at == streams_.end() ? nullptr : at->second.get();
}

Stream* Shard::Find(AccountId account, std::string_view name) {
  auto at = by_name_.find({account.value(), std::string(name)});
  return at == by_name_.end() ? nullptr : at->second;
}

std::vector<Stream*> Shard::streams() {
  std::vector<Stream*> out;
  out.reserve(streams_.size());
  for (const auto& [id, stream] : streams_) {
    out.push_back(stream.get());
  }
  return out;
}

void Shard::AddPending(std::unique_ptr<PendingStream> pending) {
  StreamId id = pending->id();
  pending_[id] = std::move(pending);
}

PendingStream* Shard::FindPending(StreamId id) {
  auto at = pending_.find(id);
  return at == pending_.end() ? nullptr : at->second.get();
}

std::unique_ptr<PendingStream> Shard::TakePending(StreamId id) {
  auto at = pending_.find(id);
  if (at == pending_.end()) {
    return nullptr;
  }
  std::unique_ptr<PendingStream> out = std::move(at->second);
  pending_.erase(at);
  return out;
}

std::vector<PendingStream*> Shard::pending() {
  std::vector<PendingStream*> out;
  out.reserve(pending_.size());
  for (const auto& [id, pending] : pending_) {
    out.push_back(pending.get());
  }
  return out;
}

Transfer::Id Shard::AddTransfer(std::unique_ptr<Transfer> transfer) {
  transfers_[++last_transfer_] = std::move(transfer);
  return last_transfer_;
}

Transfer* Shard::FindTransfer(Transfer::Id id) {
  auto at = transfers_.find(id);
  return at == transfers_.end() ? nullptr : at->second.get();
}

void Shard::EndTransfer(Transfer::Id id) {
  auto at = transfers_.find(id);
  if (at != transfers_.end()) {
    DestroyLater(std::move(at->second));
    transfers_.erase(at);
  }
}

void Shard::RequestCommit() {
  if (!commit_requested_) {
    commit_requested_ = true;
    env_.request_commit();
  }
}

storage::StagedBatch& Shard::batch() {
  if (batch_ == nullptr) {
    batch_ = std::make_unique<storage::StagedBatch>();
    RequestCommit();
  }
  return *batch_;
}

void Shard::MarkDirty(Stream& stream) {
  dirty_.push_back(stream.id());
  RequestCommit();
}

void Shard::WhenDurable(Committed done) {
  batch().RequireSync();
  waiting_.push_back(std::move(done));
}

void Shard::WhenCommitted(Committed done) {
  waiting_.push_back(std::move(done));
  RequestCommit();
}

void Shard::Commit() {
  home_.AssertHeld();
  commit_requested_ = false;
  if (batch_ == nullptr && dirty_.empty() && waiting_.empty()) {
    return;
  }
  if (batch_ == nullptr) {
    batch_ = std::make_unique<storage::StagedBatch>();
  }
  Turn turn;
  std::vector<std::pair<StreamId, StreamSeq>> in_memory;
  bool needs_sync = false;
  for (StreamId id : std::exchange(dirty_, {})) {
    Stream* stream = Find(id);
    if (stream == nullptr) {
      continue;
    }
    needs_sync = needs_sync || stream->needs_sync();
    auto& bounds = stream->persistent() ? turn.streams : in_memory;
    bounds.emplace_back(id, stream->Flush(*batch_));
  }
  turn.waiting = std::exchange(waiting_, {});
  auto batch = std::move(batch_);
  if (!needs_sync && !batch->require_sync()) {
    batch->AllowUnsynced();
  }
  if (!batch->empty() || !turn.streams.empty() || !turn.waiting.empty()) {
    env_.commits.Submit(std::move(batch), env_.executor,
                        [this, turn = std::move(turn)](const Status& status) mutable {
                          OnCommitted(std::move(turn), status);
                        });
  }
  // Nothing on the disk stands behind a memory stream: what it took is as safe as it will ever be.
  for (const auto& [id, seq] : in_memory) {
    if (Stream* stream = Find(id)) {
      stream->OnCommitted(seq);
    }
  }
}

void Shard::OnCommitted(Turn turn, const Status& status) {
  if (!status.ok() && failure_.ok()) {
    failure_ = status;
    env_.log.Error("JetStream can not write any more: ", Message(status));
  }
  for (const auto& [id, seq] : turn.streams) {
    Stream* stream = Find(id);
    if (stream == nullptr) {
      continue;
    }
    if (status.ok()) {
      stream->OnCommitted(seq);
    } else {
      stream->OnCommitFailed(status);
    }
  }
  for (auto& done : turn.waiting) {
    std::move(done)(status);
  }
}

void Shard::Shutdown() {
  pending_.clear();
  transfers_.clear();
  for (auto& [id, stream] : streams_) {
    stream->Stop(409, "Server Shutdown");
    stream->MarkDirty();
  }
  Commit();
}

}  // namespace weir::jetstream

#include "storage/rocks_commit_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "rocksdb/write_batch.h"
#include <pthread.h>

#include "storage/ends_file.h"

namespace weir::storage {

namespace {

using SteadyClock = std::chrono::steady_clock;

uint64_t MicrosSince(SteadyClock::time_point since) {
  auto passed = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - since);
  return static_cast<uint64_t>(passed.count());
}

}  // namespace

RocksCommitQueue::RocksCommitQueue(Database& db, const Options& options)
    : db_(db), options_(options), commit_thread_([this] { CommitThreadMain(); }) {}

RocksCommitQueue::~RocksCommitQueue() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.notify_one();
  }
  commit_thread_.join();
}

Status RocksCommitQueue::health() const {
  MutexLock lock(mu_);
  return first_error_;
}

CommitStats RocksCommitQueue::stats() const {
  MutexLock lock(mu_);
  return stats_;
}

void RocksCommitQueue::Latch(const Status& error) {
  MutexLock lock(mu_);
  if (first_error_.ok()) {
    first_error_ = error;
  }
}

void RocksCommitQueue::Count(size_t batches, size_t bytes, uint64_t micros) {
  size_t bucket = std::min(static_cast<size_t>(std::bit_width(micros)), CommitStats::kBuckets - 1);
  MutexLock lock(mu_);
  stats_.batches += batches;
  ++stats_.commits;
  stats_.bytes += bytes;
  stats_.commit_micros += micros;
  ++stats_.latency[bucket];
}

uint64_t RocksCommitQueue::unsynced_writes() const {
  MutexLock lock(mu_);
  return unsynced_writes_;
}

void RocksCommitQueue::NoteSynced(uint64_t upto, uint64_t micros) {
  MutexLock lock(mu_);
  ++stats_.syncs;
  stats_.sync_micros += micros;
  group_size_.Synced(std::chrono::microseconds(micros));
  synced_upto_ = std::max(synced_upto_, upto);
}

bool RocksCommitQueue::NeedsSync(const StagedBatch& batch) const {
  if (batch.empty()) {
    return false;
  }
  return batch.require_sync() ||
         (options_.policy == SyncPolicy::kAlways && !batch.allow_unsynced());
}

bool RocksCommitQueue::HasUnanswered(Executor& home) const {
  auto found = homes_.find(&home);
  return found != homes_.end() && found->second->load(std::memory_order_acquire) > 0;
}

void RocksCommitQueue::Enqueue(std::unique_ptr<StagedBatch> batch, Executor& home, Done done) {
  Unanswered& unanswered = homes_[&home];
  if (unanswered == nullptr) {
    unanswered = std::make_shared<std::atomic<size_t>>(0);
  }
  unanswered->fetch_add(1, std::memory_order_relaxed);
  waiting_messages_ += std::max<size_t>(1, batch->messages());
  waiting_.push_back({std::move(batch), &home, unanswered, std::move(done)});
  if (awaited_messages_ != 0 && waiting_messages_ >= awaited_messages_) {
    awaited_messages_ = 0;
    wake_.notify_one();
  }
  if (thread_waits_) {
    thread_waits_ = false;
    wake_.notify_one();
  }
}

void RocksCommitQueue::Submit(std::unique_ptr<StagedBatch> batch, Executor& home, Done done) {
  Status failed;
  {
    MutexLock lock(mu_);
    if (NeedsSync(*batch) || HasUnanswered(home)) {
      Enqueue(std::move(batch), home, std::move(done));
      return;
    }
    failed = first_error_;
  }
  if (failed.ok() && !batch->empty()) {
    if (WriteInline(*batch, failed) == Inline::kWouldWait) {
      MutexLock lock(mu_);
      ++stats_.punted;
      Enqueue(std::move(batch), home, std::move(done));
      return;
    }
  }
  if (failed.ok()) {
    batch->ApplyMarks();
    NoteUnsynced(*batch);
  }
  // The batch's memory goes before the caller's next turn begins.
  batch.reset();
  std::move(done)(std::move(failed));
}

RocksCommitQueue::Inline RocksCommitQueue::WriteInline(StagedBatch& batch, Status& status) {
  SteadyClock::time_point since = SteadyClock::now();
  size_t bytes = batch.bytes();
  rocksdb::WriteOptions options;
  options.no_slowdown = true;
  rocksdb::WriteBatch writes(batch.TakeEncoded());
  rocksdb::Status written = db_.db().Write(options, &writes);
  if (written.IsIncomplete()) {
    // Nothing was applied. The thread may wait for the flush that RocksDB waits for.
    batch.Restore(writes.Data());
    return Inline::kWouldWait;
  }
  status = Database::FromRocks(written, "write to the store");
  if (!status.ok()) {
    Latch(status);
    return Inline::kWritten;
  }
  Count(1, bytes, MicrosSince(since));
  MutexLock lock(mu_);
  ++unsynced_writes_;
  return Inline::kWritten;
}

Status RocksCommitQueue::Write(std::string encoded, size_t batches, bool sync) {
  uint64_t covered = unsynced_writes();
  SteadyClock::time_point since = SteadyClock::now();
  size_t bytes = encoded.size();
  rocksdb::WriteOptions options;
  options.sync = sync;
  rocksdb::WriteBatch writes(std::move(encoded));
  Status status = Database::FromRocks(db_.db().Write(options, &writes), "write to the store");
  if (!status.ok()) {
    Latch(status);
    return status;
  }
  uint64_t micros = MicrosSince(since);
  Count(batches, bytes, micros);
  if (sync) {
    NoteSynced(covered, micros);
  } else {
    MutexLock lock(mu_);
    ++unsynced_writes_;
  }
  return status;
}

// Whose last sequences the next sync makes safe.
void RocksCommitQueue::NoteUnsynced(const StagedBatch& batch) {
  for (const StagedBatch::Mark& mark : batch.marks()) {
    if (!mark.marks->unsynced.load(std::memory_order_relaxed) &&
        !mark.marks->unsynced.exchange(true)) {
      MutexLock lock(mu_);
      unsynced_.push_back(mark.marks);
    }
  }
}

// What is in the log already; to be called before the sync that covers it.
RocksCommitQueue::Ends RocksCommitQueue::TakeUnsynced() {
  std::vector<std::shared_ptr<CommitMarks>> marks;
  {
    MutexLock lock(mu_);
    marks = std::exchange(unsynced_, {});
  }
  Ends ends;
  for (const auto& each : marks) {
    each->unsynced.store(false);
    ends[each->stream] = each->first.load() == UINT64_MAX ? UINT64_MAX : each->last.load();
  }
  return ends;
}

void RocksCommitQueue::NoteEnds(const Ends& ends) {
  for (const auto& [stream, last] : ends) {
    if (last == UINT64_MAX) {
      db_.ends().Forget(stream);
    } else if (stream.value() != 0) {
      db_.ends().Note(stream, last);
    }
  }
}

void RocksCommitQueue::SyncLog() {
  uint64_t covered = unsynced_writes();
  Ends ends = TakeUnsynced();
  SteadyClock::time_point since = SteadyClock::now();
  Status status = Database::FromRocks(db_.db().SyncWAL(), "sync the store's log");
  if (status.ok()) {
    NoteSynced(covered, MicrosSince(since));
    NoteEnds(ends);
  } else {
    Latch(status);
  }
}

void RocksCommitQueue::AwaitCompany(MutexLock& lock) {
  bool sync = std::any_of(waiting_.begin(), waiting_.end(),
                          [this](const Waiting& waiting) { return NeedsSync(*waiting.batch); });
  if (!sync) {
    return;
  }
  SteadyClock::time_point until = SteadyClock::now() + group_size_.patience();
  while (waiting_messages_ < group_size_.expected() && !stopping_ && SteadyClock::now() < until) {
    awaited_messages_ = group_size_.expected();
    lock.WaitFor(wake_, until - SteadyClock::now());
  }
  awaited_messages_ = 0;
}

std::vector<RocksCommitQueue::Waiting> RocksCommitQueue::TakeGroup() {
  size_t bytes = 0;
  size_t take = 0;
  size_t messages = 0;
  while (take < waiting_.size() && (take == 0 || bytes < kMaxGroupBytes)) {
    bytes += waiting_[take].batch->bytes();
    messages += std::max<size_t>(1, waiting_[take].batch->messages());
    ++take;
  }
  waiting_messages_ -= messages;
  group_size_.Took(messages);
  if (take == waiting_.size()) {
    return std::exchange(waiting_, {});
  }
  auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(take);
  std::vector<Waiting> group(std::make_move_iterator(waiting_.begin()),
                             std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return group;
}

Status RocksCommitQueue::WriteGroup(std::vector<Waiting>& group) {
  Status failed = health();
  if (!failed.ok()) {
    return failed;
  }
  bool sync = false;
  size_t batches = 0;
  StagedBatch* merged = nullptr;
  for (Waiting& waiting : group) {
    StagedBatch& batch = *waiting.batch;
    if (batch.empty()) {
      continue;
    }
    ++batches;
    sync = sync || NeedsSync(batch);
    if (merged == nullptr) {
      merged = &batch;
    } else {
      merged->Merge(batch);
    }
  }
  Ends ends = sync ? TakeUnsynced() : Ends();
  Status status = merged == nullptr ? OkStatus() : Write(merged->TakeEncoded(), batches, sync);
  if (!status.ok()) {
    return status;
  }
  for (Waiting& waiting : group) {
    waiting.batch->ApplyMarks();
    if (!sync) {
      NoteUnsynced(*waiting.batch);
      continue;
    }
    for (const StagedBatch::Mark& mark : waiting.batch->marks()) {
      ends[mark.marks->stream] = mark.first == UINT64_MAX ? UINT64_MAX : mark.last;
    }
  }
  NoteEnds(ends);
  return status;
}

void RocksCommitQueue::Answer(std::vector<Waiting> group, const Status& status) {
  struct Answers {
    Executor* home;
    Unanswered unanswered;
    std::vector<Done> done;
  };
  // One task per home. Groups have few homes, so a search costs less than a map.
  std::vector<Answers> answers;
  for (Waiting& waiting : group) {
    auto at = std::find_if(answers.begin(), answers.end(),
                           [&](const Answers& a) { return a.home == waiting.home; });
    if (at == answers.end()) {
      at = answers.insert(at, Answers{waiting.home, waiting.unanswered, {}});
    }
    at->done.push_back(std::move(waiting.done));
  }
  for (Answers& answer : answers) {
    answer.home->Post([status, unanswered = std::move(answer.unanswered),
                       done = std::move(answer.done)]() mutable {
      for (Done& one : done) {
        std::move(one)(status);
        // Only now: a batch that this home submits later must not be answered before.
        unanswered->fetch_sub(1, std::memory_order_release);
      }
    });
  }
}

void RocksCommitQueue::CommitThreadMain() {
  ::pthread_setname_np(::pthread_self(), "weir-commit");
  while (true) {
    std::vector<Waiting> group;
    {
      MutexLock lock(mu_);
      thread_busy_ = false;
      SteadyClock::time_point sync_at = SteadyClock::now() + options_.sync_interval;
      while (waiting_.empty() && !stopping_ && SteadyClock::now() < sync_at) {
        idle_.notify_all();
        thread_waits_ = true;
        lock.WaitFor(wake_, sync_at - SteadyClock::now());
      }
      thread_waits_ = false;
      if (waiting_.empty() && stopping_) {
        return;
      }
      if (waiting_.empty() && (synced_upto_ == unsynced_writes_ || !first_error_.ok())) {
        continue;
      }
      thread_busy_ = true;
      AwaitCompany(lock);
      group = TakeGroup();
    }
    if (group.empty()) {
      SyncLog();
    } else {
      Status status = WriteGroup(group);
      Answer(std::move(group), status);
    }
  }
}

void RocksCommitQueue::Drain() {
  MutexLock lock(mu_);
  while (!waiting_.empty() || thread_busy_) {
    lock.Wait(idle_);
  }
}

}  // namespace weir::storage

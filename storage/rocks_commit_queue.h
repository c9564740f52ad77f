#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "protocol/base/mutex.h"
#include "storage/commit_queue.h"
#include "storage/database.h"
#include "storage/group_size.h"

namespace weir::storage {

// What the queue has done, for monitoring.
struct CommitStats {
  uint64_t batches = 0;  // with writes
  uint64_t commits = 0;  // writes to the database: groups of batches
  uint64_t syncs = 0;
  uint64_t bytes = 0;
  uint64_t punted = 0;  // inline writes that had to go to the thread
  uint64_t commit_micros = 0;
  uint64_t sync_micros = 0;  // of the commits that were synced, and of the log's syncs
  // Commits by the time they took, sync included: bucket i holds those below 2^i microseconds.
  static constexpr size_t kBuckets = 24;
  std::array<uint64_t, kBuckets> latency{};
};

// The real commit queue: see CommitQueue for its promises. The commit thread takes what is waiting
// from all homes, merges it into one write, syncs once and posts the completions, one task per home
// and group. While one sync runs, the next group forms. Where several clients wait for their
// acks, the thread lets a group become as large as the last ones for a fraction of a sync's time
// (GroupSize).
class RocksCommitQueue : public CommitQueue {
 public:
  enum class SyncPolicy : uint8_t {
    kBuffered,  // an ack survives a crash of the process
    kAlways,    // an ack survives loss of power
  };
  struct Options {
    SyncPolicy policy = SyncPolicy::kAlways;
    // With kBuffered, and for unsynced batches of kAlways: how often the log is synced anyway.
    std::chrono::milliseconds sync_interval = std::chrono::minutes(2);
  };

  RocksCommitQueue(Database& db, const Options& options);
  ~RocksCommitQueue() override;  // drains

  void Submit(std::unique_ptr<StagedBatch> batch, Executor& home, Done done) override;
  void Drain() override;
  Status health() const override;

  CommitStats stats() const;

 private:
  // A write and its sync of more than this makes small batches wait for a large one.
  static constexpr size_t kMaxGroupBytes = 4 << 20;

  // Batches of one home that are not answered yet. Shared with the answers on their way.
  using Unanswered = std::shared_ptr<std::atomic<size_t>>;
  struct Waiting {
    std::unique_ptr<StagedBatch> batch;
    Executor* home;
    Unanswered unanswered;
    Done done;
  };
  enum class Inline : uint8_t { kWritten, kWouldWait };

  bool NeedsSync(const StagedBatch& batch) const;
  Inline WriteInline(StagedBatch& batch, Status& status);
  void Enqueue(std::unique_ptr<StagedBatch> batch, Executor& home, Done done)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Lets more come, if that is likely and the group is to be synced.
  void AwaitCompany(MutexLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasUnanswered(Executor& home) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CommitThreadMain();
  std::vector<Waiting> TakeGroup() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Status WriteGroup(std::vector<Waiting>& group);
  void Answer(std::vector<Waiting> group, const Status& status);
  // Writes the encoded batch; counts and times it.
  Status Write(std::string encoded, size_t batches, bool sync);
  void Latch(const Status& error);
  void Count(size_t batches, size_t bytes, uint64_t micros);
  // Syncs what inline writes have left in the page cache.
  void SyncLog();
  // Streams with their last sequence; UINT64_MAX: deleted.
  using Ends = absl::flat_hash_map<StreamId, StreamSeq>;
  void NoteUnsynced(const StagedBatch& batch);
  Ends TakeUnsynced();
  void NoteEnds(const Ends& ends);
  void NoteSynced(uint64_t upto, uint64_t micros);
  uint64_t unsynced_writes() const;

  Database& db_;
  const Options options_;

  mutable Mutex mu_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<Waiting> waiting_ ABSL_GUARDED_BY(mu_);
  size_t waiting_messages_ ABSL_GUARDED_BY(mu_) = 0;
  size_t awaited_messages_ ABSL_GUARDED_BY(mu_) = 0;  // wake the thread when so many wait; or 0
  GroupSize group_size_ ABSL_GUARDED_BY(mu_);
  // A home with nothing unanswered may write inline.
  absl::flat_hash_map<Executor*, Unanswered> homes_ ABSL_GUARDED_BY(mu_);
  Status first_error_ ABSL_GUARDED_BY(mu_);
  CommitStats stats_ ABSL_GUARDED_BY(mu_);
  uint64_t unsynced_writes_ ABSL_GUARDED_BY(mu_) = 0;  // ever
  std::vector<std::shared_ptr<CommitMarks>> unsynced_ ABSL_GUARDED_BY(mu_);
  uint64_t synced_upto_ ABSL_GUARDED_BY(mu_) = 0;  // of them
  bool thread_waits_ ABSL_GUARDED_BY(mu_) = false;
  bool thread_busy_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread commit_thread_;  // last: starts when all of the above exists
};

}  // namespace weir::storage

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "protocol/base/executor.h"
#include "protocol/base/ids.h"
#include "protocol/base/status.h"

namespace weir::storage {

// Column families (FORMAT.md). The order is on disk.
enum class Family : uint8_t {
  kMeta = 0,    // accounts, stream and consumer configs; small, read whole at boot
  kBlocks = 1,  // stream id | first sequence → block
  kState = 2,   // consumer state, interior deletes, second copies of what is in kMeta
};

// How far the commits of one stream have come. Written by whoever commits, read by the stream's
// home (what may leave the tail cache) and by the compaction filter (what may be dropped).
struct CommitMarks {
  std::atomic<StreamSeq> last{0};   // everything up to here is in the database
  std::atomic<StreamSeq> first{0};  // everything below is deleted for good; UINT64_MAX: all of it
  std::atomic<uint64_t> moves{0};   // how often they have moved: once for each committed batch
  StreamId stream;
  std::atomic<bool> unsynced{false};  // the queue notes `last` with the next sync
};

// The writes of one turn of one shard, in order. Plain bytes: the encoding of RocksDB's write
// batches, so that a batch goes to the log as it is. Not thread-safe.
class StagedBatch {
 public:
  StagedBatch() = default;
  StagedBatch(const StagedBatch&) = delete;
  StagedBatch& operator=(const StagedBatch&) = delete;

  void Put(Family family, std::string_view key, std::string_view value);
  void Delete(Family family, std::string_view key);
  // Keys in [begin, end).
  void DeleteRange(Family family, std::string_view begin, std::string_view end);
  // When the batch is committed, before its `done`, the marks move to these values.
  void MoveMarks(std::shared_ptr<CommitMarks> marks, StreamSeq last, StreamSeq first);
  // The batch must be synced before `done`, whatever the queue's policy (control-plane answers,
  // double acks).
  void RequireSync() { require_sync_ = true; }
  // The batch may be acknowledged without a sync even where the policy says always (persist_mode
  // async): only meaningful when everything in the batch allows it.
  void AllowUnsynced() { allow_unsynced_ = true; }
  // How many messages are in the writes: what the queue guesses the next group's size by.
  void CountMessages(size_t messages) { messages_ += messages; }

  bool require_sync() const { return require_sync_; }
  bool allow_unsynced() const { return allow_unsynced_; }
  bool empty() const { return count_ == 0; }
  size_t bytes() const { return writes_.size(); }
  uint32_t count() const { return count_; }
  size_t messages() const { return messages_; }

  // ---- for implementations of CommitQueue ----

  // The writes as the database wants them; the batch is empty afterwards (its marks stay).
  std::string TakeEncoded();
  // Takes back what TakeEncoded() gave.
  void Restore(std::string encoded);
  // Puts the writes of `other`, which come later, behind these. Marks stay with their batches.
  void Merge(const StagedBatch& other);
  void ApplyMarks();
  struct Mark {
    std::shared_ptr<CommitMarks> marks;
    StreamSeq last;
    StreamSeq first;
  };
  const std::vector<Mark>& marks() const { return marks_; }

 private:
  void Begin(uint8_t tag, Family family, std::string_view key, size_t more);

  std::string writes_;
  uint32_t count_ = 0;
  size_t messages_ = 0;
  std::vector<Mark> marks_;
  bool require_sync_ = false;
  bool allow_unsynced_ = false;
};

// The only door through which bytes reach RocksDB (architecture 4.7). One object per process;
// shards call Submit() at the end of a turn.
//
// An interface, so that jetstream's tests can commit by hand and fail on purpose; the real one is
// RocksCommitQueue.
//
// `done` runs exactly once on `home`, in submission order per home. With the buffered policy it
// usually runs before Submit() returns: the write goes to the page cache on the calling thread. It
// goes through the commit thread when the policy asks for fdatasync, or when RocksDB would have to
// wait for a flush; a worker must never wait (I7). While one batch of a home is with the thread,
// the later batches of that home follow it: sequences reach the log in order.
//
// Errors are final. After a failed write nobody knows how much of the log reached the disk, so
// every later batch fails with the first error and health() reports it until restart.
//
// Thread-safe. A home must stay alive until its submissions are answered; the server calls Drain()
// before it stops the workers.
class CommitQueue {
 public:
  using Done = absl::AnyInvocable<void(Status) &&>;

  virtual ~CommitQueue() = default;
  virtual void Submit(std::unique_ptr<StagedBatch> batch, Executor& home, Done done) = 0;
  // Blocks until everything submitted so far has been handed back to its home. Not for workers.
  virtual void Drain() = 0;
  virtual Status health() const = 0;
};

}  // namespace weir::storage

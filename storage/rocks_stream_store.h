#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"

#include "protocol/base/executor.h"
#include "storage/block.h"
#include "storage/block_source.h"
#include "storage/blocking_pool.h"
#include "storage/commit_queue.h"
#include "storage/database.h"
#include "storage/indexed_stream_store.h"
#include "storage/loaded_blocks.h"
#include "storage/read_ahead.h"
#include "storage/sparse_blocks.h"
#include "storage/staged_blocks.h"
#include "storage/stream_position.h"
#include "storage/tail_cache.h"

namespace weir::storage {

// A stream in RocksDB: a block per commit (block.h).
//
// Appended messages go into the turn's open block; Flush() seals it and stages it with what else
// the turn has changed: pages of interior deletes, wholly deleted blocks, the first sequence.
// Trimming a prefix writes only the latter; compaction drops the blocks (retention_filter.h). A
// block that has become sparse is read and written anew by the pool, a few at a time, and one batch
// puts the new ones into its place.
//
// Reads look into the open block, the tail cache, the few blocks loaded last, then RocksDB's own
// memory; what is only on disk is for Load(). Searches that must not fail (trims, purges by
// subject) read the disk at once.
//
// The subject index, counters and deletes are in memory and rebuilt by reading the blocks at
// opening.
class RocksStreamStore : public IndexedStreamStore {
 public:
  struct Context {
    Database* db = nullptr;
    BlockingPool* pool = nullptr;
    Executor* home = nullptr;  // where loads come back
    size_t tail_bytes = 4 << 20;
    size_t loaded_bytes = 1 << 20;
    // A sparse block is written anew when so much else has been deleted.
    uint64_t sparse_patience_bytes = 4 << 20;
    bool compress = false;  // new blocks; those on disk stay as they are
  };

  // A stream that has nothing on disk yet.
  static std::unique_ptr<RocksStreamStore> Create(const Context& context, StreamId id,
                                                  StreamSeq first_seq);
  // Reads the whole stream. What is damaged is described in `damage`, one line each; the rest is
  // there. Blocks: not for workers. Ends with Cancelled soon after `cancel` has become true.
  static StatusOr<std::unique_ptr<RocksStreamStore>> Open(
      const Context& context, StreamId id, std::vector<std::string>& damage,
      const std::atomic<bool>* cancel = nullptr);

  void Append(const MessageView& message) override;
  void Flush(StagedBatch& batch) override;
  void WhenWorkIsStaged(std::function<void()> flush_soon) override {
    flush_soon_ = std::move(flush_soon);
  }
  void TrimCaches() override;
  void Destroy(StagedBatch& batch) override;

  void Load(StreamSeq seq, absl::AnyInvocable<void(Status) &&> done) override;
  absl::AnyInvocable<StatusOr<MessageRun>() &&> PrepareRun(StreamSeq from, StreamSeq upto,
                                                           size_t max_messages,
                                                           size_t max_bytes) override;

 protected:
  ReadOutcome Fetch(StreamSeq seq, Wait wait, Fetched& out) override;
  uint64_t BytesOf(const MessageView& message) const override { return FileMessageBytes(message); }
  void OnRemoved(const MessageView& message, bool erase) override;
  void OnRemovedUnread(StreamSeq seq, uint64_t bytes) override;
  void OnTrimmed(StreamSeq first) override;
  void OnDamaged(StreamSeq seq) override;

 private:
  RocksStreamStore(const Context& context, StreamId id, StreamSeq first_seq);

  // ---- opening ----
  Status ReadDeletes(std::vector<std::string>& damage);
  Status ReadBlocks(std::vector<std::string>& damage, const std::atomic<bool>* cancel);
  void TakeBlock(const BlockReader& reader, StreamSeq expected, std::vector<std::string>& damage);
  void NoteLost(StreamSeq first, StreamSeq last, std::vector<std::string>& damage);
  void CompareCounters(std::vector<std::string>& damage);

  // ---- staging ----
  void SealOpenBlock(const BlockCounters* counters);
  void FlushBlocks(StagedBatch& batch);
  void FlushDeletes(StagedBatch& batch);
  void FlushPosition(StagedBatch& batch);
  void EraseBytes(StreamSeq seq);
  void ReclaimFiles();

  // ---- blocks that are dead or nearly so (rocks_stream_rewriting.cc) ----
  // A block that takes the place of others.
  struct Rewritten {
    BlockExtent old;
    StreamSeq previous = 0;
    std::vector<LoadedBlock> fresh;
  };
  // A stretch to look at, and what of it and around it is deleted.
  struct Plan {
    BlockExtent extent;
    SequenceSet dead;
  };
  static std::vector<Rewritten> Rewrite(const BlockSource& source, StreamId id,
                                        const std::vector<Plan>& plans);
  bool NoteDeadIn(const BlockExtent& block, StreamSeq previous);
  bool IsDead(const BlockExtent& block) const;
  bool SettleGap(StreamSeq previous, StreamSeq first);
  void NoteDeletedNumber(StreamSeq seq, uint64_t bytes);
  void RewriteSparse();
  void TakeRewritten(std::vector<Rewritten> blocks, uint64_t load);
  void ReclaimDeleted();

  // ---- reading ----
  static BlockBuilder::Sealed AsSealed(const LoadedBlock& block);
  StatusOr<std::vector<LoadedBlock>> ReadAround(StreamSeq seq, Wait wait);
  void AddLoaded(std::vector<LoadedBlock> blocks);
  ReadOutcome FetchFrom(const LoadedBlock& block, StreamSeq seq, Fetched& out);
  // Who waits for a load, and for which message of it.
  using LoadWaiters = std::vector<std::pair<StreamSeq, absl::AnyInvocable<void(Status) &&>>>;
  void LoadEarly();
  void StartLoad(const ReadAhead::Plan& plan, std::shared_ptr<LoadWaiters> waiters);
  Status TakeLoaded(const ReadAhead::Plan& plan, StatusOr<std::vector<LoadedBlock>> blocks,
                    const LoadWaiters& waiters);

  const Context context_;
  const StreamId id_;
  const BlockSource source_;

  BlockBuilder builder_;
  TailCache tail_;
  LoadedBlocks loaded_;
  ReadAhead ahead_;
  std::shared_ptr<LoadWaiters> early_waiters_;  // of the load that was begun early
  StagedBlocks staged_;
  bool used_ = false;       // since the last TrimCaches()
  SequenceSet unreadable_;  // a load could not bring them
  // The block in which the latest Fetch() found its message, 0 for the open one.
  StreamSeq fetched_first_ = 0;
  StreamSeq fetched_last_ = 0;
  StreamSeq fetched_previous_ = 0;  // the sequence before it
  // Of the block in which a message was deleted last: how many of it are.
  BlockExtent counted_;
  uint64_t counted_dead_ = 0;

  // Staged since the last Flush().
  std::vector<BlockBuilder::Sealed> sealed_;
  std::vector<BlockBuilder::Sealed> rewritten_;
  std::vector<StreamSeq> dead_blocks_;
  absl::btree_set<StreamSeq> dirty_pages_;
  StreamSeq dirtied_page_ = UINT64_MAX;  // the latest of them
  bool position_dirty_ = false;
  // What the position, or a block behind it, says of the stream; of use while opening.
  std::optional<StreamPosition> expected_;
  StreamSeq position_last_ = 0;  // the last sequence in the position on the disk
  bool dirty_ = false;
  uint64_t flushes_ = 0;

  SparseBlocks sparse_;
  bool rewriting_ = false;
  std::function<void()> flush_soon_;

  absl::btree_set<StreamSeq> stored_pages_;  // of interior deletes, on disk or staged
  std::shared_ptr<CommitMarks> marks_ = std::make_shared<CommitMarks>();
  StreamSeq reclaimed_below_ = 0;
  uint64_t appended_bytes_ = 0;  // ever, since opening; what is no longer there was deleted
  uint64_t reclaimed_bytes_ = 0;
  uint64_t flushed_deleted_bytes_ = 0;  // deleted one by one before memtables were flushed for it

  // Loads on their way hold a weak reference: the store may be gone when they are back.
  std::shared_ptr<RocksStreamStore*> self_ = std::make_shared<RocksStreamStore*>(this);
};

}  // namespace weir::storage

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/blocking_pool.h"
#include "storage/memory_stream_store.h"
#include "storage/rocks_commit_queue.h"
#include "storage/rocks_stream_store.h"
#include "storage/stream_store.h"
#include "tests/support/queue_executor.h"
#include "tests/support/temp_dir.h"

namespace weir::testing_support {

// A store with what is around it, so that one test runs on every implementation. Reads that would
// block load and try again.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual storage::StreamStore& store() = 0;
  // Flushes the store and commits.
  virtual void Commit() = 0;
  // Closes and opens again what survives that; a memory store stays as it is. Commit() first.
  virtual void Reopen() = 0;
  virtual void DestroyAndRecreate() = 0;
  virtual uint64_t BytesOf(const storage::MessageView& message) const = 0;

  storage::ReadOutcome Get(StreamSeq seq, storage::StoredMessage& out);
  storage::ReadOutcome Next(StreamSeq from, const protocol::SubjectFilters& filters,
                            storage::StoredMessage& out);

 protected:
  // Runs what was posted to the home, waiting for work elsewhere.
  virtual void Settle() {}

 private:
  void LoadAt(StreamSeq seq);
};

enum class HarnessKind : uint8_t {
  kMemory,
  kRocks,
  kRocksTinyCaches,  // every read of a committed message goes to the database
};

inline void StoreHarness::LoadAt(StreamSeq seq) {
  bool done = false;
  store().Load(seq, [&done](const Status& status) {
    WEIR_CHECK(status.ok());
    done = true;
  });
  while (!done) {
    Settle();
  }
}

inline storage::ReadOutcome StoreHarness::Get(StreamSeq seq, storage::StoredMessage& out) {
  while (true) {
    storage::ReadOutcome outcome = store().Get(seq, out);
    if (outcome != storage::ReadOutcome::kWouldBlock) {
      return outcome;
    }
    LoadAt(seq);
  }
}

inline storage::ReadOutcome StoreHarness::Next(StreamSeq from,
                                               const protocol::SubjectFilters& filters,
                                               storage::StoredMessage& out) {
  while (true) {
    storage::ReadOutcome outcome = store().Next(from, filters, out);
    if (outcome != storage::ReadOutcome::kWouldBlock) {
      return outcome;
    }
    from = out.view.seq;
    LoadAt(from);
  }
}

class MemoryHarness : public StoreHarness {
 public:
  storage::StreamStore& store() override { return *store_; }
  void Commit() override {}
  void Reopen() override {}
  void DestroyAndRecreate() override { store_ = std::make_unique<storage::MemoryStreamStore>(0); }
  uint64_t BytesOf(const storage::MessageView& message) const override {
    return storage::MemoryMessageBytes(message);
  }

 private:
  std::unique_ptr<storage::MemoryStreamStore> store_ =
      std::make_unique<storage::MemoryStreamStore>(0);
};

class RocksHarness : public StoreHarness {
 public:
  explicit RocksHarness(bool tiny_caches) : tiny_caches_(tiny_caches) {
    OpenDatabase();
    store_ = storage::RocksStreamStore::Create(context(), id_, 0);
  }
  ~RocksHarness() override {
    store_.reset();
    commits_.reset();
  }

  storage::StreamStore& store() override { return *store_; }

  void Commit() override {
    auto batch = std::make_unique<storage::StagedBatch>();
    store_->Flush(*batch);
    CommitBatch(std::move(batch));
    home_.RunReady();
  }

  void Reopen() override {
    store_.reset();
    commits_.reset();
    pool_.reset();
    db_.reset();
    OpenDatabase();
    // What is told before a stream is opened is what opening finds.
    auto peeked = storage::PeekState(*db_, id_);
    std::vector<std::string> damage;
    auto store = storage::RocksStreamStore::Open(context(), id_, damage);
    WEIR_CHECK(store.ok() && damage.empty());
    store_ = std::move(*store);
    const storage::StoreState& state = store_->state();
    WEIR_CHECK(
        peeked.has_value() && peeked->messages == state.messages && peeked->bytes == state.bytes &&
        peeked->first_seq == state.first_seq && peeked->last_seq == state.last_seq &&
        peeked->first_time_ns == store_->FirstTimeNs() &&
        peeked->last_time_ns == state.last_time_ns && peeked->num_deleted == state.num_deleted &&
        peeked->num_subjects == state.num_subjects);
  }

  void DestroyAndRecreate() override {
    auto batch = std::make_unique<storage::StagedBatch>();
    store_->Destroy(*batch);
    CommitBatch(std::move(batch));
    std::vector<std::string> damage;
    auto store = storage::RocksStreamStore::Open(context(), id_, damage);
    WEIR_CHECK(store.ok() && damage.empty());
    store_ = std::move(*store);
  }

  uint64_t BytesOf(const storage::MessageView& message) const override {
    return storage::FileMessageBytes(message);
  }

 protected:
  void Settle() override { home_.RunOne(); }

 private:
  void OpenDatabase() {
    storage::Database::Options options;
    options.directory = dir_.path();
    options.memtable_bytes = 256 * 1024;
    auto db = storage::Database::Open(options);
    WEIR_CHECK(db.ok());
    db_ = std::move(*db);
    pool_ = std::make_unique<storage::BlockingPool>("test-pool", 1);
    storage::RocksCommitQueue::Options queue;
    queue.policy = storage::RocksCommitQueue::SyncPolicy::kBuffered;
    commits_ = std::make_unique<storage::RocksCommitQueue>(*db_, queue);
  }

  storage::RocksStreamStore::Context context() {
    storage::RocksStreamStore::Context context;
    context.db = db_.get();
    context.pool = pool_.get();
    context.home = &home_;
    if (tiny_caches_) {
      context.tail_bytes = 1;
      context.loaded_bytes = 1;
      context.sparse_patience_bytes = 0;
    }
    return context;
  }

  void CommitBatch(std::unique_ptr<storage::StagedBatch> batch) {
    bool done = false;
    commits_->Submit(std::move(batch), home_, [&done](const Status& status) {
      WEIR_CHECK(status.ok());
      done = true;
    });
    while (!done) {
      Settle();
    }
  }

  const bool tiny_caches_;
  const StreamId id_{7};
  TempDir dir_;
  QueueExecutor home_;
  std::unique_ptr<storage::Database> db_;
  std::unique_ptr<storage::BlockingPool> pool_;
  std::unique_ptr<storage::RocksCommitQueue> commits_;
  std::unique_ptr<storage::RocksStreamStore> store_;
};

inline std::vector<HarnessKind> AllHarnessKinds() {
  return {HarnessKind::kMemory, HarnessKind::kRocks, HarnessKind::kRocksTinyCaches};
}

inline std::string NameOf(HarnessKind kind) {
  switch (kind) {
    case HarnessKind::kMemory:
      return "Memory";
    case HarnessKind::kRocks:
      return "Rocks";
    case HarnessKind::kRocksTinyCaches:
      return "RocksTinyCaches";
  }
  return "";
}

inline std::unique_ptr<StoreHarness> MakeStoreHarness(HarnessKind kind) {
  if (kind == HarnessKind::kMemory) {
    return std::make_unique<MemoryHarness>();
  }
  return std::make_unique<RocksHarness>(kind == HarnessKind::kRocksTinyCaches);
}

}  // namespace weir::testing_support

#include "storage/rocks_commit_queue.h"

#include <filesystem>
#include <numeric>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"

#include "protocol/base/strings.h"
#include "tests/support/queue_executor.h"
#include "tests/support/temp_store.h"

namespace weir::storage {
namespace {

using ::testing::ElementsAre;
using ::weir::testing_support::QueueExecutor;
using ::weir::testing_support::TempStore;
using SyncPolicy = RocksCommitQueue::SyncPolicy;

std::unique_ptr<StagedBatch> BatchOf(const std::string& key, const std::string& value) {
  auto batch = std::make_unique<StagedBatch>();
  batch->Put(Family::kState, key, value);
  return batch;
}

std::string ValueOf(TempStore& store, const std::string& key) {
  std::string value;
  rocksdb::Status status =
      store.db->db().Get(rocksdb::ReadOptions(), store.db->family(Family::kState), key, &value);
  return status.ok() ? value : "<none>";
}

TEST(RocksCommitQueueTest, BufferedBatchIsAnsweredBeforeSubmitReturns) {
  TempStore store(SyncPolicy::kBuffered);
  bool done = false;

  store.commits->Submit(BatchOf("a", "1"), store.home, [&](const Status& status) {
    EXPECT_TRUE(status.ok());
    done = true;
  });

  EXPECT_TRUE(done);
  EXPECT_EQ(ValueOf(store, "a"), "1");
  EXPECT_EQ(store.commits->stats().syncs, 0u);
}

TEST(RocksCommitQueueTest, SyncedBatchIsAnsweredAtItsHomeOnly) {
  TempStore store(SyncPolicy::kAlways);
  bool done = false;
  auto marks = std::make_shared<CommitMarks>();
  auto batch = BatchOf("a", "1");
  batch->MoveMarks(marks, 5, 1);

  store.commits->Submit(std::move(batch), store.home, [&](const Status& status) {
    EXPECT_TRUE(status.ok());
    done = true;
  });
  store.commits->Drain();

  EXPECT_FALSE(done);
  EXPECT_EQ(marks->last.load(), 5u);
  EXPECT_EQ(store.home.RunReady(), 1u);
  EXPECT_TRUE(done);
  EXPECT_EQ(store.commits->stats().syncs, 1u);
}

TEST(RocksCommitQueueTest, WhatAsksForASyncGetsItUnderTheBufferedPolicy) {
  TempStore store(SyncPolicy::kBuffered);
  auto batch = BatchOf("a", "1");
  batch->RequireSync();

  EXPECT_TRUE(store.Commit(std::move(batch)).ok());

  EXPECT_EQ(store.commits->stats().syncs, 1u);
}

TEST(RocksCommitQueueTest, WhatNeedsNoSyncIsWrittenAtOnce) {
  TempStore store(SyncPolicy::kAlways);
  auto batch = BatchOf("a", "1");
  batch->AllowUnsynced();
  bool done = false;

  store.commits->Submit(std::move(batch), store.home, [&](const Status&) { done = true; });

  EXPECT_TRUE(done);
  EXPECT_EQ(store.commits->stats().syncs, 0u);
}

TEST(RocksCommitQueueTest, EmptyBatchNeitherWaitsNorSyncs) {
  TempStore store(SyncPolicy::kAlways);
  bool done = false;

  store.commits->Submit(std::make_unique<StagedBatch>(), store.home,
                        [&](const Status&) { done = true; });

  EXPECT_TRUE(done);
  EXPECT_EQ(store.commits->stats().commits, 0u);
}

TEST(RocksCommitQueueTest, AnswersOfAHomeKeepTheOrderOfSubmission) {
  TempStore store(SyncPolicy::kAlways);
  std::vector<int> order;
  auto note = [&](int i) {
    return [&order, i](const Status&) {
      order.push_back(i);
    };
  };
  auto unsynced = BatchOf("b", "2");
  unsynced->AllowUnsynced();

  store.commits->Submit(BatchOf("a", "1"), store.home, note(1));
  store.commits->Submit(std::move(unsynced), store.home, note(2));
  store.commits->Drain();
  // The answers of the first two are on their way; this one must not overtake them.
  store.commits->Submit(std::make_unique<StagedBatch>(), store.home, note(3));
  store.commits->Drain();
  store.home.RunReady();
  store.commits->Submit(std::make_unique<StagedBatch>(), store.home, note(4));

  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4));
}

TEST(RocksCommitQueueTest, HomesDoNotWaitForEachOther) {
  TempStore store(SyncPolicy::kAlways);
  QueueExecutor other;
  bool done = false;
  store.commits->Submit(BatchOf("a", "1"), store.home, [](const Status&) {});
  auto unsynced = BatchOf("b", "2");
  unsynced->AllowUnsynced();

  store.commits->Submit(std::move(unsynced), other, [&](const Status&) { done = true; });

  EXPECT_TRUE(done);
  store.commits->Drain();
}

// A home that keeps the commit thread waiting when it brings an answer.
class SlowHome : public Executor {
 public:
  void Post(Task) override {
    entered_.RunOne();  // waits for Release()
  }
  void Release() {
    entered_.Post([] {});
  }

 private:
  QueueExecutor entered_;
};

TEST(RocksCommitQueueTest, BatchesThatWaitShareOneCommitOneSyncAndOneTask) {
  TempStore store(SyncPolicy::kAlways);
  SlowHome slow;
  store.commits->Submit(BatchOf("first", "1"), slow, [](const Status&) {});
  while (store.commits->stats().commits == 0) {
    std::this_thread::yield();
  }
  int answered = 0;
  for (int i = 0; i < 50; ++i) {
    store.commits->Submit(BatchOf(Cat("key ", i), Cat(i)), store.home,
                          [&](const Status&) { ++answered; });
  }

  slow.Release();
  store.commits->Drain();

  EXPECT_EQ(store.commits->stats().commits, 2u);
  EXPECT_EQ(store.commits->stats().syncs, 2u);
  EXPECT_EQ(store.commits->stats().batches, 51u);
  EXPECT_EQ(store.home.RunReady(), 1u);
  EXPECT_EQ(answered, 50);
  EXPECT_EQ(ValueOf(store, "key 49"), "49");
}

TEST(RocksCommitQueueTest, ManyHomesAtOnceGetTheirAnswersInOrder) {
  TempStore store(SyncPolicy::kAlways);
  constexpr int kHomes = 4;
  constexpr int kBatches = 200;
  std::vector<std::thread> threads;
  for (int home = 0; home < kHomes; ++home) {
    threads.emplace_back([&store, home] {
      QueueExecutor executor;
      int answered = 0;
      for (int i = 0; i < kBatches; ++i) {
        store.commits->Submit(BatchOf(Cat(home, ".", i), Cat(i)), executor,
                              [&answered, i](const Status& status) {
                                EXPECT_TRUE(status.ok());
                                EXPECT_EQ(answered, i);
                                ++answered;
                              });
      }
      while (answered < kBatches) {
        executor.RunOne();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  CommitStats stats = store.commits->stats();
  EXPECT_EQ(stats.batches, uint64_t{kHomes * kBatches});
  EXPECT_LE(stats.syncs, stats.batches);
  EXPECT_EQ(std::accumulate(stats.latency.begin(), stats.latency.end(), uint64_t{0}),
            stats.commits);
  EXPECT_EQ(ValueOf(store, "3.199"), "199");
}

TEST(RocksCommitQueueTest, LaterBatchOfAHomeWins) {
  TempStore store(SyncPolicy::kAlways);
  for (int i = 0; i < 500; ++i) {
    store.commits->Submit(BatchOf("same", Cat(i)), store.home, [](const Status&) {});
  }

  store.commits->Drain();

  EXPECT_EQ(ValueOf(store, "same"), "499");
}

TEST(RocksCommitQueueTest, FirstErrorIsFinal) {
  TempStore store(SyncPolicy::kBuffered);
  auto broken = std::make_unique<StagedBatch>();
  broken->Restore(std::string(11, '\0') + "\x01" + "no write batch at all");

  Status first = store.Commit(std::move(broken));
  ASSERT_FALSE(first.ok());

  EXPECT_EQ(store.commits->health(), first);
  EXPECT_EQ(store.Commit(BatchOf("a", "1")), first);
  auto synced = BatchOf("b", "1");
  synced->RequireSync();
  EXPECT_EQ(store.Commit(std::move(synced)), first);
  EXPECT_EQ(ValueOf(store, "a"), "<none>");
  EXPECT_EQ(ValueOf(store, "b"), "<none>");
}

TEST(RocksCommitQueueTest, FailedBatchMovesNoMarks) {
  TempStore store(SyncPolicy::kBuffered);
  auto marks = std::make_shared<CommitMarks>();
  auto broken = std::make_unique<StagedBatch>();
  broken->Restore(std::string(11, '\0') + "\x01" + "no write batch at all");
  broken->MoveMarks(marks, 5, 1);

  EXPECT_FALSE(store.Commit(std::move(broken)).ok());

  EXPECT_EQ(marks->last.load(), 0u);
}

}  // namespace
}  // namespace weir::storage

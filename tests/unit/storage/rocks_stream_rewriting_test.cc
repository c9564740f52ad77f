#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"

#include "protocol/base/strings.h"
#include "storage/keys.h"
#include "storage/rocks_stream_store.h"
#include "tests/support/temp_store.h"

namespace weir::storage {
namespace {

using ::testing::IsEmpty;
using ::weir::testing_support::TempStore;

// A stream whose blocks leave the tail cache with their commit.
class RocksStreamRewritingTest : public ::testing::Test {
 protected:
  static constexpr StreamId kId{3};

  RocksStreamRewritingTest() { Take(RocksStreamStore::Create(context(), kId, 0)); }
  ~RocksStreamRewritingTest() override { stream_.reset(); }

  void Take(std::unique_ptr<RocksStreamStore> stream) {
    stream_ = std::move(stream);
    stream_->WhenWorkIsStaged([this] { wanted_ = true; });
  }
  RocksStreamStore::Context context() {
    RocksStreamStore::Context context;
    context.db = temp_.db.get();
    context.pool = temp_.pool.get();
    context.home = &temp_.home;
    context.tail_bytes = 1;
    context.sparse_patience_bytes = 0;
    return context;
  }
  void Fill(int blocks, int count) {
    for (int i = 0; i < blocks; ++i) {
      for (int j = 0; j < count; ++j) {
        StreamSeq seq = stream_->state().last_seq + 1;
        stream_->Append({seq, static_cast<int64_t>(seq), "s", "", PayloadOf(seq)});
      }
      Commit();
    }
  }
  static std::string PayloadOf(StreamSeq seq) { return Cat("payload ", seq, std::string(99, 'x')); }
  void Commit() {
    auto batch = std::make_unique<StagedBatch>();
    stream_->Flush(*batch);
    ASSERT_TRUE(temp_.Commit(std::move(batch)).ok());
  }
  // Removes all of [first, last] but every `keep`-th.
  void Thin(StreamSeq first, StreamSeq last, StreamSeq keep) {
    for (StreamSeq seq = first; seq <= last; ++seq) {
      if (seq % keep != 0) {
        EXPECT_TRUE(stream_->Remove(seq, false));
      }
    }
  }
  // Until nothing more is rewritten. The pool has one thread: what it was given before is done.
  void Rewrite() {
    Commit();
    for (int idle = 0; idle < 20; ++idle) {
      bool passed = false;
      temp_.pool->Run([&] { temp_.home.Post([&] { passed = true; }); });
      while (!passed) {
        temp_.home.RunOne();
      }
      if (wanted_) {
        wanted_ = false;
        idle = 0;
        Commit();
      }
    }
  }
  std::map<StreamSeq, size_t> Blocks() {
    std::map<StreamSeq, size_t> blocks;
    std::unique_ptr<rocksdb::Iterator> at(
        temp_.db->db().NewIterator(rocksdb::ReadOptions(), temp_.db->family(Family::kBlocks)));
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      blocks[BlockKey::Parse({at->key().data(), at->key().size()})->first] = at->value().size();
    }
    return blocks;
  }
  size_t BytesOnDisk() {
    size_t bytes = 0;
    for (const auto& [first, size] : Blocks()) {
      bytes += size;
    }
    return bytes;
  }
  void ExpectEveryReadToBeRight(StreamSeq keep) {
    StreamSeq last = stream_->state().last_seq;
    uint64_t living = 0;
    for (StreamSeq seq = 1; seq <= last; ++seq) {
      StoredMessage message;
      ReadOutcome outcome = stream_->Get(seq, message);
      while (outcome == ReadOutcome::kWouldBlock) {
        bool done = false;
        stream_->Load(seq, [&](const Status&) { done = true; });
        while (!done) {
          temp_.home.RunOne();
        }
        outcome = stream_->Get(seq, message);
      }
      ASSERT_EQ(outcome, seq % keep == 0 ? ReadOutcome::kFound : ReadOutcome::kMissing) << seq;
      if (seq % keep == 0) {
        ASSERT_EQ(message.view.payload, PayloadOf(seq));
        ++living;
      }
    }
    auto run = stream_->PrepareRun(1, last, SIZE_MAX, SIZE_MAX)();
    ASSERT_TRUE(run.ok());
    EXPECT_EQ(run->messages.size(), living);
    EXPECT_EQ(stream_->state().messages, living);
  }
  std::vector<std::string> Reopen() {
    stream_.reset();
    temp_.Reopen();
    std::vector<std::string> damage;
    auto opened = RocksStreamStore::Open(context(), kId, damage);
    WEIR_CHECK(opened.ok());
    Take(std::move(*opened));
    return damage;
  }

  TempStore temp_;
  std::unique_ptr<RocksStreamStore> stream_;
  bool wanted_ = false;
};

TEST_F(RocksStreamRewritingTest, SparseBlocksShrinkToWhatLives) {
  Fill(40, 100);
  size_t before = BytesOnDisk();
  Thin(1, 4000, 20);

  Rewrite();

  EXPECT_LT(BytesOnDisk(), before / 10);
  ExpectEveryReadToBeRight(20);
  EXPECT_THAT(Reopen(), IsEmpty());
  ExpectEveryReadToBeRight(20);
}

TEST_F(RocksStreamRewritingTest, DeadBlocksBetweenThemLeaveNothing) {
  Fill(40, 100);
  Thin(1, 4000, 1000);

  Rewrite();

  EXPECT_EQ(Blocks().size(), 4u);
  EXPECT_THAT(Reopen(), IsEmpty());
  ExpectEveryReadToBeRight(1000);
  // The rest of them go as any block does.
  for (StreamSeq seq = 1000; seq <= 4000; seq += 1000) {
    EXPECT_TRUE(stream_->Remove(seq, false));
  }
  Rewrite();
  EXPECT_EQ(Blocks().size(), 0u);
}

TEST_F(RocksStreamRewritingTest, BlocksDieAndShrinkThoughNobodyReadsWhatIsDeleted) {
  // Like a bucket of keys with one value each.
  std::map<std::string, StreamSeq> keys;
  stream_->Append({1, 1, "key.that.stays", "", PayloadOf(1)});
  keys["key.that.stays"] = 1;
  for (int i = 0; i < 8000; ++i) {
    StreamSeq seq = stream_->state().last_seq + 1;
    std::string subject = Cat("key.", i < 4000 ? i : i % 50);
    stream_->Append({seq, static_cast<int64_t>(seq), subject, "", PayloadOf(seq)});
    if (auto at = keys.find(subject); at != keys.end()) {
      ASSERT_TRUE(stream_->RemoveOf(subject, at->second));
    }
    keys[subject] = seq;
    if (i % 50 == 49) {
      Commit();
    }
  }
  // All but the last ten of the first keys.
  for (int i = 50; i < 3990; ++i) {
    std::string subject = Cat("key.", i);
    ASSERT_TRUE(stream_->RemoveOf(subject, keys[subject]));
    keys.erase(subject);
  }

  Rewrite();

  EXPECT_EQ(stream_->state().messages, keys.size());
  EXPECT_LT(BytesOnDisk(), 150 * (keys.size() + 200));
  uint64_t bytes = stream_->state().bytes;
  EXPECT_THAT(Reopen(), IsEmpty());
  EXPECT_EQ(stream_->state().messages, keys.size());
  EXPECT_EQ(stream_->state().bytes, bytes);
  for (const auto& [subject, seq] : keys) {
    auto found = stream_->LastOf(subject);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->last, seq);
    EXPECT_EQ(found->messages, 1u);
  }
}

TEST_F(RocksStreamRewritingTest, ReadsBeforeTheCommitAreRight) {
  Fill(4, 100);
  Thin(1, 400, 20);
  Commit();
  while (!wanted_) {
    temp_.home.RunOne();
  }

  ExpectEveryReadToBeRight(20);
  auto staged = std::make_unique<StagedBatch>();
  stream_->Flush(*staged);
  ExpectEveryReadToBeRight(20);
  ASSERT_TRUE(temp_.Commit(std::move(staged)).ok());
  ExpectEveryReadToBeRight(20);
}

TEST_F(RocksStreamRewritingTest, WhatIsDeletedMeanwhileStaysDeleted) {
  Fill(2, 100);
  Thin(1, 200, 20);
  Commit();
  // The pool has the block by now, or will have it before this is committed.
  EXPECT_TRUE(stream_->Remove(20, /*erase=*/true));
  EXPECT_TRUE(stream_->Remove(40, /*erase=*/false));
  for (StreamSeq seq = 120; seq <= 200; seq += 20) {
    EXPECT_TRUE(stream_->Remove(seq, /*erase=*/false));
  }

  Rewrite();

  EXPECT_THAT(Reopen(), IsEmpty());
  EXPECT_EQ(stream_->state().messages, 3u);
  for (const auto& [first, size] : Blocks()) {
    EXPECT_LT(first, 101u);
    std::string value;
    ASSERT_TRUE(temp_.db->db()
                    .Get(rocksdb::ReadOptions(), temp_.db->family(Family::kBlocks),
                         std::string(BlockKey(kId, first).view()), &value)
                    .ok());
    EXPECT_EQ(value.find(PayloadOf(20)), std::string::npos);
  }
}

TEST_F(RocksStreamRewritingTest, SecondErasureOfABlockKeepsTheFirst) {
  Fill(2, 10);
  EXPECT_TRUE(stream_->Remove(4, /*erase=*/true));
  EXPECT_TRUE(stream_->Remove(6, /*erase=*/true));
  Commit();

  std::string value;
  ASSERT_TRUE(temp_.db->db()
                  .Get(rocksdb::ReadOptions(), temp_.db->family(Family::kBlocks),
                       std::string(BlockKey(kId, 1).view()), &value)
                  .ok());
  EXPECT_EQ(value.find(PayloadOf(4)), std::string::npos);
  EXPECT_EQ(value.find(PayloadOf(6)), std::string::npos);
  EXPECT_NE(value.find(PayloadOf(5)), std::string::npos);
}

TEST_F(RocksStreamRewritingTest, DestroyedStreamIsNotBroughtBack) {
  Fill(4, 100);
  Thin(1, 400, 20);
  Commit();

  auto batch = std::make_unique<StagedBatch>();
  stream_->Destroy(*batch);
  ASSERT_TRUE(temp_.Commit(std::move(batch)).ok());
  temp_.pool.reset();
  temp_.home.RunReady();

  EXPECT_FALSE(wanted_);
  EXPECT_EQ(Blocks().size(), 0u);
}

TEST_F(RocksStreamRewritingTest, BlockBehindASmallGapGoesWhenItIsDead) {
  Fill(1, 10);
  for (StreamSeq seq = 51; seq <= 60; ++seq) {
    stream_->Append({seq, 1, "s", "", PayloadOf(seq)});
  }
  Commit();
  Fill(1, 10);
  for (StreamSeq seq = 51; seq <= 60; ++seq) {
    EXPECT_TRUE(stream_->Remove(seq, false));
  }
  size_t before = Blocks().size();
  ASSERT_TRUE(Blocks().contains(51));
  Commit();

  EXPECT_LT(Blocks().size(), before);
  EXPECT_FALSE(Blocks().contains(51));
  EXPECT_THAT(Reopen(), IsEmpty());
  EXPECT_EQ(stream_->state().messages, 20u);
  EXPECT_EQ(stream_->state().num_deleted, 50u);
}

}  // namespace
}  // namespace weir::storage

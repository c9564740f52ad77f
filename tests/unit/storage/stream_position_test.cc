#include "storage/stream_position.h"

#include "gtest/gtest.h"
#include "rocksdb/db.h"

#include "protocol/base/strings.h"
#include "storage/coding.h"
#include "storage/ends_file.h"
#include "storage/keys.h"
#include "storage/rocks_stream_store.h"
#include "tests/support/temp_store.h"

namespace weir::storage {
namespace {

// That it is exact after any work is tested by whoever opens a store in tests (store_harness.h).
class PeekStateTest : public ::testing::Test {
 protected:
  static constexpr StreamId kId{3};

  PeekStateTest() {
    stream_ = RocksStreamStore::Create(
        {.db = temp_.db.get(), .pool = temp_.pool.get(), .home = &temp_.home}, kId, 0);
    Append(10);
  }
  ~PeekStateTest() override { stream_.reset(); }

  void Append(int count) {
    for (int i = 0; i < count; ++i) {
      StreamSeq seq = stream_->state().last_seq + 1;
      stream_->Append({seq, static_cast<int64_t>(seq), Cat("s.", seq % 7), "", "payload"});
    }
    Commit();
  }
  void Commit() {
    auto batch = std::make_unique<StagedBatch>();
    stream_->Flush(*batch);
    ASSERT_TRUE(temp_.Commit(std::move(batch)).ok());
  }
  std::optional<PeekedState> Peek() { return PeekState(*temp_.db, kId); }
  void PutPosition(const std::string& content) {
    std::string key = StreamKey(kId, RecordKind::kStreamPosition);
    std::string value = temp_.db->sealer().Seal(key, content);
    for (Family family : {Family::kMeta, Family::kState}) {
      ASSERT_TRUE(
          temp_.db->db().Put(rocksdb::WriteOptions(), temp_.db->family(family), key, value).ok());
    }
  }

  testing_support::TempStore temp_;
  std::unique_ptr<RocksStreamStore> stream_;
};

TEST_F(PeekStateTest, TheNewestBlockTells) {
  auto state = Peek();

  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->messages, 10u);
  EXPECT_EQ(state->bytes, stream_->state().bytes);
  EXPECT_EQ(state->num_subjects, 7u);
  EXPECT_EQ(state->first_time_ns, 1);
  EXPECT_EQ(state->last_time_ns, 10);
}

TEST_F(PeekStateTest, WhatWasRemovedSinceIsInThePosition) {
  stream_->Remove(4, false);
  stream_->Remove(5, false);
  Commit();

  auto state = Peek();

  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->messages, 8u);
  EXPECT_EQ(state->num_deleted, 2u);
  EXPECT_EQ(state->num_subjects, 5u);
}

TEST_F(PeekStateTest, AnOldPositionBehindTheBlocksTellsNothing) {
  std::string old;
  AppendInt(old, uint64_t{1});
  AppendInt(old, uint64_t{10});
  AppendInt(old, int64_t{10});
  PutPosition(old);

  EXPECT_FALSE(Peek().has_value());
}

TEST_F(PeekStateTest, WhereMessagesAreLostOnlyReadingTells) {
  PutPosition(EncodePosition({.first_seq = 1, .last_seq = 5, .lost_messages = 1}));

  EXPECT_FALSE(Peek().has_value());
}

TEST_F(PeekStateTest, WhereTheEndIsCutOffOnlyReadingTells) {
  temp_.db->ends().Note(kId, 11);

  EXPECT_FALSE(Peek().has_value());
}

TEST_F(PeekStateTest, CutOffNumbersAreLostAndNeverHandedOutAgain) {
  temp_.db->ends().Note(kId, 15);
  std::vector<std::string> damage;

  auto again = RocksStreamStore::Open(
      {.db = temp_.db.get(), .pool = temp_.pool.get(), .home = &temp_.home}, kId, damage);

  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->state().last_seq, 15u);
  EXPECT_EQ((*again)->state().num_lost, 5u);
  ASSERT_EQ(damage.size(), 1u);
  EXPECT_EQ(damage[0], "stream 3: 5 messages between 11 and 15 are lost");
}

TEST_F(PeekStateTest, TheBytesThatAreLostAreRemembered) {
  uint64_t before = stream_->state().bytes;
  Append(5);
  uint64_t lost = stream_->state().bytes - before;
  Append(5);
  ASSERT_TRUE(temp_.db->db()
                  .Delete(rocksdb::WriteOptions(), temp_.db->family(Family::kBlocks),
                          std::string(BlockKey(kId, 11).view()))
                  .ok());
  for (int life = 0; life < 3; ++life) {
    std::vector<std::string> damage;
    auto again = RocksStreamStore::Open(
        {.db = temp_.db.get(), .pool = temp_.pool.get(), .home = &temp_.home}, kId, damage);
    ASSERT_TRUE(again.ok());
    stream_ = std::move(*again);
    EXPECT_EQ(stream_->state().lost_bytes, lost) << life;
    EXPECT_EQ(stream_->state().num_lost, 5u);
    Append(1);
  }
}

}  // namespace
}  // namespace weir::storage

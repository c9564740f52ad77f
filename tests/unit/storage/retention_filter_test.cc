#include "storage/retention_filter.h"

#include <string>

#include "gtest/gtest.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/db.h"

#include "storage/block.h"
#include "storage/keys.h"
#include "tests/support/temp_store.h"

namespace weir::storage {
namespace {

using ::weir::testing_support::TempStore;

class RetentionFilterTest : public ::testing::Test {
 protected:
  void PutBlock(StreamId stream, StreamSeq first, int count) {
    BlockBuilder builder(stream);
    for (int i = 0; i < count; ++i) {
      builder.Add({first + static_cast<StreamSeq>(i), 1, "s", "", "p"});
    }
    auto batch = std::make_unique<StagedBatch>();
    batch->Put(Family::kBlocks, BlockKey(stream, first), builder.Seal().bytes());
    ASSERT_TRUE(store_.Commit(std::move(batch)).ok());
  }
  void Compact() {
    for (Family family : {Family::kBlocks, Family::kState}) {
      ASSERT_TRUE(store_.db->FlushAll().ok());
      rocksdb::CompactRangeOptions options;
      options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
      ASSERT_TRUE(
          store_.db->db().CompactRange(options, store_.db->family(family), nullptr, nullptr).ok());
    }
  }
  bool Has(Family family, std::string_view key) {
    std::string value;
    return store_.db->db()
        .Get(rocksdb::ReadOptions(), store_.db->family(family),
             rocksdb::Slice(key.data(), key.size()), &value)
        .ok();
  }
  std::shared_ptr<CommitMarks> Watch(StreamId stream, StreamSeq first) {
    auto marks = std::make_shared<CommitMarks>();
    marks->first = first;
    store_.db->retention().Watch(stream, marks);
    return marks;
  }

  TempStore store_;
};

TEST_F(RetentionFilterTest, BlocksBelowTheFirstSequenceGoInCompaction) {
  PutBlock(StreamId(1), 1, 10);
  PutBlock(StreamId(1), 11, 10);
  PutBlock(StreamId(1), 21, 10);
  Watch(StreamId(1), 15);

  Compact();

  EXPECT_FALSE(Has(Family::kBlocks, BlockKey(StreamId(1), 1)));
  EXPECT_TRUE(Has(Family::kBlocks, BlockKey(StreamId(1), 11)));  // holds 15 to 20
  EXPECT_TRUE(Has(Family::kBlocks, BlockKey(StreamId(1), 21)));
}

TEST_F(RetentionFilterTest, UnknownStreamsLoseNothing) {
  PutBlock(StreamId(1), 1, 10);

  Compact();

  EXPECT_TRUE(Has(Family::kBlocks, BlockKey(StreamId(1), 1)));
}

TEST_F(RetentionFilterTest, DeletedStreamsLoseEverything) {
  PutBlock(StreamId(1), 1, 10);
  PutBlock(StreamId(2), 1, 10);
  Watch(StreamId(1), UINT64_MAX);
  Watch(StreamId(2), 1);

  Compact();

  EXPECT_FALSE(Has(Family::kBlocks, BlockKey(StreamId(1), 1)));
  EXPECT_TRUE(Has(Family::kBlocks, BlockKey(StreamId(2), 1)));
}

TEST_F(RetentionFilterTest, PagesOfDeletesGoButOtherStateStays) {
  auto batch = std::make_unique<StagedBatch>();
  std::string consumer = ConsumerKey(StreamId(1), RecordKind::kConsumer, 1);
  batch->Put(Family::kState, DeletesKey(StreamId(1), 0), "x");
  batch->Put(Family::kState, DeletesKey(StreamId(1), 1), "x");
  batch->Put(Family::kState, consumer, "x");
  ASSERT_TRUE(store_.Commit(std::move(batch)).ok());
  Watch(StreamId(1), 1500);

  Compact();

  EXPECT_FALSE(Has(Family::kState, DeletesKey(StreamId(1), 0)));
  EXPECT_TRUE(Has(Family::kState, DeletesKey(StreamId(1), 1)));
  EXPECT_TRUE(Has(Family::kState, consumer));
}

}  // namespace
}  // namespace weir::storage

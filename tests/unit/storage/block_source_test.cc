#include "storage/block_source.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "storage/keys.h"
#include "tests/support/temp_store.h"

namespace weir::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::weir::testing_support::TempStore;

class BlockSourceTest : public ::testing::Test {
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
  std::vector<StreamSeq> FirstsFrom(StreamSeq from) {
    std::vector<StreamSeq> firsts;
    BlockSource source(*store_.db, StreamId(5));
    Status status = source.Visit(from, BlockSource::Tier::kScan,
                                 [&](const BlockReader& reader, std::string_view) {
                                   firsts.push_back(reader.first());
                                   return true;
                                 });
    EXPECT_TRUE(status.ok());
    return firsts;
  }
  TempStore store_;
};

TEST_F(BlockSourceTest, BeginsWithTheBlockOfTheSequenceAndStaysInTheStream) {
  PutBlock(StreamId(4), 1, 100);
  PutBlock(StreamId(5), 1, 10);
  PutBlock(StreamId(5), 11, 10);
  PutBlock(StreamId(5), 41, 10);
  PutBlock(StreamId(6), 1, 10);

  EXPECT_THAT(FirstsFrom(1), ElementsAre(1, 11, 41));
  EXPECT_THAT(FirstsFrom(0), ElementsAre(1, 11, 41));
  EXPECT_THAT(FirstsFrom(15), ElementsAre(11, 41));
  EXPECT_THAT(FirstsFrom(30), ElementsAre(41));
  EXPECT_THAT(FirstsFrom(51), IsEmpty());
}

TEST_F(BlockSourceTest, ReadsUntilItHasEnough) {
  for (StreamSeq first = 1; first < 100; first += 10) {
    PutBlock(StreamId(5), first, 10);
  }
  BlockSource source(*store_.db, StreamId(5));
  auto count = [&](StreamSeq upto, size_t messages, size_t bytes) {
    auto blocks = source.Read(1, upto, BlockSource::Tier::kDisk, messages, bytes);
    WEIR_CHECK(blocks.ok());
    return blocks->size();
  };

  EXPECT_EQ(count(100, 1000, 1 << 20), 10u);
  EXPECT_EQ(count(25, 1000, 1 << 20), 3u);
  EXPECT_EQ(count(100, 15, 1 << 20), 2u);
  EXPECT_EQ(count(100, 1000, 1), 1u);
}

TEST_F(BlockSourceTest, WhatIsOnDiskOnlyIsUnavailableInMemory) {
  PutBlock(StreamId(5), 1, 10);
  ASSERT_TRUE(store_.db->FlushAll().ok());
  store_.Reopen();
  BlockSource source(*store_.db, StreamId(5));

  auto in_memory = source.Read(1, 10, BlockSource::Tier::kMemory, 10, 1 << 20);
  EXPECT_EQ(in_memory.status().code(), StatusCode::kUnavailable);

  ASSERT_TRUE(source.Read(1, 10, BlockSource::Tier::kDisk, 10, 1 << 20).ok());
  EXPECT_TRUE(source.Read(1, 10, BlockSource::Tier::kMemory, 10, 1 << 20).ok());
}

}  // namespace
}  // namespace weir::storage

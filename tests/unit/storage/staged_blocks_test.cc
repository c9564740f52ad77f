#include "storage/staged_blocks.h"

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

class StagedBlocksTest : public ::testing::Test {
 protected:
  static LoadedBlock Block(StreamSeq first, StreamSeq last) {
    BlockBuilder builder(StreamId{9});
    for (StreamSeq seq = first; seq <= last; ++seq) {
      builder.Add({seq, 1, "s", "", "payload"});
    }
    LoadedBlock block;
    block.bytes = SharedBytes::Copy(builder.Seal().bytes());
    block.reader = BlockReader::Trusted(first, block.bytes.view());
    return block;
  }

  StagedBlocks staged_;
};

TEST_F(StagedBlocksTest, BlockIsFoundUntilItsCommit) {
  staged_.Put(Block(10, 20), 3);
  EXPECT_NE(staged_.Find(10), nullptr);
  EXPECT_NE(staged_.Find(20), nullptr);
  EXPECT_EQ(staged_.Find(9), nullptr);
  EXPECT_EQ(staged_.Find(21), nullptr);

  staged_.Release(2);
  EXPECT_NE(staged_.Find(15), nullptr);
  staged_.Release(3);
  EXPECT_EQ(staged_.Find(15), nullptr);
  EXPECT_TRUE(staged_.empty());
  EXPECT_EQ(staged_.bytes(), 0u);
}

TEST_F(StagedBlocksTest, LoadThatBeganBeforeTheCommitKeepsTheBlock) {
  staged_.Put(Block(10, 20), 3);
  uint64_t before = staged_.BeginLoad(2);
  uint64_t after = staged_.BeginLoad(3);

  staged_.Release(3);
  EXPECT_NE(staged_.Find(15), nullptr);
  staged_.EndLoad(before);
  staged_.Release(3);
  EXPECT_EQ(staged_.Find(15), nullptr);
  staged_.EndLoad(after);
}

TEST_F(StagedBlocksTest, OverlapsAreSeenFromBothSides) {
  staged_.Put(Block(10, 20), 1);

  EXPECT_TRUE(staged_.Overlaps(1, 10));
  EXPECT_TRUE(staged_.Overlaps(20, 30));
  EXPECT_TRUE(staged_.Overlaps(12, 13));
  EXPECT_TRUE(staged_.Overlaps(1, 100));
  EXPECT_FALSE(staged_.Overlaps(1, 9));
  EXPECT_FALSE(staged_.Overlaps(21, 30));
}

TEST_F(StagedBlocksTest, SecondVersionTakesThePlaceOfTheFirst) {
  staged_.Put(Block(10, 20), 1);
  staged_.Put(Block(10, 12), 2);
  staged_.Release(1);

  EXPECT_NE(staged_.Find(12), nullptr);
  EXPECT_EQ(staged_.Find(13), nullptr);
}

}  // namespace
}  // namespace weir::storage

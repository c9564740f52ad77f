#include "storage/loaded_blocks.h"

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

std::vector<LoadedBlock> Blocks(StreamSeq first, int count) {
  std::vector<LoadedBlock> blocks;
  BlockBuilder builder{StreamId(1)};
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < 10; ++j) {
      builder.Add({first + static_cast<StreamSeq>(i * 10 + j), 1, "s", "", "payload"});
    }
    LoadedBlock block;
    BlockBuilder::Sealed sealed = builder.Seal();
    block.bytes = SharedBytes::Copy(sealed.bytes());
    block.reader = BlockReader(StreamId(1), sealed.first, block.bytes.view());
    blocks.push_back(std::move(block));
  }
  return blocks;
}

TEST(LoadedBlocksTest, FindsBySequence) {
  LoadedBlocks loaded(1 << 20);
  loaded.Add(Blocks(100, 3));

  EXPECT_EQ(loaded.Find(99), nullptr);
  EXPECT_EQ(loaded.Find(115)->reader.first(), 110u);
  EXPECT_EQ(loaded.Find(130), nullptr);
}

TEST(LoadedBlocksTest, WhatCameLastStaysHoweverLarge) {
  LoadedBlocks loaded(1);
  loaded.Add(Blocks(100, 3));
  EXPECT_NE(loaded.Find(100), nullptr);

  loaded.Add(Blocks(500, 2));

  EXPECT_EQ(loaded.Find(100), nullptr);
  EXPECT_NE(loaded.Find(500), nullptr);
  EXPECT_NE(loaded.Find(519), nullptr);
}

TEST(LoadedBlocksTest, BlockThatWasDroppedAndReadAgainStays) {
  LoadedBlocks loaded(1);
  loaded.Add(Blocks(100, 1));
  loaded.Drop(100);
  loaded.Add(Blocks(100, 1));

  EXPECT_NE(loaded.Find(100), nullptr);
  loaded.DropBelow(110);
  EXPECT_EQ(loaded.Find(100), nullptr);
  EXPECT_EQ(loaded.bytes(), 0u);
}

}  // namespace
}  // namespace weir::storage

#include "storage/tail_cache.h"

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

class TailCacheTest : public ::testing::Test {
 protected:
  void Push(TailCache& cache, int messages) {
    for (int i = 0; i < messages; ++i) {
      ++seq_;
      builder_.Add({seq_, 1, "s", "", std::string(100, 'x')});
    }
    cache.Push(builder_.Seal());
  }
  BlockBuilder builder_{StreamId(1)};
  StreamSeq seq_ = 0;
};

TEST_F(TailCacheTest, FindsTheBlockOfASequence) {
  TailCache cache(1 << 20);
  Push(cache, 3);
  seq_ = 10;
  Push(cache, 2);

  EXPECT_EQ(cache.Find(2)->first, 1u);
  EXPECT_EQ(cache.Find(12)->first, 11u);
  EXPECT_EQ(cache.Find(5), nullptr);
  EXPECT_EQ(cache.Find(13), nullptr);
  EXPECT_EQ(cache.covers_from(), 1u);
}

TEST_F(TailCacheTest, OldestGoFirstButNothingUncommitted) {
  TailCache cache(500);
  for (int i = 0; i < 10; ++i) {
    Push(cache, 1);
  }

  cache.Evict(/*committed=*/4);
  EXPECT_EQ(cache.covers_from(), 5u);
  cache.Evict(/*committed=*/10);
  EXPECT_GE(cache.covers_from(), 8u);
  EXPECT_LE(cache.bytes(), 500u);
  EXPECT_NE(cache.Find(10), nullptr);
}

TEST_F(TailCacheTest, OverlappingBlocksStopAtTheBytes) {
  TailCache cache(1 << 20);
  for (int i = 0; i < 10; ++i) {
    Push(cache, 10);
  }

  EXPECT_EQ(cache.Overlapping(15, 42, 1 << 20).size(), 4u);
  EXPECT_EQ(cache.Overlapping(15, 42, 1).size(), 1u);
  EXPECT_TRUE(cache.Overlapping(101, 200, 1 << 20).empty());
}

TEST_F(TailCacheTest, ReplacedBlockHasOtherBytes) {
  TailCache cache(1 << 20);
  Push(cache, 2);
  BlockBuilder::Sealed other = *cache.Find(1);
  other.buffer = SharedBytes::Copy(other.bytes());
  other.offset = 0;

  cache.Replace(other);

  EXPECT_EQ(cache.Find(2)->buffer.view().data(), other.buffer.view().data());
}

TEST_F(TailCacheTest, DropsWhatIsTrimmed) {
  TailCache cache(1 << 20);
  Push(cache, 10);
  Push(cache, 10);

  cache.DropBelow(10);
  EXPECT_EQ(cache.covers_from(), 1u);
  cache.DropBelow(11);
  EXPECT_EQ(cache.covers_from(), 11u);
  cache.Clear();
  EXPECT_EQ(cache.bytes(), 0u);
}

}  // namespace
}  // namespace weir::storage

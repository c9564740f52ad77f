#include "storage/sparse_blocks.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "protocol/base/strings.h"

namespace weir::storage {
namespace {

constexpr StreamId kStream{9};

TEST(SparseBlocksTest, BlockWaitsUntilMuchElseIsDeleted) {
  SparseBlocks sparse(1000);
  sparse.Note({{1, 10}, false});
  sparse.NoteDeleted(999);
  EXPECT_TRUE(sparse.Take(5, 100).empty());
  sparse.NoteDeleted(1);

  auto taken = sparse.Take(5, 100);

  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].extent.first, 1u);
  EXPECT_EQ(taken[0].extent.last, 10u);
  EXPECT_TRUE(sparse.Take(5, 100).empty());
}

TEST(SparseBlocksTest, BlockThatIsNotedAgainIsTakenOnce) {
  SparseBlocks sparse(0);
  sparse.Note({{1, 10}, false});
  sparse.Note({{1, 10}, false});

  EXPECT_EQ(sparse.Take(5, 100).size(), 1u);
}

TEST(SparseBlocksTest, NewBlocksWaitOnWhileOthersGo) {
  SparseBlocks sparse(0);
  sparse.Note({{91, 110}, false});
  sparse.Note({{1, 10}, false});

  auto taken = sparse.Take(5, 100);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].extent.first, 1u);
  EXPECT_EQ(sparse.Take(5, 200).size(), 1u);
}

TEST(SparseBlocksTest, PageIsWorthALookEachTimeThatAQuarterIsLeft) {
  std::vector<uint64_t> worth;
  for (uint64_t live = 1024;; --live) {
    if (SparseBlocks::IsPageSparse(live)) {
      worth.push_back(live);
    }
    if (live == 0) {
      break;
    }
  }
  EXPECT_EQ(worth, (std::vector<uint64_t>{256, 64, 16, 4, 1, 0}));
}

class RewriteBlockTest : public ::testing::Test {
 protected:
  RewriteBlockTest() {
    BlockBuilder builder(kStream);
    for (StreamSeq seq = 1; seq <= kCount; ++seq) {
      std::string text = Cat("payload ", seq, std::string(80, 'x'));
      builder.Add({seq, static_cast<int64_t>(seq), "subject", "", text});
    }
    old_ = std::string(builder.Seal().bytes());
  }
  // Everything but these.
  void Keep(const std::vector<StreamSeq>& kept) {
    SequenceSet dead;
    StreamSeq at = 1;
    for (StreamSeq seq : kept) {
      if (seq > at) {
        dead.InsertRange(at, seq - 1);
      }
      at = seq + 1;
    }
    if (at <= kCount) {
      dead.InsertRange(at, kCount);
    }
    dead_ = dead;
  }
  auto Rewrite() {
    BlockBuilder builder(kStream);
    return RewriteBlock(builder, BlockReader(kStream, 1, old_), old_.size(), dead_);
  }

  static constexpr StreamSeq kCount = 30;
  std::string old_;
  SequenceSet dead_;
};

TEST_F(RewriteBlockTest, ShortGapsAreStubsAndLongOnesAreLeftOut) {
  Keep({2, 4, 29});

  auto fresh = Rewrite();

  ASSERT_TRUE(fresh.has_value());
  ASSERT_EQ(fresh->size(), 1u);  // 24 dead ones in between are still stubs
  BlockReader reader(kStream, 2, fresh->front().bytes());
  ASSERT_TRUE(reader.intact());
  EXPECT_EQ(reader.last(), 29u);
  EXPECT_EQ(reader.previous(), 1u);
  MessageView message;
  EXPECT_EQ(reader.Record(0, true, message), record::State::kGood);
  EXPECT_EQ(reader.Record(1, true, message), record::State::kErased);
  EXPECT_EQ(reader.Record(2, true, message), record::State::kGood);
  EXPECT_EQ(message.seq, 4u);
  EXPECT_EQ(reader.Record(27, true, message), record::State::kGood);
  EXPECT_EQ(message.payload, Cat("payload 29", std::string(80, 'x')));

  Keep({2, 4, 30});
  fresh = Rewrite();
  ASSERT_TRUE(fresh.has_value());
  ASSERT_EQ(fresh->size(), 2u);
  EXPECT_EQ((*fresh)[0].last, 4u);
  EXPECT_EQ((*fresh)[1].first, 30u);
}

TEST_F(RewriteBlockTest, StubsSurviveADamagedTable) {
  Keep({2, 4, 20});
  auto fresh = Rewrite();
  ASSERT_TRUE(fresh.has_value());
  std::string bytes(fresh->front().bytes());
  bytes[bytes.size() - 1] ^= 1;

  BlockReader reader(kStream, 2, bytes);

  EXPECT_FALSE(reader.intact());
  ASSERT_EQ(reader.count(), 19u);
  MessageView message;
  EXPECT_EQ(reader.Record(1, true, message), record::State::kErased);
  EXPECT_EQ(reader.Record(2, true, message), record::State::kGood);
  EXPECT_EQ(reader.Record(18, true, message), record::State::kGood);
  EXPECT_EQ(message.seq, 20u);
}

TEST_F(RewriteBlockTest, BlockWithADamagedRecordStaysAsItIs) {
  Keep({2, 4});
  old_[old_.find("payload 4")] ^= 1;

  EXPECT_FALSE(Rewrite().has_value());
}

TEST_F(RewriteBlockTest, BlockOfWhichMuchLivesStaysAsItIs) {
  Keep({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24});

  EXPECT_FALSE(Rewrite().has_value());
}

}  // namespace
}  // namespace weir::storage

#include "storage/read_ahead.h"

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

class ReadAheadTest : public ::testing::Test {
 protected:
  // Blocks of 16 messages.
  static std::vector<LoadedBlock> Blocks(const ReadAhead::Plan& plan) {
    std::vector<LoadedBlock> blocks;
    for (size_t i = 0; i < plan.messages;) {
      BlockBuilder builder{StreamId(1)};
      for (size_t end = i + 16; i < end; ++i) {
        builder.Add({plan.from + i, 1, "s", "", "payload"});
      }
      LoadedBlock block;
      BlockBuilder::Sealed sealed = builder.Seal();
      block.bytes = SharedBytes::Copy(sealed.bytes());
      block.reader = BlockReader(StreamId(1), sealed.first, block.bytes.view());
      blocks.push_back(std::move(block));
    }
    return blocks;
  }
  ReadAhead::Plan Load(StreamSeq seq) {
    ReadAhead::Plan plan = ahead_.Begin(seq);
    ahead_.Loaded(plan, Blocks(plan));
    return plan;
  }

  ReadAhead ahead_{1 << 20};
};

TEST_F(ReadAheadTest, SingleLoadsBringLittleAndNothingIsBegunEarly) {
  EXPECT_EQ(Load(1000).messages, ReadAhead::kFirst);
  EXPECT_EQ(Load(5000).messages, ReadAhead::kFirst);
  EXPECT_EQ(Load(1000).messages, ReadAhead::kFirst);
  EXPECT_FALSE(ahead_.Due(1000 + 192));
}

TEST_F(ReadAheadTest, LoadsThatFollowEachOtherGrow) {
  Load(1);

  EXPECT_EQ(Load(257).messages, 1024u);
  EXPECT_EQ(Load(1281).messages, ReadAhead::kMost);
  EXPECT_EQ(Load(5377).messages, ReadAhead::kMost);
  EXPECT_EQ(Load(1).messages, ReadAhead::kFirst);
}

TEST_F(ReadAheadTest, NextIsDueInTheSecondHalf) {
  Load(1);
  Load(257);

  EXPECT_FALSE(ahead_.Due(257 + 496));
  EXPECT_TRUE(ahead_.Due(257 + 512));
  EXPECT_FALSE(ahead_.Due(1281));  // not of this load

  ReadAhead::Plan plan = ahead_.BeginEarly();
  EXPECT_EQ(plan.from, 1281u);
  EXPECT_EQ(plan.messages, ReadAhead::kMost);
  EXPECT_FALSE(ahead_.Due(257 + 512));
}

TEST_F(ReadAheadTest, WhoComesToWhatIsUnderWayWaitsForIt) {
  Load(1);
  Load(257);
  EXPECT_FALSE(ahead_.Expects(1281));
  ReadAhead::Plan plan = ahead_.BeginEarly();

  EXPECT_FALSE(ahead_.Expects(1280));
  EXPECT_TRUE(ahead_.Expects(1281));
  EXPECT_TRUE(ahead_.Expects(1300));
  EXPECT_FALSE(ahead_.Expects(1281 + ReadAhead::kMost));

  ahead_.Loaded(plan, Blocks(plan));
  EXPECT_FALSE(ahead_.Expects(1281));
  EXPECT_TRUE(ahead_.Due(1281 + ReadAhead::kMost / 2));
}

TEST_F(ReadAheadTest, NothingIsBegunEarlyBehindMuchAtOnce) {
  ReadAhead ahead(10);
  for (StreamSeq seq : {1, 257}) {
    ReadAhead::Plan plan = ahead.Begin(seq);
    ahead.Loaded(plan, Blocks(plan));
  }

  EXPECT_FALSE(ahead.Due(257 + 1000));
}

TEST_F(ReadAheadTest, LoadThatBringsNothingEndsIt) {
  Load(1);
  Load(257);
  ReadAhead::Plan plan = ahead_.BeginEarly();

  ahead_.Loaded(plan, {});

  EXPECT_FALSE(ahead_.Expects(1281));
  EXPECT_FALSE(ahead_.Due(257 + 1000));
}

}  // namespace
}  // namespace weir::storage

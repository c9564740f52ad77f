#include "storage/block.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "protocol/base/strings.h"

namespace weir::storage {
namespace {

constexpr StreamId kStream{9};

class BlockTest : public ::testing::Test {
 protected:
  void Add(size_t payload = 100) {
    ++seq_;
    std::string text(payload, static_cast<char>('a' + seq_ % 26));
    MessageView message{seq_, static_cast<int64_t>(seq_), "subject", "", text};
    ASSERT_TRUE(!builder_.open() || builder_.Fits(message));
    builder_.Add(message);
  }
  std::string SealedBytes() { return std::string(builder_.Seal().bytes()); }
  static int CountGood(const BlockReader& reader) {
    int good = 0;
    for (uint32_t i = 0; i < reader.count(); ++i) {
      MessageView view;
      if (reader.Record(i, true, view) == record::State::kGood) {
        EXPECT_EQ(view.seq, reader.first() + i);
        ++good;
      }
    }
    return good;
  }

  BlockBuilder builder_{kStream};
  StreamSeq seq_ = 100;
};

TEST_F(BlockTest, RecordsComeBackByPosition) {
  for (int i = 0; i < 10; ++i) {
    Add();
  }
  std::string bytes = SealedBytes();
  BlockReader reader(kStream, 101, bytes);

  ASSERT_TRUE(reader.intact());
  EXPECT_EQ(reader.count(), 10u);
  EXPECT_EQ(reader.last(), 110u);
  MessageView view;
  ASSERT_EQ(reader.Record(7, true, view), record::State::kGood);
  EXPECT_EQ(view.seq, 108u);
  EXPECT_EQ(view.time_ns, 108);
  EXPECT_EQ(view.payload, std::string(100, static_cast<char>('a' + 108 % 26)));
  EXPECT_EQ(reader.Record(10, true, view), record::State::kDamaged);
}

TEST_F(BlockTest, OpenBlockCanBeRead) {
  Add();
  Add();

  MessageView view;
  EXPECT_EQ(builder_.Get(102, view), ReadOutcome::kFound);
  EXPECT_EQ(view.time_ns, 102);
  EXPECT_EQ(builder_.Get(103, view), ReadOutcome::kMissing);
  builder_.Erase(102);
  EXPECT_EQ(builder_.Get(102, view), ReadOutcome::kMissing);
}

TEST_F(BlockTest, BlocksShareABufferOneBehindTheOther) {
  Add(50);
  BlockBuilder::Sealed first = builder_.Seal();
  Add(50);
  BlockBuilder::Sealed second = builder_.Seal();

  EXPECT_EQ(first.buffer.view().data(), second.buffer.view().data());
  EXPECT_EQ(second.offset, first.offset + first.size);
  EXPECT_TRUE(BlockReader(kStream, 101, first.bytes()).intact());
  EXPECT_TRUE(BlockReader(kStream, 102, second.bytes()).intact());
}

TEST_F(BlockTest, BlockIsFullAt64KiBAndALargerRecordIsAlone) {
  std::string text(40'000, 'x');
  MessageView message{1, 1, "s", "", text};
  builder_.Add(message);
  message.seq = 2;
  EXPECT_FALSE(builder_.Fits(message));
  builder_.Seal();

  std::string large(1 << 20, 'y');
  message.payload = large;
  builder_.Add(message);
  std::string bytes = SealedBytes();
  BlockReader reader(kStream, 2, bytes);
  MessageView view;
  ASSERT_EQ(reader.Record(0, true, view), record::State::kGood);
  EXPECT_EQ(view.payload, large);
}

TEST_F(BlockTest, GapInTheSequenceDoesNotFit) {
  Add();

  EXPECT_FALSE(builder_.Fits({103, 1, "s", "", ""}));
  EXPECT_TRUE(builder_.Fits({102, 1, "s", "", ""}));
}

TEST_F(BlockTest, OneFlippedByteCostsAtMostOneRecord) {
  for (int i = 0; i < 5; ++i) {
    Add(20);
  }
  std::string bytes = SealedBytes();

  for (size_t at = 0; at < bytes.size(); ++at) {
    SCOPED_TRACE(at);
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    BlockReader reader(kStream, 101, damaged);
    EXPECT_EQ(reader.count(), 5u);
    EXPECT_GE(CountGood(reader), 4);
    bool in_records = at >= block::kHeader && at < bytes.size() - 5 * 2;
    EXPECT_EQ(reader.intact(), in_records);
  }
}

TEST_F(BlockTest, TornBlockGivesWhatIsWhole) {
  for (int i = 0; i < 5; ++i) {
    Add(20);
  }
  std::string bytes = SealedBytes();
  size_t record = (bytes.size() - block::kHeader - 10) / 5;

  BlockReader reader(kStream, 101,
                     std::string_view(bytes).substr(0, block::kHeader + record * 3 + 7));

  EXPECT_FALSE(reader.intact());
  EXPECT_EQ(CountGood(reader), 3);
  EXPECT_EQ(BlockReader(kStream, 101, "").count(), 0u);
}

TEST_F(BlockTest, BlockOfAnotherStreamIsNotIntact) {
  Add();
  std::string bytes = SealedBytes();

  EXPECT_FALSE(BlockReader(StreamId(10), 101, bytes).intact());
  EXPECT_EQ(CountGood(BlockReader(kStream, 200, bytes)), 0);
}

TEST_F(BlockTest, TrustedReaderFindsTheSameRecords) {
  Add();
  Add();
  std::string bytes = SealedBytes();
  BlockReader reader = BlockReader::Trusted(101, bytes);

  EXPECT_EQ(reader.count(), 2u);
  EXPECT_EQ(CountGood(reader), 2);
}

}  // namespace
}  // namespace weir::storage

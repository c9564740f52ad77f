#include "storage/record.h"

#include <string>

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

class RecordTest : public ::testing::Test {
 protected:
  RecordTest() : bytes_(record::SizeOf(message_), '\0') { record::Encode(message_, bytes_.data()); }

  const MessageView message_{42, 1234567, "orders.eu", "NATS/1.0\r\n\r\n", "hello"};
  std::string bytes_;
  MessageView out_;
};

TEST_F(RecordTest, ComesBack) {
  ASSERT_EQ(record::Decode(bytes_, 42, true, out_), record::State::kGood);

  EXPECT_EQ(out_.seq, 42u);
  EXPECT_EQ(out_.time_ns, 1234567);
  EXPECT_EQ(out_.subject, "orders.eu");
  EXPECT_EQ(out_.headers, "NATS/1.0\r\n\r\n");
  EXPECT_EQ(out_.payload, "hello");
  EXPECT_EQ(record::SizeAt(bytes_), bytes_.size());
}

TEST_F(RecordTest, EveryFlippedBitIsNoticed) {
  for (size_t bit = 0; bit < bytes_.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    std::string damaged = bytes_;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(record::Decode(damaged, 42, true, out_), record::State::kDamaged);
  }
}

TEST_F(RecordTest, EveryCutIsNoticedWithoutTheChecksum) {
  for (size_t size = 0; size < bytes_.size(); ++size) {
    SCOPED_TRACE(size);
    EXPECT_EQ(record::Decode(std::string_view(bytes_).substr(0, size), 42, false, out_),
              record::State::kDamaged);
  }
}

TEST_F(RecordTest, RecordUnderAnotherSequenceIsDamaged) {
  EXPECT_EQ(record::Decode(bytes_, 43, true, out_), record::State::kDamaged);
}

TEST_F(RecordTest, ErasedRecordHasNothingLeft) {
  record::Erase(bytes_.data(), bytes_.size(), 42);

  EXPECT_EQ(record::Decode(bytes_, 42, true, out_), record::State::kErased);
  EXPECT_EQ(bytes_.find("hello"), std::string::npos);
  EXPECT_EQ(bytes_.find("orders"), std::string::npos);
  EXPECT_EQ(record::SizeAt(bytes_), bytes_.size());
}

}  // namespace
}  // namespace weir::storage

#include "storage/keys.h"

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

TEST(KeysTest, BlockKeysSortByStreamThenSequence) {
  EXPECT_LT(BlockKey(StreamId(1), 255).view(), BlockKey(StreamId(1), 256).view());
  EXPECT_LT(BlockKey(StreamId(1), UINT64_MAX).view(), BlockKey(StreamId(2), 0).view());
  auto parts = BlockKey::Parse(BlockKey(StreamId(3), 77).view());
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->stream, StreamId(3));
  EXPECT_EQ(parts->first, 77u);
  EXPECT_FALSE(BlockKey::Parse("short").has_value());
}

TEST(KeysTest, RecordKeysSayWhatTheyAre) {
  auto consumer = ParseRecordKey(ConsumerKey(StreamId(5), RecordKind::kConsumerState, 9));
  ASSERT_TRUE(consumer.has_value());
  EXPECT_EQ(consumer->stream, StreamId(5));
  EXPECT_EQ(consumer->kind, RecordKind::kConsumerState);
  EXPECT_EQ(consumer->consumer_id, 9u);

  auto deletes = ParseRecordKey(DeletesKey(StreamId(5), 12));
  ASSERT_TRUE(deletes.has_value());
  EXPECT_EQ(deletes->page, 12u);

  EXPECT_TRUE(ParseRecordKey(StreamKey(StreamId(5), RecordKind::kStream)).has_value());
}

TEST(KeysTest, NonsenseIsNoKey) {
  EXPECT_FALSE(ParseRecordKey("").has_value());
  EXPECT_FALSE(ParseRecordKey(StreamPrefix(StreamId(1))).has_value());
  EXPECT_FALSE(ParseRecordKey(StreamPrefix(StreamId(1)) + "z").has_value());
  EXPECT_FALSE(ParseRecordKey(StreamKey(StreamId(1), RecordKind::kStream) + "x").has_value());
  EXPECT_FALSE(ParseRecordKey(StreamKey(StreamId(1), RecordKind::kDeletes) + "x").has_value());
}

TEST(KeysTest, EverythingOfAStreamLiesBetweenItsPrefixAndTheNext) {
  std::string begin = StreamPrefix(StreamId(255));
  std::string end = StreamPrefix(StreamId(256));

  for (const std::string& key :
       {DeletesKey(StreamId(255), UINT64_MAX), StreamKey(StreamId(255), RecordKind::kStream),
        std::string(BlockKey(StreamId(255), UINT64_MAX).view())}) {
    EXPECT_LE(begin, key);
    EXPECT_LT(key, end);
  }
}

}  // namespace
}  // namespace weir::storage

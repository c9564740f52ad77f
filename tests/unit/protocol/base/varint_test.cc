#include "protocol/base/varint.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(VarintTest, NumbersComeBack) {
  std::string bytes;
  for (uint64_t number : {uint64_t{0}, uint64_t{127}, uint64_t{128}, UINT64_MAX}) {
    AppendVarint(bytes, number);
  }
  for (int64_t number : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
    AppendSignedVarint(bytes, number);
  }

  VarintReader in(bytes);
  EXPECT_EQ(in.Next(), 0U);
  EXPECT_EQ(in.Next(), 127U);
  EXPECT_EQ(in.Next(), 128U);
  EXPECT_EQ(in.Next(), UINT64_MAX);
  EXPECT_EQ(in.NextSigned(), 0);
  EXPECT_EQ(in.NextSigned(), -1);
  EXPECT_EQ(in.NextSigned(), INT64_MIN);
  EXPECT_EQ(in.NextSigned(), INT64_MAX);
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.rest().empty());
}

TEST(VarintTest, TheEndAndANumberWithoutEndAreTold) {
  VarintReader cut("\x80");
  EXPECT_EQ(cut.Next(), 0U);
  EXPECT_FALSE(cut.ok());
  EXPECT_TRUE(cut.ran_out());

  const std::string no_end(11, '\x80');
  VarintReader endless(no_end);
  EXPECT_EQ(endless.Next(), 0U);
  EXPECT_FALSE(endless.ok());
  EXPECT_FALSE(endless.ran_out());
}

TEST(VarintTest, ACountIsNotMoreThanCanFollow) {
  std::string bytes;
  AppendVarint(bytes, 3);
  bytes += "123456";

  EXPECT_EQ(VarintReader(bytes).NextCount(2), 3U);
  VarintReader in(bytes);
  EXPECT_EQ(in.NextCount(3), 0U);
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace weir

#include "storage/coding.h"

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

TEST(CodingTest, NumbersOfKeysSortAsBytes) {
  std::string small;
  std::string large;
  AppendBig64(small, 255);
  AppendBig64(large, 256);

  EXPECT_LT(small, large);
  EXPECT_EQ(LoadBig64(large.data()), 256u);
}

TEST(CodingTest, TakingStopsAtTheEnd) {
  std::string bytes;
  AppendInt(bytes, uint32_t{7});
  AppendInt(bytes, uint8_t{9});
  std::string_view rest(bytes);
  uint32_t number = 0;

  EXPECT_TRUE(TakeInt(rest, number));
  EXPECT_EQ(number, 7u);
  EXPECT_FALSE(TakeInt(rest, number));
  EXPECT_EQ(rest.size(), 1u);
}

}  // namespace
}  // namespace weir::storage

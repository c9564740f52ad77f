#include "server/short_hash.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(ShortHashTest, IsWhatOtherServersMakeOfTheName) {
  EXPECT_EQ(ShortHash("$G"), "szMpdrwD");
  EXPECT_EQ(ShortHash("JS"), "9Nj4u4iY");
}

TEST(ShortHashTest, NothingHasAHashToo) {
  EXPECT_EQ(ShortHash("").size(), 8u);
}

}  // namespace
}  // namespace weir::server

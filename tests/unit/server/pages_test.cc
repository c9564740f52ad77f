#include "server/pages.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(PagesTest, DurationsAreShownFromTheLargestUnitDown) {
  constexpr int64_t kHour = 3600;
  EXPECT_EQ(ShortDuration(0), "0s");
  EXPECT_EQ(ShortDuration(-5), "0s");
  EXPECT_EQ(ShortDuration(59'999'999'999), "59s");
  EXPECT_EQ(ShortDuration(60 * kSecondNs), "1m0s");
  EXPECT_EQ(ShortDuration((kHour + 5) * kSecondNs), "1h0m5s");
  EXPECT_EQ(ShortDuration(25 * kHour * kSecondNs), "1d1h0m0s");
  EXPECT_EQ(ShortDuration((366 * 24 * kHour + 61) * kSecondNs), "1y1d0h1m1s");
}

}  // namespace
}  // namespace weir::server

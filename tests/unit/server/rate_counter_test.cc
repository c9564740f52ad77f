#include "server/rate_counter.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(RateCounterTest, AWindowHoldsAsManyAsAllowed) {
  RateCounter counter(3);
  EXPECT_TRUE(counter.Allow(10));
  EXPECT_TRUE(counter.Allow(20));
  EXPECT_TRUE(counter.Allow(30));
  EXPECT_FALSE(counter.Allow(40));
  EXPECT_FALSE(counter.Allow(1'000'000'010));

  EXPECT_TRUE(counter.Allow(1'000'000'011));
  EXPECT_TRUE(counter.Allow(1'000'000'012));
}

}  // namespace
}  // namespace weir::server

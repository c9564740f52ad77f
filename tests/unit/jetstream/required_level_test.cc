#include "jetstream/required_level.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

TEST(RequiredLevelTest, WhatTheServerHasIsEnough) {
  EXPECT_TRUE(MeetsRequiredLevel(""));
  EXPECT_TRUE(MeetsRequiredLevel("NATS/1.0\r\nA: 9\r\n\r\n"));
  EXPECT_TRUE(MeetsRequiredLevel("NATS/1.0\r\nNats-Required-Api-Level: 5\r\n\r\n"));
}

TEST(RequiredLevelTest, MoreOrNonsenseIsRefused) {
  EXPECT_FALSE(MeetsRequiredLevel("NATS/1.0\r\nNats-Required-Api-Level: 6\r\n\r\n"));
  EXPECT_FALSE(MeetsRequiredLevel("NATS/1.0\r\nNats-Required-Api-Level: x\r\n\r\n"));
}

}  // namespace
}  // namespace weir::jetstream

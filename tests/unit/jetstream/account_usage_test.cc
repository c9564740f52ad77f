#include "jetstream/account_usage.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

TEST(AccountUsageTest, WhatAnAccountUsesCountsForTheServerToo) {
  AccountUsage server;
  AccountUsage account;
  account.server = &server;

  account.Add(/*in_memory=*/false, 100);
  account.Add(/*in_memory=*/true, 7);
  account.AddConsumers(2);
  account.Add(/*in_memory=*/false, -40);

  EXPECT_EQ(account.storage.load(), 60);
  EXPECT_EQ(server.storage.load(), 60);
  EXPECT_EQ(server.memory.load(), 7);
  EXPECT_EQ(server.consumers.load(), 2);
}

TEST(AccountUsageTest, ALimitIsExceededByTheByteBehindIt) {
  AccountUsage usage;
  usage.Add(/*in_memory=*/false, 60);
  EXPECT_FALSE(usage.Exceeds(/*in_memory=*/false, 1'000'000)) << "no limit";

  usage.max_storage = 100;

  EXPECT_FALSE(usage.Exceeds(/*in_memory=*/false, 40));
  EXPECT_TRUE(usage.Exceeds(/*in_memory=*/false, 41));
  EXPECT_FALSE(usage.Exceeds(/*in_memory=*/true, 41));
}

}  // namespace
}  // namespace weir::jetstream

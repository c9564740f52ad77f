#include "server/subscription_table.h"

#include <gtest/gtest.h>

#include "server/permissions.h"

namespace weir::server {
namespace {

TEST(SubscriptionTableTest, IsFoundBySidAndBySlot) {
  SubscriptionTable table;
  uint32_t slot = 0;
  auto* added = table.Add("7", "foo", "q", slot);
  ASSERT_NE(added, nullptr);
  uint16_t generation = added->generation;
  uint32_t found = 99;
  ASSERT_NE(table.FindSid("7", found), nullptr);
  EXPECT_EQ(found, slot);
  EXPECT_EQ(table.FindSid("8", found), nullptr);
  EXPECT_EQ(table.At(slot, generation)->subject, "foo");
  EXPECT_EQ(table.live(slot).queue, "q");
  EXPECT_EQ(table.size(), 1U);
}

TEST(SubscriptionTableTest, ASidInUseStays) {
  SubscriptionTable table;
  uint32_t slot = 0;
  table.Add("1", "foo", "", slot);
  uint32_t other = 0;
  EXPECT_EQ(table.Add("1", "bar", "", other), nullptr);
  EXPECT_EQ(table.live(slot).subject, "foo");
}

TEST(SubscriptionTableTest, ASlotThatIsUsedAgainHasAnotherGeneration) {
  SubscriptionTable table;
  uint32_t first = 0;
  uint16_t generation = table.Add("1", "foo", "", first)->generation;
  table.FindSid("1", first)->delivered = 5;
  table.FindSid("1", first)->max = 9;
  PermissionSet filter{Permissions()};
  table.FindSid("1", first)->filter = &filter;
  table.Remove(first);
  EXPECT_EQ(table.At(first, generation), nullptr);
  uint32_t second = 0;
  auto* added = table.Add("2", "bar", "", second);
  EXPECT_EQ(second, first);
  EXPECT_NE(added->generation, generation);
  EXPECT_EQ(table.At(second, generation), nullptr);
  EXPECT_EQ(added->delivered, 0U);
  EXPECT_EQ(added->max, 0U);
  EXPECT_EQ(added->filter, nullptr);
  EXPECT_EQ(table.size(), 1U);
}

TEST(SubscriptionTableTest, UnknownSlots) {
  SubscriptionTable table;
  EXPECT_EQ(table.At(0, 0), nullptr);
  EXPECT_EQ(table.At(1000, 0), nullptr);
}

TEST(SubscriptionTableTest, VisitsTheLiveOnes) {
  SubscriptionTable table;
  uint32_t slot = 0;
  for (const char* sid : {"1", "2", "3"}) {
    table.Add(sid, "foo", "", slot);
  }
  table.FindSid("2", slot);
  table.Remove(slot);
  std::string seen;
  table.ForEach([&seen](uint32_t, auto& subscription) { seen += subscription.sid; });
  EXPECT_EQ(seen, "13");
}

}  // namespace
}  // namespace weir::server

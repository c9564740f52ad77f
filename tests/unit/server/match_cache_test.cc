#include "server/match_cache.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::server {
namespace {

Target At(uint32_t slot) {
  Target target;
  target.slot = slot;
  return target;
}

TEST(MatchCacheTest, AResultHoldsUntilItsSubjectChanges) {
  SubscriptionIndex index;
  index.Insert("foo", "", At(1));
  MatchCache cache;
  CachedMatch slot;
  EXPECT_EQ(cache.Find(index, "foo", slot).targets.size(), 1U);
  EXPECT_TRUE(slot.Holds(index, "foo"));
  EXPECT_FALSE(slot.Holds(index, "bar"));

  index.Insert("foo", "", At(2));

  EXPECT_FALSE(slot.Holds(index, "foo"));
  EXPECT_EQ(cache.Find(index, "foo", slot).targets.size(), 2U);
  index.Insert("*", "", At(3));
  EXPECT_FALSE(slot.Holds(index, "foo"));
  index.Remove("foo", "", At(1));
  EXPECT_EQ(cache.Find(index, "foo", slot).targets.size(), 2U);
}

TEST(MatchCacheTest, TwoSlotsShareOneResult) {
  SubscriptionIndex index;
  index.Insert("foo", "", At(1));
  MatchCache cache;
  CachedMatch a;
  CachedMatch b;
  cache.Find(index, "foo", a);
  cache.Find(index, "foo", b);
  EXPECT_EQ(a.result, b.result);
}

TEST(MatchCacheTest, AnOldResultLivesAsLongAsItsOwner) {
  SubscriptionIndex index;
  index.Insert("foo", "", At(1));
  MatchCache cache;
  CachedMatch slot;
  cache.Find(index, "foo", slot);
  auto kept = slot.result;
  index.Remove("foo", "", At(1));
  EXPECT_TRUE(cache.Find(index, "foo", slot).empty());
  EXPECT_EQ(kept->targets.size(), 1U);
}

TEST(MatchCacheTest, AccountsWithTheSameSubjectDoNotMix) {
  SubscriptionIndex first;
  SubscriptionIndex second;
  first.Insert("foo", "", At(1));
  MatchCache cache;
  CachedMatch slot;
  EXPECT_EQ(cache.Find(first, "foo", slot).targets.size(), 1U);
  EXPECT_FALSE(slot.Holds(second, "foo"));
  EXPECT_TRUE(cache.Find(second, "foo", slot).empty());
  EXPECT_EQ(cache.Find(first, "foo", slot).targets.size(), 1U);
}

TEST(MatchCacheTest, ManySubjectsAreStillRight) {
  SubscriptionIndex index;
  index.Insert("s.7", "", At(7));
  index.Insert("s.*", "", At(1));
  MatchCache cache;
  CachedMatch slot;
  for (int i = 0; i < 20'000; ++i) {
    std::string subject = "s." + std::to_string(i);
    ASSERT_EQ(cache.Find(index, subject, slot).targets.size(), i == 7 ? 2U : 1U);
  }
  EXPECT_EQ(cache.Find(index, "s.7", slot).targets.size(), 2U);
}

}  // namespace
}  // namespace weir::server

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
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100'000; ++i) {
      std::string subject = "s." + std::to_string(i);
      ASSERT_EQ(cache.Find(index, subject, slot).targets.size(), i == 7 ? 2U : 1U);
      ASSERT_TRUE(slot.Holds(index, subject));
    }
  }
  EXPECT_EQ(cache.Find(index, "s.7", slot).targets.size(), 2U);
  EXPECT_LE(cache.stats().entries, 32'768U);
  EXPECT_EQ(cache.stats().lookups, 200'001U);
}

// Of `count` subjects that are asked one after the other, again and again: which share is found?
double HitRate(int count) {
  SubscriptionIndex index;
  index.Insert("s.*", "", At(1));
  MatchCache cache;
  CachedMatch slot;
  MatchCache::Stats before;
  for (int round = 0; round < 6; ++round) {
    if (round == 3) {
      before = cache.stats();
    }
    for (int i = 0; i < count; ++i) {
      cache.Find(index, "s." + std::to_string(i), slot);
    }
  }
  const MatchCache::Stats after = cache.stats();
  return 1 - static_cast<double>(after.misses - before.misses) /
                 static_cast<double>(after.lookups - before.lookups);
}

TEST(MatchCacheTest, WhatDoesNotFitDoesNotPushOutAll) {
  EXPECT_EQ(HitRate(1'000), 1);
  EXPECT_GT(HitRate(20'000), 0.85);
  EXPECT_GT(HitRate(60'000), 0.3);
}

TEST(MatchCacheTest, SubjectsThatComeOnceLeaveThoseThatComeAgain) {
  SubscriptionIndex index;
  index.Insert(">", "", At(1));
  MatchCache cache;
  CachedMatch slot;
  int number = 0;
  const auto ask = [&](int rounds) {
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < 100; ++i) {
        cache.Find(index, "again." + std::to_string(i), slot);
      }
      for (int i = 0; i < 1'000; ++i) {
        cache.Find(index, "once." + std::to_string(number++), slot);
      }
    }
  };
  ask(100);
  const uint64_t before = cache.stats().misses;
  ask(100);
  EXPECT_LT(cache.stats().misses - before, 100'000U + 500);
}

TEST(MatchCacheTest, SubjectsWithTheSameReceiversShareAResult) {
  SubscriptionIndex index;
  index.Insert("s.*", "", At(1));
  index.Insert("s.3", "", At(2));
  MatchCache cache;
  CachedMatch a;
  CachedMatch b;
  cache.Find(index, "s.1", a);
  cache.Find(index, "s.2", b);
  EXPECT_EQ(a.result, b.result);
  EXPECT_EQ(cache.Find(index, "s.3", b).targets.size(), 2U);
  EXPECT_NE(a.result, b.result);
  index.Insert("s.*", "group", At(3));
  cache.Find(index, "s.1", a);
  ASSERT_EQ(a.result->queues.size(), 1U);
  EXPECT_EQ(a.result->queues[0].name, "group");
  EXPECT_EQ(a.result->targets.size(), 1U);
}

TEST(MatchCacheTest, LargeResultsAndLongSubjectsStayWithinTheBytes) {
  SubscriptionIndex index;
  for (uint32_t i = 0; i < 100; ++i) {
    index.Insert("s.>", "", At(i));
  }
  MatchCache cache(100'000);
  CachedMatch slot;
  for (int i = 0; i < 1'000; ++i) {
    const std::string subject = "s." + std::to_string(i);
    ASSERT_EQ(cache.Find(index, subject, slot).targets.size(), 100U);
    ASSERT_EQ(cache.Find(index, subject + "." + std::string(1'000, 'x'), slot).targets.size(),
              100U);
    ASSERT_LE(cache.bytes(), 100'000U);
  }
  EXPECT_GT(cache.bytes(), 50'000U);
  EXPECT_GT(cache.stats().entries, 20U);
  EXPECT_EQ(cache.stats().max_fanout, 100U);
  const size_t entries = cache.stats().entries;
  cache.Find(index, "s." + std::string(20'000, 'x'), slot);  // alone more than its share
  EXPECT_EQ(cache.stats().entries, entries);
}

TEST(MatchCacheTest, AStaleEntryMakesRoom) {
  SubscriptionIndex index;
  index.Insert("s.*", "", At(1));
  MatchCache cache;
  CachedMatch slot;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 30'000; ++i) {
      cache.Find(index, "s." + std::to_string(i), slot);
    }
  }
  index.Insert("s.*", "", At(2));
  for (int i = 0; i < 30'000; ++i) {
    ASSERT_EQ(cache.Find(index, "s." + std::to_string(i), slot).targets.size(), 2U);
  }
}

}  // namespace
}  // namespace weir::server

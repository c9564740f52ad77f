#include "server/subscription_index.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/nuid.h"
#include "tests/support/naive_subjects.h"

namespace weir::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Target At(uint8_t worker, uint32_t slot, uint32_t subscription = 0) {
  Target target;
  target.worker = worker;
  target.slot = slot;
  target.subscription = subscription;
  return target;
}

TEST(SubscriptionIndexTest, PlainTargetsAreSortedByWorker) {
  SubscriptionIndex index;
  index.Insert("foo", "", At(2, 1));
  index.Insert("*", "", At(0, 2));
  index.Insert(">", "", At(1, 3));
  index.Insert("foo", "", At(0, 4));
  MatchResult result;
  index.Match("foo", result);
  ASSERT_EQ(result.targets.size(), 4U);
  EXPECT_EQ(result.targets[0].worker, 0);
  EXPECT_EQ(result.targets[1].worker, 0);
  EXPECT_EQ(result.targets[2].worker, 1);
  EXPECT_EQ(result.targets[3].worker, 2);
  EXPECT_THAT(result.queues, IsEmpty());
  EXPECT_EQ(index.size(), 4U);
}

TEST(SubscriptionIndexTest, AQueueIsOneGroupOverAllFilters) {
  SubscriptionIndex index;
  index.Insert("foo.bar", "q", At(0, 1));
  index.Insert("foo.*", "q", At(0, 2));
  index.Insert(">", "q", At(1, 3));
  index.Insert(">", "other", At(1, 4));
  MatchResult result;
  index.Match("foo.bar", result);
  EXPECT_THAT(result.targets, IsEmpty());
  ASSERT_EQ(result.queues.size(), 2U);
  const QueueGroup& q = result.queues[0].name == "q" ? result.queues[0] : result.queues[1];
  EXPECT_THAT(q.members, UnorderedElementsAre(At(0, 1), At(0, 2), At(1, 3)));
}

TEST(SubscriptionIndexTest, WhoMayNotHaveAMessageIsNoReceiver) {
  Permissions rules;
  rules.subscribe.deny = {"no.*"};
  PermissionSet filter(rules);
  SubscriptionIndex index;
  index.Insert(">", "", At(0, 1), &filter);
  index.Insert("*.*", "q", At(1, 2), &filter);
  index.Insert(">", "", At(0, 3));

  MatchResult result;
  index.Match("no.x", result);
  EXPECT_THAT(result.targets, ElementsAre(At(0, 3)));
  EXPECT_THAT(result.queues, IsEmpty());
  index.Match("no.x", result, /*denied_too=*/true);
  EXPECT_EQ(result.targets.size(), 2U);
  index.Match("yes.x", result);
  EXPECT_EQ(result.targets.size(), 2U);
  EXPECT_EQ(result.queues.size(), 1U);

  PermissionSet allows_all{Permissions{}};
  index.Refilter("*.*", "q", At(1, 2), &allows_all);
  index.Match("no.x", result);
  EXPECT_EQ(result.queues.size(), 1U);
  index.Refilter("*.*", "q", At(1, 2), &filter);
  index.Remove(">", "", At(0, 1));
  index.Insert(">", "", At(0, 1));
  index.Match("no.x", result);
  EXPECT_EQ(result.targets.size(), 2U);
}

TEST(SubscriptionIndexTest, RemovesExactlyTheOneMeant) {
  SubscriptionIndex index;
  index.Insert("foo", "", At(0, 1));
  index.Insert("foo", "q", At(0, 1));
  index.Insert("foo", "", At(0, 1, 7));
  index.Remove("foo", "q", At(0, 1));
  MatchResult result;
  index.Match("foo", result);
  EXPECT_THAT(result.queues, IsEmpty());
  EXPECT_EQ(result.targets.size(), 2U);
  index.Remove("foo", "", At(0, 1));
  index.Match("foo", result);
  EXPECT_THAT(result.targets, ElementsAre(At(0, 1, 7)));
}

// Stamps of subjects that share no generation but the one of all.
struct Watched {
  explicit Watched(const SubscriptionIndex& in) : index(in) {
    while (SubscriptionIndex::PlaceOf(other).literal == SubscriptionIndex::PlaceOf("a.b").literal ||
           SubscriptionIndex::PlaceOf(other).branch == SubscriptionIndex::PlaceOf("a").branch) {
      other.insert(0, "x");
    }
    Look();
  }
  void Look() {
    seen = index.Current(SubscriptionIndex::PlaceOf("a.b"));
    other_seen = index.Current(SubscriptionIndex::PlaceOf(other));
  }
  // Which of the two have changed since the last call: "a.b", the other.
  std::pair<bool, bool> Changed() {
    const auto before = std::pair(seen, other_seen);
    Look();
    return {seen != before.first, other_seen != before.second};
  }

  const SubscriptionIndex& index;
  std::string other = "other.x";
  SubscriptionIndex::Stamp seen;
  SubscriptionIndex::Stamp other_seen;
};

TEST(SubscriptionIndexTest, AChangeStampsOnlyWhatItsPatternCanCover) {
  SubscriptionIndex index;
  Watched watched(index);
  const std::pair<bool, bool> kOne{true, false};
  const std::pair<bool, bool> kBoth{true, true};
  for (const char* pattern : {"a.b", "a.*", "a.>", "a.*.c"}) {
    index.Insert(pattern, "", At(0, 1));
    EXPECT_EQ(watched.Changed(), kOne) << pattern;
    index.Remove(pattern, "", At(0, 1));
    EXPECT_EQ(watched.Changed(), kOne) << pattern;
  }
  for (const char* pattern : {"*", ">", "*.b", "*.*.>"}) {
    index.Insert(pattern, "", At(0, 1));
    EXPECT_EQ(watched.Changed(), kBoth) << pattern;
    index.Remove(pattern, "", At(0, 1));
    EXPECT_EQ(watched.Changed(), kBoth) << pattern;
  }
  EXPECT_EQ(watched.Changed(), std::pair(false, false));
  EXPECT_NE(SubscriptionIndex::Stamp(), watched.seen);
}

TEST(SubscriptionIndexTest, WhateverMatchesIsStamped) {
  Random random(11);
  const std::vector<std::string> tokens = {"a", "b", "*", ">", "a*", "cc"};
  for (int round = 0; round < 2'000; ++round) {
    std::string pattern;
    std::string subject;
    for (uint64_t i = 0, count = random.Below(3) + 1; i < count; ++i) {
      pattern += (i == 0 ? "" : ".") + tokens[random.Below(tokens.size())];
      subject += (i == 0 ? "" : ".") + tokens[random.Below(tokens.size())];
    }
    if (!protocol::IsValidPattern(pattern)) {
      continue;
    }
    SubscriptionIndex index;
    const auto place = SubscriptionIndex::PlaceOf(subject);
    const auto before = index.Current(place);
    index.Insert(pattern, "", At(0, 1));
    MatchResult result;
    index.Match(subject, result);
    if (!result.empty()) {
      EXPECT_NE(index.Current(place), before) << pattern << " " << subject;
    }
  }
}

// Readers match while others subscribe: whoever saw an insertion returned finds it.
TEST(SubscriptionIndexConcurrencyTest, ASubscriptionIsVisibleOnceInsertHasReturned) {
  SubscriptionIndex index;
  std::atomic<uint32_t> inserted{0};
  std::atomic<bool> stop{false};
  std::atomic<int> missed{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      MatchResult result;
      while (!stop) {
        uint32_t floor = inserted.load();
        index.Match("a.b", result);
        missed += result.targets.size() < floor ? 1 : 0;
      }
    });
  }
  std::thread churn([&] {
    Random random(1);
    for (int i = 0; i < 3000; ++i) {
      std::string pattern = testing_support::RandomPattern(random);
      index.Insert(pattern, "q", At(1, 1));
      index.Remove(pattern, "q", At(1, 1));
    }
  });
  for (uint32_t i = 0; i < 500; ++i) {
    index.Insert(i % 2 == 0 ? "a.b" : "a.*", "", At(0, i));
    inserted = i + 1;
  }
  churn.join();
  stop = true;
  for (auto& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(missed.load(), 0);
  EXPECT_EQ(index.size(), 500U);
}

struct Listener : SubscriptionIndex::Listener {
  explicit Listener(const SubscriptionIndex& of) : index(of) {}
  void OnChange(uint64_t watch) override {
    told.push_back(watch);
    there = index.ContainsLiteral("a.b", "");
  }
  const SubscriptionIndex& index;
  std::vector<uint64_t> told;
  bool there = false;
};

TEST(SubscriptionIndexTest, WhoWatchesASubjectIsToldOfItsSubscriptionsAlone) {
  SubscriptionIndex index;
  Listener one(index);
  Listener two(index);
  index.Watch("a.b", one, 1);
  index.Watch("a.b", two, 7);
  index.Watch("a.c", one, 2);

  index.Insert("a.*", "", At(0, 1));
  index.Insert("a.d", "", At(0, 1));
  EXPECT_THAT(one.told, IsEmpty());
  index.Insert("a.b", "", At(0, 1));
  EXPECT_THAT(one.told, ElementsAre(1));
  EXPECT_TRUE(one.there) << "when it is told of, it is there";
  EXPECT_THAT(two.told, ElementsAre(7));
  index.Unwatch("a.b", two, 7);
  index.Remove("a.b", "", At(0, 1));
  EXPECT_THAT(one.told, ElementsAre(1, 1));
  EXPECT_FALSE(one.there);
  EXPECT_THAT(two.told, ElementsAre(7));

  index.Unwatch("a.b", one, 1);
  index.Insert("a.b", "", At(0, 1));
  EXPECT_THAT(one.told, ElementsAre(1, 1));
}

TEST(SubscriptionIndexTest, ALiteralIsThereInTheGroupOfItsSubscriber) {
  SubscriptionIndex index;
  index.Insert("a.*", "", At(0, 1));
  index.Insert("a.b", "q", At(0, 1));

  EXPECT_TRUE(index.ContainsLiteral("a.b"));
  EXPECT_TRUE(index.ContainsLiteral("a.b", "q"));
  EXPECT_FALSE(index.ContainsLiteral("a.b", ""));
  EXPECT_FALSE(index.ContainsLiteral("a.b", "r"));
  EXPECT_FALSE(index.ContainsLiteral("a.c", "q"));
}

}  // namespace
}  // namespace weir::server

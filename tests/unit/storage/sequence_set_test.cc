#include "storage/sequence_set.h"

#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(SequenceSetTest, CountsWhatIsNewOnly) {
  SequenceSet set;

  EXPECT_TRUE(set.Insert(5));
  EXPECT_FALSE(set.Insert(5));
  EXPECT_EQ(set.InsertRange(4, 6), 2u);

  EXPECT_EQ(set.size(), 3u);
  EXPECT_TRUE(set.Contains(4));
  EXPECT_FALSE(set.Contains(7));
}

TEST(SequenceSetTest, HugeGapCostsNothingAndIsOneRun) {
  SequenceSet set;

  EXPECT_EQ(set.InsertRange(10, 5'000'000'000'000), 5'000'000'000'000u - 9);

  EXPECT_THAT(set.Runs(10), ElementsAre(Pair(10, 5'000'000'000'000)));
  EXPECT_EQ(set.NextAbsent(10), 5'000'000'000'001u);
  EXPECT_EQ(set.PreviousAbsent(4'000'000'000'000), 9u);
}

TEST(SequenceSetTest, EraseBelowSplitsAWholePage) {
  SequenceSet set;
  set.InsertRange(0, 4095);

  set.EraseBelow(1500);

  EXPECT_EQ(set.size(), 4096u - 1500);
  EXPECT_FALSE(set.Contains(1499));
  EXPECT_TRUE(set.Contains(1500));
  EXPECT_THAT(set.Runs(10), ElementsAre(Pair(1500, 4095)));
}

TEST(SequenceSetTest, RunsStopAtTheLimit) {
  SequenceSet set;
  for (StreamSeq seq = 1; seq < 100; seq += 2) {
    set.Insert(seq);
  }

  EXPECT_THAT(set.Runs(2), ElementsAre(Pair(1, 1), Pair(3, 3)));
}

TEST(SequenceSetTest, PagesSurviveEncodingInEveryForm) {
  for (uint64_t count : {1u, 56u, 57u, 1023u, 1024u}) {
    SCOPED_TRACE(count);
    SequenceSet set;
    set.InsertRange(2048, 2048 + count - 1);

    SequenceSet copy;
    ASSERT_TRUE(copy.MergePage(2, set.EncodePage(2)));

    EXPECT_EQ(copy.Runs(10), set.Runs(10));
    EXPECT_EQ(copy.size(), count);
  }
  EXPECT_THAT(SequenceSet().EncodePage(0), IsEmpty());
}

TEST(SequenceSetTest, DamagedPageIsRefused) {
  SequenceSet set;

  EXPECT_FALSE(set.MergePage(0, ""));
  EXPECT_FALSE(set.MergePage(0, "\x07"));
  EXPECT_FALSE(set.MergePage(0, std::string_view("\x02\x00\x04", 3)));  // position 1024
  EXPECT_FALSE(set.MergePage(0, std::string(100, '\x03')));

  EXPECT_TRUE(set.empty());
}

TEST(SequenceSetTest, AgreesWithAnOrderedSetUnderRandomChanges) {
  std::mt19937_64 random(20261121);
  SequenceSet set;
  std::set<StreamSeq> model;
  auto pick = [&] {
    return random() % 9000;
  };
  auto absent = [&](StreamSeq seq) {
    return model.count(seq) == 0;
  };

  for (int step = 0; step < 400; ++step) {
    SCOPED_TRACE(step);
    StreamSeq first = pick();
    StreamSeq last = first + (random() % 8 == 0 ? random() % 3000 : random() % 3);
    uint64_t added = 0;
    for (StreamSeq seq = first; seq <= last; ++seq) {
      added += model.insert(seq).second ? 1 : 0;
    }
    ASSERT_EQ(set.InsertRange(first, last), added);
    if (step % 40 == 39) {
      StreamSeq below = pick() / 4;
      set.EraseBelow(below);
      model.erase(model.begin(), model.lower_bound(below));
    }
    ASSERT_EQ(set.size(), model.size());

    StreamSeq at = pick();
    StreamSeq next = at;
    while (!absent(next)) {
      ++next;
    }
    ASSERT_EQ(set.NextAbsent(at), next);
    StreamSeq previous = at;
    while (previous != 0 && !absent(previous)) {
      --previous;
    }
    ASSERT_EQ(set.PreviousAbsent(at), previous);
    StreamSeq end = at + random() % 4000;
    auto inside =
        static_cast<uint64_t>(std::distance(model.lower_bound(at), model.upper_bound(end)));
    ASSERT_EQ(set.CountIn(at, end), inside);
    SequenceSet slice = set.Slice(at, end);
    ASSERT_EQ(slice.CountIn(at, end), inside);
    ASSERT_EQ(slice.size(), inside);
    uint64_t n = 1 + random() % 3000;
    StreamSeq nth = at;
    for (uint64_t left = n;; ++nth) {
      if (absent(nth) && --left == 0) {
        break;
      }
    }
    ASSERT_EQ(set.NthAbsent(at, n), nth);
  }
}

}  // namespace
}  // namespace weir::storage

#include "storage/stream_index.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "protocol/base/strings.h"

namespace weir::storage {
namespace {

using ::testing::UnorderedElementsAre;

std::vector<std::string> Matching(const StreamIndex& index, std::string_view pattern) {
  std::vector<std::string> found;
  index.ForEach(pattern, [&](StreamIndex::SubjectId id) {
    found.emplace_back(index.text(id));
    return true;
  });
  return found;
}

TEST(StreamIndexTest, KnowsFirstLastAndCountOfEachSubject) {
  StreamIndex index;
  index.Add("a", 1);
  index.Add("b", 2);
  index.Add("a", 3);
  index.Add("a", 9);

  auto a = index.Find("a");
  ASSERT_TRUE(a.has_value());
  EXPECT_EQ(a->first, 1u);
  EXPECT_EQ(a->last, 9u);
  EXPECT_EQ(a->messages, 3u);
  EXPECT_EQ(index.num_subjects(), 2u);
  EXPECT_FALSE(index.Find("c").has_value());
}

TEST(StreamIndexTest, BoundsStayExactWhileTheSubjectHasFewMessages) {
  StreamIndex index;
  for (StreamSeq seq = 10; seq <= 60; seq += 10) {
    index.Add("a", seq);
  }

  index.Remove("a", 10);
  index.Remove("a", 60);
  index.Remove("a", 30);

  auto a = index.Find("a");
  EXPECT_EQ(a->first, 20u);
  EXPECT_EQ(a->last, 50u);
  EXPECT_EQ(a->messages, 3u);
  EXPECT_TRUE(a->first_exact && a->last_exact);
  StreamIndex::SubjectId id = index.FindId("a");
  EXPECT_EQ(index.NextOf(id, 21), 40u);
  EXPECT_EQ(index.NextOf(id, 41), 50u);
  EXPECT_EQ(index.NextOf(id, 51), 0u);
}

TEST(StreamIndexTest, BoundsOfALongSubjectBecomeLimitsUntilTold) {
  StreamIndex index;
  for (StreamSeq seq = 1; seq <= 200; ++seq) {
    index.Add("a", seq * 2);
  }

  index.Remove("a", 2);
  index.Remove("a", 400);

  auto a = index.Find("a");
  EXPECT_FALSE(a->first_exact);
  EXPECT_FALSE(a->last_exact);
  EXPECT_LE(a->first, 4u);
  EXPECT_GE(a->last, 398u);
  StreamIndex::SubjectId id = index.FindId("a");
  EXPECT_EQ(index.NextOf(id, 4), std::nullopt);
  index.SetFirst(id, 4);
  EXPECT_EQ(index.NextOf(id, 1), 4u);
}

TEST(StreamIndexTest, SubjectWithoutMessagesIsForgottenAndItsPlaceReused) {
  StreamIndex index;
  StreamIndex::SubjectId id = index.Add("a", 1);
  index.Remove("a", 1);

  EXPECT_FALSE(index.Find("a").has_value());
  EXPECT_EQ(index.num_subjects(), 0u);
  EXPECT_EQ(index.Add("b", 2), id);
  EXPECT_EQ(index.text(id), "b");
}

TEST(StreamIndexTest, PatternsFindTheirSubjects) {
  StreamIndex index;
  index.Add("orders.eu.new", 1);
  index.Add("orders.us.new", 2);
  index.Add("orders.eu.old", 3);

  EXPECT_THAT(Matching(index, "orders.*.new"),
              UnorderedElementsAre("orders.eu.new", "orders.us.new"));
  EXPECT_THAT(Matching(index, "orders.eu.old"), UnorderedElementsAre("orders.eu.old"));
  EXPECT_EQ(Matching(index, ">").size(), 3u);
  EXPECT_EQ(Matching(index, "").size(), 3u);
  EXPECT_TRUE(Matching(index, "x.>").empty());
}

TEST(StreamIndexTest, FewOfManySubjectsAreFoundOnceEach) {
  StreamIndex index;
  StreamSeq seq = 0;
  for (int i = 0; i < 5'000; ++i) {
    index.Add(Cat("s.", i % 1000, ".", i / 1000), ++seq);
  }
  // Gone, gone and back with their texts elsewhere, and new ones in the place of old ones.
  for (int i = 0; i < 1'000; ++i) {
    index.Remove(Cat("s.", i, ".3"), static_cast<StreamSeq>(3'000 + i + 1));
  }
  index.Add("s.7.3", ++seq);
  index.Add("t.7.3", ++seq);

  EXPECT_THAT(Matching(index, "s.7.*"),
              UnorderedElementsAre("s.7.0", "s.7.1", "s.7.2", "s.7.3", "s.7.4"));
  EXPECT_THAT(Matching(index, "s.*.3"), UnorderedElementsAre("s.7.3"));
  EXPECT_THAT(Matching(index, "*.7.3"), UnorderedElementsAre("s.7.3", "t.7.3"));
  EXPECT_EQ(Matching(index, "s.*.4").size(), 1'000u);
  EXPECT_EQ(Matching(index, "s.>").size(), 4'001u);
  EXPECT_TRUE(Matching(index, "s.*.9").empty());
}

TEST(StreamIndexTest, SubjectsThatComeAndGoDoNotPileUp) {
  StreamIndex index;
  for (StreamSeq seq = 1; seq <= 200'000; ++seq) {
    index.Add(Cat("session.", seq), seq);
    if (seq > 1000) {
      index.Remove(Cat("session.", seq - 1000), seq - 1000);
    }
  }

  EXPECT_EQ(index.num_subjects(), 1000u);
  EXPECT_LE(index.memory_bytes(), 300'000u);
  EXPECT_EQ(index.Find("session.199500")->first, 199'500u);
}

TEST(StreamIndexTest, ManySubjectsStayCompact) {
  StreamIndex index;
  constexpr uint64_t kSubjects = 200'000;
  uint64_t text = 0;
  for (StreamSeq seq = 1; seq <= kSubjects; ++seq) {
    std::string subject = Cat("device.", seq, ".state");
    text += subject.size();
    index.Add(subject, seq);
  }

  EXPECT_LE(index.memory_bytes(), text + kSubjects * 80);
}

}  // namespace
}  // namespace weir::storage

#include "protocol/subject_tree.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/nuid.h"
#include "tests/support/naive_subjects.h"

namespace weir::protocol {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;
using testing_support::NaiveMatches;
using testing_support::RandomPattern;
using testing_support::RandomSubject;

std::vector<int> Found(const SubjectTree<int>& tree, std::string_view subject) {
  std::vector<int> out;
  tree.Match(subject, [&out](int value) { out.push_back(value); });
  std::sort(out.begin(), out.end());
  return out;
}

TEST(SubjectTreeTest, FindsLiteralsAndWildcards) {
  SubjectTree<int> tree;
  tree.Insert("a.b", 1);
  tree.Insert("a.*", 2);
  tree.Insert("a.>", 3);
  tree.Insert(">", 4);
  tree.Insert("*.b", 5);
  tree.Insert("a.b.c", 6);
  EXPECT_THAT(Found(tree, "a.b"), UnorderedElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(Found(tree, "a"), UnorderedElementsAre(4));
  EXPECT_THAT(Found(tree, "a.b.c"), UnorderedElementsAre(3, 4, 6));
  EXPECT_THAT(Found(tree, "x.b"), UnorderedElementsAre(4, 5));
  EXPECT_EQ(tree.size(), 6U);
}

TEST(SubjectTreeTest, WildcardCharactersOfASubjectAreLiteral) {
  SubjectTree<int> tree;
  tree.Insert("a.b", 1);
  tree.Insert("a.*", 2);
  tree.Insert("a.>", 3);
  EXPECT_THAT(Found(tree, "a.*"), UnorderedElementsAre(2, 3));
  EXPECT_THAT(Found(tree, "a.>"), UnorderedElementsAre(2, 3));
}

TEST(SubjectTreeTest, ASubjectWithAnEmptyTokenMatchesNothing) {
  SubjectTree<int> tree;
  tree.Insert(">", 1);
  tree.Insert("*", 2);
  tree.Insert("a.>", 3);
  for (std::string_view subject : {"", ".", "a.", ".a", "a..b", "a.b."}) {
    EXPECT_THAT(Found(tree, subject), IsEmpty()) << subject;
  }
}

TEST(SubjectTreeTest, APatternIsNoLiteral) {
  SubjectTree<int> tree;
  tree.Insert("a.*", 1);
  tree.Insert("a.>", 2);
  tree.Insert("a.b.c", 3);

  EXPECT_FALSE(tree.ContainsLiteral("a.b"));
  EXPECT_FALSE(tree.ContainsLiteral("a.b.c.d"));
  EXPECT_TRUE(tree.ContainsLiteral("a.b.c"));
}

TEST(SubjectTreeTest, OneValueMayStandManyTimes) {
  SubjectTree<int> tree;
  tree.Insert("a", 1);
  tree.Insert("a", 1);
  tree.Insert("a", 2);
  EXPECT_TRUE(tree.Remove("a", 1));
  EXPECT_THAT(Found(tree, "a"), UnorderedElementsAre(1, 2));
  EXPECT_FALSE(tree.Remove("a", 3));
  EXPECT_FALSE(tree.Remove("b", 1));
  EXPECT_FALSE(tree.Remove("*", 1));
  EXPECT_FALSE(tree.Remove(">", 1));
  EXPECT_EQ(tree.size(), 2U);
}

TEST(SubjectTreeTest, AgreesWithANaiveMatcherUnderRandomChanges) {
  Random random(3);
  SubjectTree<int> tree;
  std::vector<std::pair<std::string, int>> model;
  for (int i = 0; i < 20'000; ++i) {
    if (model.size() < 60 || random.Below(2) == 0) {
      std::string pattern = RandomPattern(random);
      int value = static_cast<int>(random.Below(20));
      tree.Insert(pattern, value);
      model.emplace_back(pattern, value);
    } else {
      size_t at = random.Below(model.size());
      ASSERT_TRUE(tree.Remove(model[at].first, model[at].second));
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (model.size() > 120) {
      model.resize(120 - 60);
      SubjectTree<int> fresh;
      for (const auto& [pattern, value] : model) {
        fresh.Insert(pattern, value);
      }
      tree = std::move(fresh);
    }
    std::string subject = RandomSubject(random);
    std::vector<int> expected;
    for (const auto& [pattern, value] : model) {
      if (NaiveMatches(subject, pattern)) {
        expected.push_back(value);
      }
    }
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(Found(tree, subject), expected) << subject;
    ASSERT_EQ(tree.size(), model.size());
  }
  size_t all = 0;
  tree.ForEach([&all](int) { ++all; });
  EXPECT_EQ(all, model.size());
}

}  // namespace
}  // namespace weir::protocol

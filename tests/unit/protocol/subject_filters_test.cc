#include "protocol/subject_filters.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "protocol/subject.h"

namespace weir::protocol {
namespace {

TEST(SubjectFilters, NoFilterAndTheFullWildcardCoverEverything) {
  EXPECT_TRUE(SubjectFilters().covers_all());
  EXPECT_TRUE(SubjectFilters({""}).covers_all());
  SubjectFilters with_all{"a", ">"};
  EXPECT_TRUE(with_all.covers_all());
  EXPECT_TRUE(with_all.Match("anything.at.all"));
}

TEST(SubjectFilters, AShortList) {
  SubjectFilters filters{"a.b", "c.*"};
  EXPECT_FALSE(filters.literal());
  EXPECT_TRUE(filters.Match("a.b"));
  EXPECT_TRUE(filters.Match("c.x"));
  EXPECT_FALSE(filters.Match("c"));
  EXPECT_FALSE(filters.Match("c.x.y"));
}

// What the lookup tables say is what comparing with each pattern says.
TEST(SubjectFilters, ALongListAnswersAsItsPatternsDo) {
  std::mt19937 random(7);
  auto token = [&] {
    return std::string(1, static_cast<char>('a' + random() % 4));
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> patterns;
    for (int i = 0; i < 12; ++i) {
      std::string pattern;
      for (uint32_t tokens = 1 + random() % 4; tokens > 0; --tokens) {
        pattern += pattern.empty() ? "" : ".";
        pattern += random() % 4 == 0 ? "*" : token();
      }
      patterns.push_back(random() % 5 == 0 ? pattern + ".>" : pattern);
    }
    SubjectFilters filters(patterns);
    for (int i = 0; i < 50; ++i) {
      std::string subject = token();
      for (uint32_t tokens = random() % 4; tokens > 0; --tokens) {
        subject += "." + token();
      }
      bool expected = std::any_of(patterns.begin(), patterns.end(),
                                  [&](const auto& p) { return Matches(subject, p); });
      EXPECT_EQ(filters.Match(subject), expected) << subject;
    }
  }
}

}  // namespace
}  // namespace weir::protocol

#include "protocol/pattern_matcher.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/base/nuid.h"
#include "protocol/subject.h"

namespace weir::protocol {
namespace {

TEST(PatternMatcherTest, WildcardsInTheMiddle) {
  const PatternMatcher matcher("a.*.7");
  EXPECT_TRUE(matcher.Match("a.b.7"));
  EXPECT_TRUE(matcher.Match("a.*.7"));
  EXPECT_FALSE(matcher.Match("a.b.17"));
  EXPECT_FALSE(matcher.Match("a.b.c.7"));
  EXPECT_FALSE(matcher.Match("a..7"));
  EXPECT_FALSE(matcher.Match("a.7"));
  EXPECT_FALSE(matcher.Match("aa.b.7"));
  EXPECT_EQ(matcher.pattern(), "a.*.7");
}

TEST(PatternMatcherTest, WithoutAWildcardOnlyTheSame) {
  const PatternMatcher matcher("a.b");
  EXPECT_TRUE(matcher.Match("a.b"));
  EXPECT_FALSE(matcher.Match("a.b.c"));
  EXPECT_FALSE(matcher.Match("a.c"));
  EXPECT_FALSE(matcher.Match("a"));
}

std::string RandomText(Random& random, const std::vector<std::string>& tokens) {
  std::string text;
  for (uint64_t i = 0, count = random.Below(5) + 1; i < count; ++i) {
    text += (i == 0 ? "" : ".") + tokens[random.Below(tokens.size())];
  }
  return text;
}

TEST(PatternMatcherTest, AnswersAsTheComparisonOfTokensDoes) {
  Random random(7);
  int matched = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string pattern = RandomText(random, {"a", "b", "ab", "*", "*", ">"});
    const std::string subject = RandomText(random, {"a", "b", "ab", "*", ">", ""});
    const bool expected = Matches(subject, pattern);
    ASSERT_EQ(PatternMatcher(pattern).Match(subject), expected) << pattern << " " << subject;
    matched += expected ? 1 : 0;
  }
  EXPECT_GT(matched, 2'000);
}

}  // namespace
}  // namespace weir::protocol

#include "protocol/subject.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/base/nuid.h"
#include "protocol/base/strings.h"
#include "tests/support/naive_subjects.h"

namespace weir::protocol {
namespace {

using testing_support::NaiveMatches;
using testing_support::RandomPattern;
using testing_support::RandomSubject;

TEST(SubjectTest, Tokens) {
  EXPECT_EQ(TokenCount(""), 0U);
  EXPECT_EQ(TokenCount("a"), 1U);
  EXPECT_EQ(TokenCount("a..b"), 3U);
  EXPECT_EQ(TokenAt("a.b.c", 1), "b");
  EXPECT_EQ(TokenAt("a.b.c", 3), "");
  TokenCursor cursor("a.b");
  ASSERT_TRUE(cursor.Next());
  EXPECT_EQ(cursor.rest(), "b");
  EXPECT_FALSE(cursor.last());
  ASSERT_TRUE(cursor.Next());
  EXPECT_TRUE(cursor.last());
  EXPECT_FALSE(cursor.Next());
}

TEST(SubjectTest, ValidPatterns) {
  for (std::string_view good : {"a", "a.b", "*", ">", "a.*", "a.>", "*.*.>", "a*b", "a>b", "a.b>",
                                "**", "\xff", "$SYS.x"}) {
    EXPECT_TRUE(IsValidPattern(good)) << good;
  }
  for (std::string_view bad : {"", ".", "a.", ".a", "a..b", ">.a", "a.>.b", ".>", "..", "*."}) {
    EXPECT_FALSE(IsValidPattern(bad)) << bad;
  }
}

TEST(SubjectTest, ConfiguredPatternsHaveNoBlanks) {
  EXPECT_TRUE(IsValidConfigPattern("a.*"));
  for (std::string_view bad : {"a b", "a\tb", "a\r", "a\n", "a\f", "", "a..b"}) {
    EXPECT_FALSE(IsValidConfigPattern(bad)) << bad;
  }
}

TEST(SubjectTest, LiteralsHaveNoWholeTokenWildcard) {
  for (std::string_view good : {"a", "a.b", "a*", "a.>b", "a.*b"}) {
    EXPECT_TRUE(IsValidLiteral(good)) << good;
    EXPECT_FALSE(HasWildcard(good)) << good;
  }
  for (std::string_view bad : {"*", ">", "a.*", "a.>", "a.*.b"}) {
    EXPECT_FALSE(IsValidLiteral(bad)) << bad;
    EXPECT_TRUE(HasWildcard(bad)) << bad;
  }
  EXPECT_FALSE(IsValidLiteral("a..b"));
}

TEST(SubjectTest, Matching) {
  struct Row {
    std::string_view subject, pattern;
    bool matches;
  };
  for (const Row& row : {Row{"a", "a", true},
                         {"a", "b", false},
                         {"a", "A", false},
                         {"a.b", "a.*", true},
                         {"a", "a.*", false},
                         {"a.b.c", "a.*", false},
                         {"a.b.c", "a.>", true},
                         {"a", "a.>", false},
                         {"a", ">", true},
                         {"a.b", "*.b", true},
                         {"a.b", "*", false},
                         {"a.*", "a.*", true},
                         {"a.>", "a.*", true},
                         {"a.>", "a.b", false},
                         {"a.b", "a.b.>", false},
                         {"a..c", "a.*.c", false}}) {
    EXPECT_EQ(Matches(row.subject, row.pattern), row.matches) << row.subject << ' ' << row.pattern;
  }
}

TEST(SubjectTest, MatchesAgreesWithANaiveMatcher) {
  Random random(1);
  int matched = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string subject = RandomSubject(random);
    std::string pattern = RandomPattern(random);
    bool expected = NaiveMatches(subject, pattern);
    matched += expected ? 1 : 0;
    ASSERT_EQ(Matches(subject, pattern), expected) << subject << ' ' << pattern;
  }
  EXPECT_GT(matched, 2000);
}

// All literals of at most four tokens of a small alphabet: wide enough for every pair of patterns
// of at most three.
std::vector<std::string> AllSubjects() {
  std::vector<std::string> out;
  std::vector<std::string> last = {""};
  for (int length = 0; length < 4; ++length) {
    std::vector<std::string> next;
    for (const std::string& head : last) {
      for (std::string_view token : {"a", "b", "c"}) {
        next.push_back(head.empty() ? std::string(token) : Cat(head, ".", token));
      }
    }
    out.insert(out.end(), next.begin(), next.end());
    last = next;
  }
  return out;
}

TEST(SubjectTest, OverlapAndSubsetAgreeWithTheSetsOfSubjects) {
  std::vector<std::string> subjects = AllSubjects();
  Random random(2);
  for (int i = 0; i < 3000; ++i) {
    std::string a = RandomPattern(random, 3, 2);
    std::string b = RandomPattern(random, 3, 2);
    bool overlap = false;
    bool subset = true;
    for (const std::string& subject : subjects) {
      bool in_a = NaiveMatches(subject, a);
      bool in_b = NaiveMatches(subject, b);
      overlap |= in_a && in_b;
      subset &= !in_a || in_b;
    }
    ASSERT_EQ(Overlap(a, b), overlap) << a << ' ' << b;
    ASSERT_EQ(Overlap(b, a), overlap) << a << ' ' << b;
    ASSERT_EQ(IsSubset(a, b), subset) << a << ' ' << b;
  }
}

}  // namespace
}  // namespace weir::protocol

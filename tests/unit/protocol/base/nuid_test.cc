#include "protocol/base/nuid.h"

#include <array>
#include <cctype>
#include <set>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(RandomTest, OneSeedGivesOneSequence) {
  Random a(1);
  Random b(1);
  Random c(2);
  EXPECT_EQ(a.Next(), b.Next());
  EXPECT_NE(a.Next(), c.Next());
}

TEST(RandomTest, WithoutASeedGeneratorsDiffer) {
  Random a;
  Random b;
  EXPECT_NE(a.Next(), b.Next());
}

TEST(RandomTest, BelowIsUniform) {
  Random random(3);
  std::array<int, 10> hits{};
  for (int i = 0; i < 100'000; ++i) {
    ++hits.at(random.Below(10));
  }
  for (int count : hits) {
    EXPECT_NEAR(count, 10'000, 600);
  }
  EXPECT_EQ(random.Below(1), 0U);
}

TEST(NuidTest, IsTwentyTwoLettersAndDigitsAndNew) {
  Random random(4);
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    std::string id = Nuid(random);
    ASSERT_EQ(id.size(), 22U);
    for (char c : id) {
      ASSERT_TRUE(std::isalnum(static_cast<unsigned char>(c))) << id;
    }
    ASSERT_TRUE(seen.insert(id).second);
  }
  EXPECT_EQ(RandomName(random, 0), "");
}

}  // namespace
}  // namespace weir

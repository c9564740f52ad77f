#include "jetstream/schedule.h"

#include <gtest/gtest.h>

#include "protocol/base/strings.h"

namespace weir::jetstream {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(ScheduleTest, ATimeFiresOnce) {
  auto firing = NextFiring("@at 2030-01-01T00:00:00Z", std::nullopt, 0, 0);

  ASSERT_TRUE(firing);
  EXPECT_EQ(firing->at_ns, *ParseTime("2030-01-01T00:00:00Z"));
  EXPECT_FALSE(firing->repeats);
}

TEST(ScheduleTest, AnIntervalSkipsWhatWasMissed) {
  EXPECT_EQ(NextFiring("@every 5s", std::nullopt, 10 * kSecond, 11 * kSecond)->at_ns, 15 * kSecond);
  EXPECT_EQ(NextFiring("@every 5s", std::nullopt, 10 * kSecond, 100 * kSecond)->at_ns,
            105 * kSecond);
}

TEST(ScheduleTest, NamesStandForPatterns) {
  EXPECT_EQ(NextFiring("@hourly", std::nullopt, 0, 0)->at_ns, 3600 * kSecond);
  EXPECT_EQ(NextFiring("0 0 * * * *", std::nullopt, 0, 0)->at_ns, 3600 * kSecond);
}

TEST(ScheduleTest, OnlyPatternsHaveAZone) {
  auto zone = FindZone("Europe/Berlin");
  ASSERT_TRUE(zone);
  EXPECT_TRUE(NextFiring("@daily", zone, 0, 0));
  EXPECT_FALSE(NextFiring("@every 5s", zone, 0, 0));
  EXPECT_FALSE(NextFiring("@at 2030-01-01T00:00:00Z", zone, 0, 0));
  for (const char* name : {"", "Nowhere/City", "/etc/passwd", "../UTC"}) {
    EXPECT_FALSE(FindZone(name)) << name;
  }
}

TEST(ScheduleTest, WhatIsNoPatternIsRefused) {
  for (const char* pattern : {"", "@at x", "@every 100ms", "@every 5", "@sometimes", "x"}) {
    EXPECT_FALSE(NextFiring(pattern, std::nullopt, 0, 0)) << pattern;
  }
}

}  // namespace
}  // namespace weir::jetstream

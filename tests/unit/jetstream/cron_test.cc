#include "jetstream/cron.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

std::string Next(std::string_view pattern, std::string_view after, const char* zone = "UTC") {
  absl::Time time;
  std::string error;
  absl::TimeZone where;
  if (!absl::ParseTime(absl::RFC3339_full, std::string(after), &time, &error) ||
      !absl::LoadTimeZone(zone, &where)) {
    return "bad test";
  }
  auto next = NextCron(pattern, where, time);
  return next ? absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *next, absl::UTCTimeZone()) : "none";
}

TEST(CronTest, EveryFieldCounts) {
  EXPECT_EQ(Next("* * * * * *", "2026-01-01T00:00:00Z"), "2026-01-01T00:00:01Z");
  EXPECT_EQ(Next("30 5 4 * * *", "2026-01-01T04:05:30Z"), "2026-01-02T04:05:30Z");
  EXPECT_EQ(Next("0 */15 9-17 * * mon-fri", "2026-01-02T17:45:00Z"), "2026-01-05T09:00:00Z");
  EXPECT_EQ(Next("0 0 0 29 feb ?", "2026-01-01T00:00:00Z"), "2028-02-29T00:00:00Z");
  EXPECT_EQ(Next("0 0 0 1,15 jan-mar *", "2026-01-15T00:00:00Z"), "2026-02-01T00:00:00Z");
}

TEST(CronTest, OneOfTwoFieldsOfDaysIsEnough) {
  EXPECT_EQ(Next("0 0 0 13 * fri", "2026-01-01T00:00:00Z"), "2026-01-02T00:00:00Z");
  EXPECT_EQ(Next("0 0 0 13 * *", "2026-01-01T00:00:00Z"), "2026-01-13T00:00:00Z");
}

TEST(CronTest, AZoneHasItsOwnHours) {
  EXPECT_EQ(Next("0 0 8 * * *", "2026-07-01T00:00:00Z", "Europe/Berlin"), "2026-07-01T06:00:00Z");
  EXPECT_EQ(Next("0 0 8 * * *", "2026-01-01T00:00:00Z", "Europe/Berlin"), "2026-01-01T07:00:00Z");
}

TEST(CronTest, WhatIsNoPatternIsRefused) {
  for (const char* pattern :
       {"", "* * * * *", "60 * * * * *", "5-1 * * * * *", "*/0 * * * * *", "0 0 0 0 * *",
        "0 0 0 1 xyz *", "0 0 0 30 feb *", "1-2-3 * * * * *"}) {
    EXPECT_EQ(Next(pattern, "2026-01-01T00:00:00Z"), "none") << pattern;
  }
}

}  // namespace
}  // namespace weir::jetstream

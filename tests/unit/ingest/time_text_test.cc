#include "ingest/time_text.h"

#include <gtest/gtest.h>

namespace weir::ingest {
namespace {

TEST(TimeTextTest, MicrosecondsAreAlwaysThere) {
  TimeText time;
  EXPECT_EQ(time.FromNanoseconds(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(time.FromNanoseconds(1'700'000'000'123'456'789), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(time.FromMicroseconds(1'700'000'000'000'001), "2023-11-14T22:13:20.000001Z");
}

TEST(TimeTextTest, LeapDaysAndTheTimeBeforeTheEpoch) {
  TimeText time;
  EXPECT_EQ(time.FromMicroseconds(1'709'164'800'000'000), "2024-02-29T00:00:00.000000Z");
  EXPECT_EQ(time.FromNanoseconds(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(time.FromMicroseconds(INT64_MAX).substr(0, 19), "9999-12-31T23:59:59");
  EXPECT_EQ(time.FromMicroseconds(INT64_MIN).substr(0, 19), "0000-01-01T00:00:00");
}

}  // namespace
}  // namespace weir::ingest

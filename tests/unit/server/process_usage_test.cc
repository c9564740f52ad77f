#include "server/process_usage.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(ProcessUsageTest, AProcessHasMemoryAndCores) {
  ProcessUsage usage;

  EXPECT_GT(usage.Read(kSecond).resident_bytes, 100'000);
  EXPECT_GE(AvailableCores(), 1);
}

TEST(ProcessUsageTest, TheShareIsThatBetweenReadingsASecondApart) {
  ProcessUsage usage;
  EXPECT_EQ(usage.Read(kSecond).cpu_percent, 0);

  volatile uint64_t sum = 0;
  for (uint64_t i = 0; i < 100'000'000; ++i) {
    sum = sum + i;
  }

  EXPECT_EQ(usage.Read(kSecond + 1).cpu_percent, 0) << "too soon for a new sample";
  EXPECT_GT(usage.Read(2 * kSecond).cpu_percent, 0);
}

}  // namespace
}  // namespace weir::server

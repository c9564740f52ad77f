#include "server/start_memory.h"

#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace weir::server {
namespace {

// Resident kilobytes of files that are mapped.
int64_t ResidentFiles() {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kilobytes = -1;
  while (status >> word) {
    if (word == "RssFile:") {
      status >> kilobytes;
    }
  }
  return kilobytes;
}

TEST(StartMemoryTest, CodeLeavesTheWorkingSetAndStillRuns) {
  int64_t before = ResidentFiles();
  ASSERT_GT(before, 0);

  GiveBackStartMemory();

  EXPECT_LT(ResidentFiles(), before);
  EXPECT_EQ(std::to_string(before + 1), std::to_string(1 + before));
}

}  // namespace
}  // namespace weir::server

#include "protocol/base/log.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using testing::ElementsAre;
using testing::MatchesRegex;

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    log_.set_sink([this](LogLevel level, std::string_view line) {
      levels_.push_back(level);
      lines_.emplace_back(line);
    });
    log_.set_process_id(42);
  }
  Log log_;
  std::vector<LogLevel> levels_;
  std::vector<std::string> lines_;
};

TEST_F(LogTest, LinesHaveTheShapeOfTheReference) {
  log_.Info("Listening on ", 4222);
  EXPECT_THAT(
      lines_,
      ElementsAre(MatchesRegex(
          R"(\[42\] [0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8}\.[0-9]{6} \[INF\] Listening on 4222)"
          "\n")));
}

TEST_F(LogTest, EveryLevelHasItsLabel) {
  log_.set_timestamps(false, false);
  log_.set_debug(true);
  log_.set_trace(true);
  log_.Trace("a");
  log_.Debug("b");
  log_.Info("c");
  log_.Warn("d");
  log_.Error("e");
  log_.Fatal("f");
  EXPECT_THAT(lines_, ElementsAre("[42] [TRC] a\n", "[42] [DBG] b\n", "[42] [INF] c\n",
                                  "[42] [WRN] d\n", "[42] [ERR] e\n", "[42] [FTL] f\n"));
  EXPECT_EQ(levels_.back(), LogLevel::kFatal);
}

TEST_F(LogTest, DebugAndTraceAreOffUntilAskedFor) {
  log_.Debug("x");
  log_.Trace("x");
  EXPECT_TRUE(lines_.empty());
  EXPECT_FALSE(log_.debug());
  log_.set_debug(true);
  log_.Debug("y");
  log_.Trace("y");
  EXPECT_EQ(lines_.size(), 1U);
}

TEST(LogConcurrencyTest, LinesOfManyThreadsStayWhole) {
  Log log;
  std::atomic<int> wrong{0};
  int lines = 0;
  log.set_timestamps(false, false);
  log.set_process_id(1);
  log.set_sink([&](LogLevel, std::string_view line) {
    ++lines;  // under the log's lock
    wrong += line == "[1] [INF] 0123456789\n" ? 0 : 1;
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&log] {
      for (int round = 0; round < 500; ++round) {
        log.Info("01234", 56789);
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(lines, 2000);
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace weir

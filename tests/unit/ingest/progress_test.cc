#include "ingest/progress.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::ingest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kSecond = 1'000'000'000;

// What is written, read back.
class ProgressTest : public ::testing::Test {
 protected:
  ~ProgressTest() override { std::fclose(file_); }
  std::string Written() {
    std::string text(static_cast<size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    text.resize(std::fread(text.data(), 1, text.size(), file_));
    std::fseek(file_, 0, SEEK_END);
    return text;
  }
  static PipelineStatus At(uint64_t rows) {
    PipelineStatus status;
    status.name = "flights";
    status.state = PipelineState::kRunning;
    status.rows = rows;
    status.position = rows;
    status.target_seq = status.stream_last = 400'000;
    return status;
  }

  std::FILE* file_ = std::tmpfile();
};

TEST_F(ProgressTest, ABarShowsShareRateTimeLeftAndLag) {
  Progress progress(Progress::Mode::kBar, file_);
  progress.Update(At(0), 1 * kSecond);
  progress.Update(At(100'000), 2 * kSecond);

  EXPECT_THAT(Written(), HasSubstr("\r\x1b[Kflights  [######..................] 25%  100,000 rows  "
                                   "100,000 rows/s  ETA 3s  lag 300,000"));
}

TEST_F(ProgressTest, PlainLinesComeEverySecondSecondOnly) {
  Progress progress(Progress::Mode::kLines, file_);
  for (int i = 0; i <= 30; ++i) {
    progress.Update(At(static_cast<uint64_t>(i) * 1000), kSecond + i * kSecond / 10);
  }

  std::string text = Written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr("20,000 rows  10,000 rows/s"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST_F(ProgressTest, OtherStatesAndTheirReasonAreSaid) {
  PipelineStatus status = At(5);
  status.state = PipelineState::kWaitingForSink;
  status.error = "disk full";
  status.bad_rows = 2;

  std::string line = Progress(Progress::Mode::kLines, file_).Line(status);

  EXPECT_THAT(line, HasSubstr("waiting for sink"));
  EXPECT_THAT(line, HasSubstr("(disk full)"));
  EXPECT_THAT(line, HasSubstr("bad 2"));
}

TEST_F(ProgressTest, TheSummaryTellsWhatWasDone) {
  PipelineStatus status = At(400'000);
  status.state = PipelineState::kDone;
  status.table = "flights";
  status.sink = "sqlite:////x.db";
  status.started_ns = kSecond;
  status.ended_ns = 5 * kSecond;
  status.bad_rows = 1;
  status.last_bad_row = "sequence 9: not JSON";
  status.gaps = {{3, 4, "gone"}};

  EXPECT_EQ(Progress::Summary(status),
            "flights: done: 400,000 rows into flights of sqlite:////x.db in 4s (100,000 rows/s), "
            "position 400000, lag 0, 1 bad rows (sequence 9: not JSON), gap 3-4 gone");
}

TEST_F(ProgressTest, ARestartedRunDoesNotMakeANegativeRate) {
  Progress progress(Progress::Mode::kNone, file_);
  progress.Update(At(5000), 1 * kSecond);
  progress.Update(At(10), 2 * kSecond);
  progress.Update(At(20), 3 * kSecond);

  EXPECT_DOUBLE_EQ(progress.rows_per_second(), 10);
}

}  // namespace
}  // namespace weir::ingest

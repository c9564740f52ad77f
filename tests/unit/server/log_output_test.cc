#include "server/log_output.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class LogOutputTest : public ::testing::Test {
 protected:
  LogOutputTest()
      : folder_(std::filesystem::temp_directory_path() / Cat("weir_output_", ::getpid())) {
    std::filesystem::create_directories(folder_);
    options_.file = (folder_ / "x.log").string();
  }
  ~LogOutputTest() override { std::filesystem::remove_all(folder_); }

  static std::string Read(const std::filesystem::path& path) {
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    return content.str();
  }

  std::filesystem::path folder_;
  LogOptions options_;
  Log log_;
  LogOutput output_{log_, "weir"};
};

TEST_F(LogOutputTest, LinesGoToTheFile) {
  options_.debug = true;
  ASSERT_TRUE(output_.Start(options_).ok());
  log_.Info("hello");
  log_.Debug("details");
  log_.Trace("bytes");

  EXPECT_THAT(Read(options_.file), HasSubstr(" [INF] hello\n"));
  EXPECT_THAT(Read(options_.file), HasSubstr(" [DBG] details\n"));
  EXPECT_THAT(Read(options_.file), Not(HasSubstr("bytes")));
}

TEST_F(LogOutputTest, WithoutTimes) {
  options_.timestamps = false;
  ASSERT_TRUE(output_.Start(options_).ok());
  log_.Info("hello");

  EXPECT_EQ(Read(options_.file), Cat("[", ::getpid(), "] [INF] hello\n"));
}

TEST_F(LogOutputTest, AFileThatCannotBeOpenedIsAnError) {
  options_.file = "/no/such/x.log";
  EXPECT_FALSE(output_.Start(options_).ok());
}

TEST_F(LogOutputTest, ReopeningIsLoggedInTheNewFile) {
  ASSERT_TRUE(output_.Start(options_).ok());
  log_.Info("before");
  std::filesystem::rename(options_.file, folder_ / "moved");
  output_.Reopen();
  log_.Info("after");

  EXPECT_THAT(Read(folder_ / "moved"), HasSubstr("before"));
  EXPECT_THAT(Read(options_.file), HasSubstr("File log re-opened"));
  EXPECT_THAT(Read(options_.file), HasSubstr("after"));
}

TEST_F(LogOutputTest, ReloadingMovesToAnotherFile) {
  ASSERT_TRUE(output_.Start(options_).ok());
  auto other = options_;
  other.file = (folder_ / "y.log").string();
  ASSERT_TRUE(output_.Start(other).ok());
  log_.Info("hello");

  EXPECT_EQ(Read(options_.file), "");
  EXPECT_THAT(Read(other.file), HasSubstr("hello"));
}

TEST_F(LogOutputTest, ARemoteSyslogOfAnUnknownKindIsAnError) {
  options_.file.clear();
  options_.remote_syslog = "carrier-pigeon://host";
  EXPECT_EQ(Message(output_.Start(options_)), "error invalid network type: \"carrier-pigeon\"");
}

TEST_F(LogOutputTest, LabelsAreColouredAsInTheReference) {
  EXPECT_EQ(ColouredLogLine(LogLevel::kInfo, "[1] 2026 [INF] hello\n"),
            "[1] 2026 [\x1b[32mINF\x1b[0m] hello\n");
  EXPECT_EQ(ColouredLogLine(LogLevel::kWarning, "[1] [WRN] a [b] c\n"),
            "[1] [\x1b[0;93mWRN\x1b[0m] a [b] c\n");
}

}  // namespace
}  // namespace weir::server

#include "server/log_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::server {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

constexpr std::string_view kLine = "[1] 2026/11/21 14:00:00.000000 [INF] hello\n";

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest()
      : folder_(std::filesystem::temp_directory_path() / Cat("weir_log_", ::getpid())),
        path_((folder_ / "x.log").string()) {
    std::filesystem::create_directories(folder_);
  }
  ~LogFileTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<LogFile> Open(LogFile::Limits limits = {}) const {
    auto file = LogFile::Open(path_, limits);
    EXPECT_TRUE(file.ok()) << Message(file.status());
    return *std::move(file);
  }

  static std::string Read(const std::filesystem::path& path) {
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    return content.str();
  }

  std::vector<std::string> Backups() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      auto name = entry.path().filename().string();
      if (name != "x.log") {
        names.push_back(name);
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(LogFileTest, LinesAreAppended) {
  Open()->Write("a\n");
  Open()->Write("b\n");
  EXPECT_EQ(Read(path_), "a\nb\n");
}

TEST_F(LogFileTest, OthersMayNotReadIt) {
  auto file = Open();
  auto mode = std::filesystem::status(path_).permissions();
  EXPECT_EQ(mode & std::filesystem::perms::others_all, std::filesystem::perms::none);
}

TEST_F(LogFileTest, APathThatCannotBeOpenedIsNamed) {
  EXPECT_EQ(Message(LogFile::Open("/no/such/x.log", {}).status()),
            "open /no/such/x.log: no such file or directory");
}

TEST_F(LogFileTest, AboveTheSizeTheFileStartsAnew) {
  auto file = Open({.size = 60});
  file->Write(kLine);
  EXPECT_THAT(Backups(), SizeIs(0));
  file->Write(kLine);

  ASSERT_THAT(Backups(), SizeIs(1));
  EXPECT_THAT(Backups()[0], MatchesRegex("x\\.log\\.[0-9]{4}(\\.[0-9]{2}){5}\\.[0-9]{9}"));
  EXPECT_EQ(Read(folder_ / Backups()[0]), Cat(kLine, kLine));
  EXPECT_EQ(Read(path_), Cat("[1] 2026/11/21 14:00:00.000000 [INF] Rotated log, backup saved as \"",
                             (folder_ / Backups()[0]).string(), "\"\r\n"));
}

TEST_F(LogFileTest, OnlyTheNewestBackupsAreKept) {
  std::ofstream(folder_ / "x.log.2020.01.02.03.04.05.000000001") << "old";
  std::ofstream(folder_ / "x.log.notes") << "mine";
  auto file = Open({.size = 10, .max_files = 2});
  file->Write(kLine);

  auto backups = Backups();
  ASSERT_THAT(backups, SizeIs(2));
  EXPECT_EQ(Read(folder_ / backups[0]), kLine);
  EXPECT_EQ(backups[1], "x.log.notes");
  EXPECT_THAT(Read(path_), HasSubstr("Purged log file \"x.log.2020.01.02.03.04.05.000000001\""));
}

TEST_F(LogFileTest, AMovedFileIsLeftAloneAfterReopening) {
  auto file = Open();
  file->Write("a\n");
  std::filesystem::rename(path_, folder_ / "moved");
  file->Write("b\n");
  ASSERT_TRUE(file->Reopen().ok());
  file->Write("c\n");

  EXPECT_EQ(Read(folder_ / "moved"), "a\nb\n");
  EXPECT_EQ(Read(path_), "c\n");
}

TEST_F(LogFileTest, WhenItCannotBeReopenedTheOldOneGoesOn) {
  auto file = Open();
  std::filesystem::rename(path_, folder_ / "moved");
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(file->Reopen().ok());
  file->Write("b\n");
  EXPECT_EQ(Read(folder_ / "moved"), "b\n");
}

TEST_F(LogFileTest, AFailedRotationIsTriedAgainAtTwiceTheSize) {
  auto file = Open({.size = 60});
  std::filesystem::remove(path_);
  file->Write(kLine);
  file->Write(kLine);

  EXPECT_THAT(Backups(), SizeIs(0));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace weir::server

#include "storage/log_ahead.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"

#include "tests/support/temp_dir.h"

namespace weir::storage {
namespace {

class LogAheadTest : public ::testing::Test {
 protected:
  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  std::string Read() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  testing_support::TempDir dir_;
  std::string path_ = dir_.path() + "/000004.log";
};

TEST_F(LogAheadTest, MakesRoomAfterASmallSync) {
  Write("12345");
  LogAhead ahead(path_);

  ahead.Appended(5);
  EXPECT_EQ(Read(), "12345");

  ahead.Synced(5);
  ahead.Appended(5);
  EXPECT_EQ(Read(), "12345" + std::string(LogAhead::kAhead, '\0'));
}

TEST_F(LogAheadTest, MakesNoRoomWhereMuchIsSyncedAtOnce) {
  Write("12345");
  LogAhead ahead(path_);

  ahead.Synced(LogAhead::kSmall);
  ahead.Appended(5);

  EXPECT_EQ(Read(), "12345");
}

TEST_F(LogAheadTest, MakesRoomOnceForEachSyncAndOnlyWhenItGetsShort) {
  Write("12345");
  LogAhead ahead(path_);
  ahead.Synced(5);
  ahead.Appended(5);
  size_t size = Read().size();

  ahead.Appended(size - LogAhead::kSmall + 1);
  EXPECT_EQ(Read().size(), size) << "not synced since";
  ahead.Synced(100);
  ahead.Appended(100);
  EXPECT_EQ(Read().size(), size) << "there is enough";
  ahead.Appended(size - LogAhead::kSmall + 1);
  EXPECT_EQ(Read().size(), size + LogAhead::kAhead);
}

TEST_F(LogAheadTest, WritesNothingOverWhatWasAppendedBeyondTheRoom) {
  Write("12345");
  LogAhead ahead(path_);
  ahead.Synced(5);
  ahead.Appended(5);
  std::string grown(2 * LogAhead::kAhead, 'x');
  Write(grown);

  ahead.Synced(5);
  ahead.Appended(grown.size());

  EXPECT_EQ(Read(), grown + std::string(LogAhead::kAhead, '\0'));
}

TEST_F(LogAheadTest, CutsTheRoomOffAtTheEnd) {
  Write("12345");
  LogAhead ahead(path_);
  ahead.Synced(5);
  ahead.Appended(5);

  ahead.CutOff(5);

  EXPECT_EQ(Read(), "12345");
}

}  // namespace
}  // namespace weir::storage

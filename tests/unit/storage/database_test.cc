#include "storage/database.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include <unistd.h>

#include "protocol/base/strings.h"
#include "tests/support/temp_dir.h"

namespace weir::storage {
namespace {

using ::testing::HasSubstr;
using ::weir::testing_support::TempDir;

StatusOr<std::unique_ptr<Database>> OpenAt(const std::string& directory) {
  Database::Options options;
  options.directory = directory;
  return Database::Open(options);
}

TEST(DatabaseTest, MakesTheDirectoryAndKeepsWhatIsWritten) {
  TempDir dir;
  std::string directory = dir.path() + "/deep/store";
  {
    auto db = OpenAt(directory);
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_TRUE((*db)
                    ->db()
                    .Put(rocksdb::WriteOptions(), (*db)->family(Family::kState), "key", "value")
                    .ok());
  }

  auto db = OpenAt(directory);
  ASSERT_TRUE(db.ok());
  std::string value;
  ASSERT_TRUE(
      (*db)->db().Get(rocksdb::ReadOptions(), (*db)->family(Family::kState), "key", &value).ok());
  EXPECT_EQ(value, "value");
}

TEST(DatabaseTest, SecondOpeningNamesDirectoryAndHolder) {
  TempDir dir;
  auto first = OpenAt(dir.path());
  ASSERT_TRUE(first.ok());

  auto second = OpenAt(dir.path());

  ASSERT_FALSE(second.ok());
  EXPECT_EQ(Message(second.status()), Cat("store directory ", dir.path(), ": in use by process ",
                                          static_cast<int64_t>(::getpid())));
  first->reset();
  EXPECT_TRUE(OpenAt(dir.path()).ok());
}

TEST(DatabaseTest, FileInPlaceOfTheDirectoryIsOneClearError) {
  TempDir dir;
  std::string path = dir.path() + "/file";
  std::ofstream(path) << "not a directory";

  auto db = OpenAt(path);

  ASSERT_FALSE(db.ok());
  EXPECT_EQ(Message(db.status()), Cat("storage directory is not a directory: ", path));
  EXPECT_EQ(Message(OpenAt(path + "/below").status()),
            Cat("storage directory is not a directory: ", path, "/below"));
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST(DatabaseTest, DirectoryThatCannotBeMadeNamesTheReason) {
  auto db = OpenAt("/proc/weir-store");

  ASSERT_FALSE(db.ok());
  EXPECT_EQ(
      Message(db.status()),
      "could not create storage directory - mkdir /proc/weir-store: no such file or directory");
}

TEST(DatabaseTest, DirectoryThatCannotBeWrittenNamesTheReason) {
  // Root may write nearly everywhere, but nobody makes files here.
  auto db = OpenAt("/proc/self/fdinfo");

  ASSERT_FALSE(db.ok());
  EXPECT_THAT(std::string(Message(db.status())),
              HasSubstr("storage directory is not writable: /proc/self/fdinfo: "));
}

TEST(DatabaseTest, NonsenseInCurrentIsPutRight) {
  TempDir dir;
  ASSERT_TRUE(OpenAt(dir.path()).ok());
  std::ofstream(dir.path() + "/db/CURRENT") << "nonsense\n";

  auto db = OpenAt(dir.path());

  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_EQ((*db)->damage().mended(), 1u);
}

TEST(DatabaseTest, ManifestDamagedInBothCopiesIsOneErrorWithTheDirectory) {
  TempDir dir;
  ASSERT_TRUE(OpenAt(dir.path()).ok());
  for (const char* copies : {"/db", "/twin"}) {
    for (const auto& entry : std::filesystem::directory_iterator(dir.path() + copies)) {
      if (entry.path().filename().string().starts_with("MANIFEST-")) {
        std::ofstream(entry.path()) << "nonsense\n";
      }
    }
  }

  auto db = OpenAt(dir.path());

  ASSERT_FALSE(db.ok());
  EXPECT_THAT(std::string(Message(db.status())), HasSubstr(dir.path()));
}

TEST(DatabaseTest, RocksStatusesKeepTheirMeaning) {
  EXPECT_TRUE(Database::FromRocks(rocksdb::Status::OK(), "x").ok());
  EXPECT_EQ(Database::FromRocks(rocksdb::Status::NotFound(), "x").code(), StatusCode::kNotFound);
  EXPECT_EQ(Database::FromRocks(rocksdb::Status::Corruption("bad"), "x").code(),
            StatusCode::kDataLoss);
  EXPECT_EQ(Database::FromRocks(rocksdb::Status::NoSpace(), "x").code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(Database::FromRocks(rocksdb::Status::IOError("disk"), "write").message(),
            "write: IO error: disk");
}

TEST(DatabaseTest, NewStoreIsSettledByItsFirstSyncedWrite) {
  TempDir dir;
  auto db = OpenAt(dir.path());
  ASSERT_TRUE(db.ok());
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/settled"));

  rocksdb::WriteOptions synced;
  synced.sync = true;
  ASSERT_TRUE((*db)->db().Put(synced, (*db)->family(Family::kState), "key", "value").ok());

  EXPECT_TRUE(std::filesystem::exists(dir.path() + "/settled"));
}

TEST(DatabaseTest, StoreThatWasNeverSettledAndCannotBeReadIsSetAside) {
  TempDir dir;
  std::filesystem::create_directory(dir.path() + "/db");
  std::ofstream(dir.path() + "/db/CURRENT") << "MANIFEST-000005\n";

  auto db = OpenAt(dir.path());

  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_TRUE(std::filesystem::exists(dir.path() + "/db.unfinished-1/CURRENT"));
  ASSERT_TRUE((*db)->Settle().ok());
  EXPECT_TRUE(std::filesystem::exists(dir.path() + "/settled"));
}

TEST(DatabaseTest, SettledStoreThatCannotBeReadStaysWhereItIs) {
  TempDir dir;
  std::filesystem::create_directory(dir.path() + "/db");
  std::ofstream(dir.path() + "/db/CURRENT") << "MANIFEST-000005\n";
  std::ofstream(dir.path() + "/settled");

  auto db = OpenAt(dir.path());

  EXPECT_FALSE(db.ok());
  EXPECT_TRUE(std::filesystem::exists(dir.path() + "/db/CURRENT"));
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/db.unfinished-1"));
}

}  // namespace
}  // namespace weir::storage

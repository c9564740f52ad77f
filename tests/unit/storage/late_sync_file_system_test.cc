#include "storage/late_sync_file_system.h"

#include <filesystem>

#include "gtest/gtest.h"

#include "tests/support/temp_dir.h"

namespace weir::storage {
namespace {

using ::weir::testing_support::TempDir;

// Counts the syncs that reach the files below.
class CountingFiles : public rocksdb::FileSystemWrapper {
 public:
  CountingFiles() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "CountingFiles"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewWritableFile(path, options, file, debug);
    *file = std::make_unique<CountingFile>(*this, std::move(*file));
    return status;
  }

  int syncs = 0;

 private:
  class CountingFile : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    CountingFile(CountingFiles& files, std::unique_ptr<rocksdb::FSWritableFile> file)
        : rocksdb::FSWritableFileOwnerWrapper(std::move(file)), files_(files) {}
    rocksdb::IOStatus Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
      ++files_.syncs;
      return rocksdb::IOStatus::OK();
    }

   private:
    CountingFiles& files_;
  };
};

class LateSyncFileSystemTest : public ::testing::Test {
 protected:
  LateSyncFileSystemTest() { std::filesystem::create_directory(database_); }

  std::unique_ptr<rocksdb::FSWritableFile> NewFile(const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(files_.NewWritableFile(database_ + "/" + name, {}, &file, nullptr).ok());
    return file;
  }
  bool settled() const {
    return std::filesystem::exists(LateSyncFileSystem::SettledFile(dir_.path()));
  }

  TempDir dir_;
  std::string database_ = dir_.path() + "/db";
  std::shared_ptr<CountingFiles> below_ = std::make_shared<CountingFiles>();
  LateSyncFileSystem files_{below_, dir_.path(), database_};
};

TEST_F(LateSyncFileSystemTest, SettledStoreSyncsAtOnce) {
  auto file = NewFile("000001.log");

  EXPECT_TRUE(file->Sync({}, nullptr).ok());

  EXPECT_EQ(below_->syncs, 1);
  EXPECT_FALSE(settled());
}

TEST_F(LateSyncFileSystemTest, NothingIsSyncedWhileAStoreIsMade) {
  files_.Hold();
  auto file = NewFile("MANIFEST-000001");
  std::unique_ptr<rocksdb::FSDirectory> directory;
  ASSERT_TRUE(files_.NewDirectory(database_, {}, &directory, nullptr).ok());

  EXPECT_TRUE(file->Sync({}, nullptr).ok());
  EXPECT_TRUE(directory->Fsync({}, nullptr).ok());

  EXPECT_EQ(below_->syncs, 0);
  EXPECT_FALSE(settled());
}

TEST_F(LateSyncFileSystemTest, FirstSyncOfAMadeStoreSettlesItBeforeItAnswers) {
  files_.Hold();
  auto file = NewFile("000001.log");
  files_.Owe();

  EXPECT_TRUE(file->Sync({}, nullptr).ok());

  EXPECT_TRUE(settled());
  EXPECT_EQ(below_->syncs, 1);
  EXPECT_TRUE(file->Sync({}, nullptr).ok());
  EXPECT_EQ(below_->syncs, 2);
}

TEST_F(LateSyncFileSystemTest, SettlingTwiceDoesItOnce) {
  files_.Owe();
  EXPECT_TRUE(files_.Settle().ok());
  ASSERT_TRUE(settled());
  std::filesystem::remove(LateSyncFileSystem::SettledFile(dir_.path()));

  EXPECT_TRUE(files_.Settle().ok());

  EXPECT_FALSE(settled());
}

TEST_F(LateSyncFileSystemTest, WhatCannotBeSettledFailsEverySyncThatFollows) {
  files_.Owe();
  auto file = NewFile("000001.log");
  std::filesystem::rename(database_, database_ + ".gone");

  EXPECT_FALSE(files_.Settle().ok());
  std::filesystem::rename(database_ + ".gone", database_);

  EXPECT_FALSE(file->Sync({}, nullptr).ok());
  EXPECT_EQ(below_->syncs, 0);
  EXPECT_FALSE(settled());
}

TEST_F(LateSyncFileSystemTest, OptionsFilesAreNeverSynced) {
  auto file = NewFile("OPTIONS-000007.dbtmp");

  EXPECT_TRUE(file->Sync({}, nullptr).ok());

  EXPECT_EQ(below_->syncs, 0);
}

}  // namespace
}  // namespace weir::storage

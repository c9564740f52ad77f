#include "storage/ends_file.h"

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

#include "tests/support/temp_dir.h"

namespace weir::storage {
namespace {

class EndsFileTest : public ::testing::Test {
 protected:
  std::string Path() const { return dir_.path() + "/ends"; }
  uint64_t Size() const { return std::filesystem::file_size(Path()); }

  testing_support::TempDir dir_;
};

TEST_F(EndsFileTest, WhatWasNotedIsKnownLater) {
  {
    EndsFile ends(rocksdb::FileSystem::Default(), Path());
    ends.Note(StreamId(1), 10);
    ends.Note(StreamId(2), 5);
    ends.Note(StreamId(1), 12);
    ends.Note(StreamId(1), 11);
  }
  EndsFile again(rocksdb::FileSystem::Default(), Path());

  EXPECT_EQ(again.Of(StreamId(1)), 12u);
  EXPECT_EQ(again.Of(StreamId(2)), 5u);
  EXPECT_EQ(again.Of(StreamId(3)), 0u);
}

TEST_F(EndsFileTest, SlotsOfDeletedStreamsAreUsedAgain) {
  {
    EndsFile ends(rocksdb::FileSystem::Default(), Path());
    ends.Note(StreamId(1), 10);
    ends.Note(StreamId(2), 20);
    ends.Forget(StreamId(1));
  }
  EndsFile again(rocksdb::FileSystem::Default(), Path());
  again.Note(StreamId(3), 30);

  EXPECT_EQ(again.Of(StreamId(1)), 0u);
  EXPECT_EQ(again.Of(StreamId(3)), 30u);
  EXPECT_EQ(Size(), 32u);
}

TEST_F(EndsFileTest, DamagedSlotSaysNothing) {
  {
    EndsFile ends(rocksdb::FileSystem::Default(), Path());
    ends.Note(StreamId(1), 10);
    ends.Note(StreamId(2), 20);
  }
  std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(9);
  file.put('\x7f');
  file.close();
  EndsFile again(rocksdb::FileSystem::Default(), Path());

  EXPECT_EQ(again.Of(StreamId(1)), 0u);
  EXPECT_EQ(again.Of(StreamId(2)), 20u);
}

TEST_F(EndsFileTest, AnotherStoresEndsAreForgotten) {
  {
    EndsFile ends(rocksdb::FileSystem::Default(), Path());
    ends.Note(StreamId(1), 10);
    ends.Discard();
  }
  EndsFile again(rocksdb::FileSystem::Default(), Path());

  EXPECT_EQ(again.Of(StreamId(1)), 0u);
}

}  // namespace
}  // namespace weir::storage

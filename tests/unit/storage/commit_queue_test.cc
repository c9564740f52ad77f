#include "storage/commit_queue.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/write_batch.h"

#include "protocol/base/strings.h"

namespace weir::storage {
namespace {

using ::testing::ElementsAre;

// What RocksDB reads in our bytes.
class Recorder : public rocksdb::WriteBatch::Handler {
 public:
  rocksdb::Status PutCF(uint32_t family, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    writes.push_back(Cat("put ", family, " ", key.ToString(), "=", value.ToString()));
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(uint32_t family, const rocksdb::Slice& key) override {
    writes.push_back(Cat("delete ", family, " ", key.ToString()));
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteRangeCF(uint32_t family, const rocksdb::Slice& begin,
                                const rocksdb::Slice& end) override {
    writes.push_back(Cat("range ", family, " ", begin.ToString(), "-", end.ToString()));
    return rocksdb::Status::OK();
  }
  std::vector<std::string> writes;
};

std::vector<std::string> WritesOf(StagedBatch& batch) {
  rocksdb::WriteBatch writes(batch.TakeEncoded());
  Recorder recorder;
  rocksdb::Status status = writes.Iterate(&recorder);
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(writes.Count(), recorder.writes.size());
  return recorder.writes;
}

TEST(StagedBatchTest, RocksDbReadsWhatWasStaged) {
  StagedBatch batch;
  batch.Put(Family::kMeta, "a", "1");
  batch.Put(Family::kBlocks, "b", "2");
  batch.Delete(Family::kState, "c");
  batch.DeleteRange(Family::kBlocks, "d", "e");

  EXPECT_EQ(batch.count(), 4u);
  EXPECT_THAT(WritesOf(batch), ElementsAre("put 0 a=1", "put 1 b=2", "delete 2 c", "range 1 d-e"));
  EXPECT_TRUE(batch.empty());
}

TEST(StagedBatchTest, LongKeysAndValuesKeepTheirLength) {
  StagedBatch batch;
  std::string key(200, 'k');
  std::string value(100'000, 'v');
  batch.Put(Family::kBlocks, key, value);

  EXPECT_THAT(WritesOf(batch), ElementsAre(Cat("put 1 ", key, "=", value)));
}

TEST(StagedBatchTest, MergedBatchesKeepTheirOrder) {
  StagedBatch first;
  StagedBatch second;
  StagedBatch none;
  first.Put(Family::kMeta, "a", "1");
  second.Put(Family::kMeta, "a", "2");
  second.Delete(Family::kMeta, "b");

  none.Merge(first);
  none.Merge(StagedBatch());
  none.Merge(second);

  EXPECT_THAT(WritesOf(none), ElementsAre("put 0 a=1", "put 0 a=2", "delete 0 b"));
}

TEST(StagedBatchTest, RestoredBatchIsAsBefore) {
  StagedBatch batch;
  batch.Put(Family::kMeta, "a", "1");
  std::string encoded = batch.TakeEncoded();

  batch.Restore(encoded);

  EXPECT_EQ(batch.count(), 1u);
  EXPECT_THAT(WritesOf(batch), ElementsAre("put 0 a=1"));
}

TEST(StagedBatchTest, MarksMoveWhenApplied) {
  auto marks = std::make_shared<CommitMarks>();
  StagedBatch batch;
  batch.MoveMarks(marks, 10, 3);

  EXPECT_EQ(marks->last.load(), 0u);
  batch.ApplyMarks();

  EXPECT_EQ(marks->last.load(), 10u);
  EXPECT_EQ(marks->first.load(), 3u);
}

}  // namespace
}  // namespace weir::storage

#include "ingest/batch_writer.h"

#include <condition_variable>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_source.h"

namespace weir::ingest {
namespace {

using ::testing::ElementsAre;

// Keeps the intervals that it was given; the next write can be held back or made to fail.
class FakeSink : public Sink {
 public:
  const SinkTraits& traits() const override { return traits_; }
  StatusOr<std::optional<SinkPosition>> Open(const SinkPosition&) override {
    return std::optional<SinkPosition>();
  }
  StatusOr<std::optional<std::vector<ColumnSpec>>> DescribeTable() override {
    return std::optional<std::vector<ColumnSpec>>();
  }
  StatusOr<WriteResult> Write(const BatchWrite& batch) override {
    MutexLock lock(mu_);
    while (held_) {
      lock.Wait(changed_);
    }
    WEIR_RETURN_IF_ERROR(error_);
    written_.push_back(Cat(batch.previous, "..", batch.last));
    return WriteResult{batch.rows.good_rows(), 0, {}};
  }
  StatusOr<std::string> StartOver(const SinkPosition&) override { return std::string(); }
  void Close() override {}

  void Hold(bool held) {
    MutexLock lock(mu_);
    held_ = held;
    changed_.notify_all();
  }
  void FailWith(Status error) {
    MutexLock lock(mu_);
    error_ = std::move(error);
  }
  std::vector<std::string> written() {
    MutexLock lock(mu_);
    return written_;
  }

 private:
  SinkTraits traits_;
  Mutex mu_;
  std::condition_variable changed_;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  Status error_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> written_ ABSL_GUARDED_BY(mu_);
};

PendingBatch MakeBatch(StreamSeq first, StreamSeq last) {
  PendingBatch batch;
  batch.rows = std::make_unique<RowBatch>();
  batch.rows->BeginRow(MakeMessage(last, "{}").view);
  batch.rows->FinishRow();
  batch.rows->SetInterval(first, last);
  batch.previous = first - 1;
  return batch;
}

TEST(BatchWriterTest, BatchesAreWrittenInOrderAndReported) {
  FakeSink sink;
  std::vector<StreamSeq> committed;
  BatchWriter writer(sink,
                     [&](const BatchWriter::Committed& done) { committed.push_back(done.last); });

  ASSERT_TRUE(writer.Submit(MakeBatch(1, 10)).ok());
  ASSERT_TRUE(writer.Submit(MakeBatch(11, 15)).ok());
  ASSERT_TRUE(writer.Drain().ok());

  EXPECT_THAT(sink.written(), ElementsAre("0..10", "10..15"));
  EXPECT_THAT(committed, ElementsAre(10, 15));
  EXPECT_EQ(writer.committed(), 15u);
  EXPECT_FALSE(writer.busy());
}

TEST(BatchWriterTest, TheNextBatchCanBeFilledWhileOneCommits) {
  FakeSink sink;
  sink.Hold(true);
  BatchWriter writer(sink, [](const BatchWriter::Committed&) {});

  auto empty = writer.Submit(MakeBatch(1, 10));

  ASSERT_TRUE(empty.ok());
  ASSERT_NE(*empty, nullptr);
  EXPECT_TRUE((*empty)->empty());
  EXPECT_TRUE(writer.busy());
  EXPECT_EQ(writer.committed(), 0u);
  sink.Hold(false);
  EXPECT_TRUE(writer.Drain().ok());
}

TEST(BatchWriterTest, TheFirstErrorEndsIt) {
  FakeSink sink;
  sink.FailWith(Unavailable("disk full"));
  BatchWriter writer(sink, [](const BatchWriter::Committed&) { ADD_FAILURE(); });

  ASSERT_TRUE(writer.Submit(MakeBatch(1, 10)).ok());

  EXPECT_EQ(writer.Drain().code(), StatusCode::kUnavailable);
  EXPECT_EQ(writer.Submit(MakeBatch(11, 12)).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(writer.committed(), 0u);
}

}  // namespace
}  // namespace weir::ingest

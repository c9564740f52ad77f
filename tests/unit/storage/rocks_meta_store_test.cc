#include "storage/rocks_meta_store.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"

#include "storage/keys.h"
#include "tests/support/temp_store.h"

namespace weir::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::weir::testing_support::TempStore;

class RocksMetaStoreTest : public ::testing::Test {
 protected:
  template <typename F>
  void Change(F&& change) {
    auto batch = std::make_unique<StagedBatch>();
    change(*batch);
    ASSERT_TRUE(store_.Commit(std::move(batch)).ok());
  }
  MetaStore::Contents Load() {
    meta_ = std::make_unique<RocksMetaStore>(*store_.db);
    auto contents = meta_->Load();
    WEIR_CHECK(contents.ok());
    return std::move(*contents);
  }
  void PutOrders() {
    Change([&](StagedBatch& batch) {
      meta_->PutStream(batch, {StreamId(1), "$G", R"({"name":"ORDERS"})", 77});
      meta_->PutConsumer(batch, {StreamId(1), 4, R"({"name":"C"})", 88, ""});
      meta_->PutConsumerState(batch, StreamId(1), 4, "floor");
    });
  }
  void Damage(Family family, const std::string& key) {
    std::string value;
    auto& db = store_.db->db();
    ASSERT_TRUE(db.Get(rocksdb::ReadOptions(), store_.db->family(family), key, &value).ok());
    value.back() = static_cast<char>(value.back() ^ 0x10);
    ASSERT_TRUE(db.Put(rocksdb::WriteOptions(), store_.db->family(family), key, value).ok());
  }

  TempStore store_;
  std::unique_ptr<RocksMetaStore> meta_ = std::make_unique<RocksMetaStore>(*store_.db);
};

TEST_F(RocksMetaStoreTest, EverythingComesBackAfterReopening) {
  PutOrders();
  store_.Reopen();

  MetaStore::Contents contents = Load();

  ASSERT_EQ(contents.streams.size(), 1u);
  EXPECT_EQ(contents.streams[0].id, StreamId(1));
  EXPECT_EQ(contents.streams[0].account, "$G");
  EXPECT_EQ(contents.streams[0].config, R"({"name":"ORDERS"})");
  EXPECT_EQ(contents.streams[0].created_ns, 77);
  ASSERT_EQ(contents.consumers.size(), 1u);
  EXPECT_EQ(contents.consumers[0].stream, StreamId(1));
  EXPECT_EQ(contents.consumers[0].consumer_id, 4u);
  EXPECT_EQ(contents.consumers[0].config, R"({"name":"C"})");
  EXPECT_EQ(contents.consumers[0].created_ns, 88);
  EXPECT_EQ(contents.consumers[0].state, "floor");
  EXPECT_THAT(contents.damaged, IsEmpty());
}

TEST_F(RocksMetaStoreTest, OneDamagedCopyCostsNothingAndIsReported) {
  std::string key = StreamKey(StreamId(1), RecordKind::kStream);
  for (Family family : {Family::kMeta, Family::kState}) {
    SCOPED_TRACE(static_cast<int>(family));
    PutOrders();
    Damage(family, key);

    MetaStore::Contents contents = Load();

    EXPECT_EQ(contents.streams.size(), 1u);
    EXPECT_THAT(contents.damaged,
                ElementsAre("stream 1: configuration is damaged in one of two copies"));
  }
}

TEST_F(RocksMetaStoreTest, StreamDamagedTwiceIsReportedAndNotDeleted) {
  PutOrders();
  std::string key = StreamKey(StreamId(1), RecordKind::kStream);
  Damage(Family::kMeta, key);
  Damage(Family::kState, key);

  MetaStore::Contents contents = Load();

  EXPECT_THAT(contents.streams, IsEmpty());
  EXPECT_THAT(contents.damaged, ElementsAre("stream 1: configuration is damaged in both copies"));
  EXPECT_EQ(Load().damaged.size(), 1u);
  StagedBatch batch;
  EXPECT_EQ(meta_->NewStreamId(batch), StreamId(2));
}

TEST_F(RocksMetaStoreTest, DeletedConsumerAndStreamAreGone) {
  PutOrders();
  Change([&](StagedBatch& batch) {
    meta_->PutConsumer(batch, {StreamId(1), 5, "{}", 1, ""});
    meta_->PutStream(batch, {StreamId(2), "$G", "{}", 1});
    meta_->DeleteConsumer(batch, StreamId(1), 4);
  });
  MetaStore::Contents contents = Load();
  ASSERT_EQ(contents.consumers.size(), 1u);
  EXPECT_EQ(contents.consumers[0].consumer_id, 5u);

  Change([&](StagedBatch& batch) { meta_->DeleteStream(batch, StreamId(1)); });

  contents = Load();
  ASSERT_EQ(contents.streams.size(), 1u);
  EXPECT_EQ(contents.streams[0].id, StreamId(2));
  EXPECT_THAT(contents.consumers, IsEmpty());
  EXPECT_THAT(contents.damaged, IsEmpty());
}

TEST_F(RocksMetaStoreTest, IdsAreNeverHandedOutTwice) {
  Load();
  StreamId first;
  StreamId second;
  Change([&](StagedBatch& batch) { first = meta_->NewStreamId(batch); });
  Change([&](StagedBatch& batch) {
    second = meta_->NewStreamId(batch);
    meta_->DeleteStream(batch, second);
  });
  EXPECT_EQ(first, StreamId(1));
  EXPECT_EQ(second, StreamId(2));

  store_.Reopen();
  Load();

  StagedBatch batch;
  EXPECT_EQ(meta_->NewStreamId(batch), StreamId(3));
}

TEST_F(RocksMetaStoreTest, IdWithBlocksIsNotHandedOutEvenWithoutRecords) {
  Change([&](StagedBatch& batch) { batch.Put(Family::kBlocks, BlockKey(StreamId(41), 1), "x"); });
  Load();

  StagedBatch batch;
  EXPECT_EQ(meta_->NewStreamId(batch), StreamId(42));
}

}  // namespace
}  // namespace weir::storage

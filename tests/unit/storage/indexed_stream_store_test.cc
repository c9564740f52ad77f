#include "storage/indexed_stream_store.h"

#include <map>
#include <string>

#include "gtest/gtest.h"

#include "protocol/base/strings.h"

namespace weir::storage {
namespace {

// A store that counts what is read of it and can pretend that its messages are on disk or damaged.
class CountingStore : public IndexedStreamStore {
 public:
  CountingStore() : IndexedStreamStore(0) {}

  void Append(const MessageView& message) override {
    NoteAppended(message);
    subjects_[message.seq] = message.subject;
  }
  void Flush(StagedBatch&) override {}
  void Destroy(StagedBatch&) override {}
  void Load(StreamSeq, absl::AnyInvocable<void(Status) &&>) override {}
  absl::AnyInvocable<StatusOr<MessageRun>() &&> PrepareRun(StreamSeq, StreamSeq, size_t,
                                                           size_t) override {
    return nullptr;
  }

  int fetches = 0;
  bool on_disk = false;
  StreamSeq damaged = 0;

 protected:
  void OnDamaged(StreamSeq) override {}
  ReadOutcome Fetch(StreamSeq seq, Wait wait, Fetched& out) override {
    ++fetches;
    if (on_disk && wait == Wait::kNo) {
      return ReadOutcome::kWouldBlock;
    }
    if (seq == damaged) {
      return ReadOutcome::kDamaged;
    }
    out.view = {seq, static_cast<int64_t>(seq), subjects_[seq], "", ""};
    out.keep = &keep_;
    return ReadOutcome::kFound;
  }
  uint64_t BytesOf(const MessageView&) const override { return 1; }
  void OnRemoved(const MessageView&, bool) override {}
  void OnTrimmed(StreamSeq) override {}

 private:
  std::map<StreamSeq, std::string> subjects_;
  SharedBytes keep_;
};

class IndexedStreamStoreTest : public ::testing::Test {
 protected:
  void Fill(StreamSeq count, std::string_view subject) {
    for (StreamSeq i = 0; i < count; ++i) {
      store_.Append({store_.state().last_seq + 1, 1, subject, "", ""});
    }
  }
  CountingStore store_;
  StoredMessage out_;
};

TEST_F(IndexedStreamStoreTest, RareSubjectIsFoundWithoutReadingTheOthers) {
  Fill(5000, "noise");
  Fill(1, "rare");
  Fill(5000, "noise");

  EXPECT_EQ(store_.Next(1, {"rare"}, out_), ReadOutcome::kFound);
  EXPECT_EQ(out_.view.seq, 5001u);
  EXPECT_EQ(store_.Next(5002, {"rare"}, out_), ReadOutcome::kMissing);
  EXPECT_EQ(store_.Next(1, {"never"}, out_), ReadOutcome::kMissing);
  EXPECT_LE(store_.fetches, 1);
}

TEST_F(IndexedStreamStoreTest, WildcardThatMatchesLittleReadsLittle) {
  Fill(50'000, "noise");
  Fill(1, "rare.one");

  EXPECT_EQ(store_.Next(1, {"rare.*"}, out_), ReadOutcome::kFound);

  EXPECT_EQ(out_.view.seq, 50'001u);
  EXPECT_LE(store_.fetches, 300);
}

TEST_F(IndexedStreamStoreTest, SearchStopsAfterItsBudgetAndSaysWhere) {
  Fill(1, "a.x");
  Fill(250'000, "b.x");
  Fill(1, "a.x");
  for (int i = 0; i < 70; ++i) {
    Fill(1, "a.x");  // too many for the index to list
  }

  int pieces = 1;
  StreamSeq at = 2;
  for (; store_.Next(at, {"a.*"}, out_) == ReadOutcome::kWouldBlock; ++pieces) {
    ASSERT_GT(out_.view.seq, at + 40'000);
    ASSERT_LT(out_.view.seq, at + 60'000);
    at = out_.view.seq;
  }

  EXPECT_EQ(out_.view.seq, 250'002u);
  EXPECT_GE(pieces, 5);
}

TEST_F(IndexedStreamStoreTest, WhatIsAheadIsListedWithoutReading) {
  for (int i = 0; i < 100; ++i) {
    Fill(50, "noise");
    Fill(1, Cat("rare.", i % 10));
  }
  store_.Remove(102, false);  // of the second fifty-one, the rare one
  store_.fetches = 0;

  auto ahead = store_.ListAhead(52, {"rare.*"}, 3);

  ASSERT_TRUE(ahead.has_value());
  EXPECT_EQ(ahead->seqs, (std::vector<StreamSeq>{153, 204, 255}));
  EXPECT_EQ(ahead->upto, 255u);
  ahead = store_.ListAhead(256, {"rare.3", "rare.*", "rare.4"}, 1'000);
  ASSERT_TRUE(ahead.has_value());
  EXPECT_EQ(ahead->seqs.size(), 95u);
  EXPECT_EQ(ahead->seqs.back(), 5'100u);
  EXPECT_EQ(ahead->upto, 5'100u);
  ahead = store_.ListAhead(256, {"never.*"}, 1'000);
  ASSERT_TRUE(ahead.has_value());
  EXPECT_TRUE(ahead->seqs.empty());
  EXPECT_EQ(ahead->upto, 5'100u);
  EXPECT_EQ(store_.fetches, 0);
  EXPECT_FALSE(store_.ListAhead(1, {"noise"}, 10).has_value());  // too many to be listed
  EXPECT_FALSE(store_.ListAhead(1, {}, 10).has_value());
}

TEST_F(IndexedStreamStoreTest, MessageOnDiskIsLeftToLoad) {
  Fill(10, "a");
  store_.on_disk = true;

  EXPECT_EQ(store_.Get(4, out_), ReadOutcome::kWouldBlock);
  EXPECT_EQ(store_.Next(7, {}, out_), ReadOutcome::kWouldBlock);
  EXPECT_EQ(out_.view.seq, 7u);
  EXPECT_EQ(store_.Next(2, {"a"}, out_), ReadOutcome::kWouldBlock);
  EXPECT_EQ(out_.view.seq, 2u);
}

TEST_F(IndexedStreamStoreTest, DamagedMessageIsSkippedByNextAndReportedByGet) {
  Fill(3, "a");
  store_.damaged = 2;

  EXPECT_EQ(store_.Get(2, out_), ReadOutcome::kDamaged);
  EXPECT_EQ(store_.Next(2, {}, out_), ReadOutcome::kFound);
  EXPECT_EQ(out_.view.seq, 3u);
}

TEST_F(IndexedStreamStoreTest, CountReadsTheShorterSide) {
  Fill(10'000, "a");
  Fill(10, "b");

  EXPECT_EQ(store_.CountFrom(11, {"a"}), 9990u);
  EXPECT_EQ(store_.CountFrom(9991, {"a", "b"}), 20u);
  EXPECT_LE(store_.fetches, 40);
}

TEST_F(IndexedStreamStoreTest, PurgeOfEverythingReadsNothing) {
  Fill(1000, "a");

  EXPECT_EQ(store_.Purge(">", 0, 0), 1000u);

  EXPECT_EQ(store_.fetches, 0);
  EXPECT_EQ(store_.state().first_seq, 1001u);
}

}  // namespace
}  // namespace weir::storage

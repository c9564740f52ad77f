#include "storage/rocks_stream_store.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"

#include "protocol/base/strings.h"
#include "storage/keys.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_store.h"

namespace weir::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::weir::testing_support::TempDir;
using ::weir::testing_support::TempStore;

// What both stores have in common is tested in stream_store_test.cc.
class RocksStreamStoreTest : public ::testing::Test {
 protected:
  static constexpr StreamId kId{3};

  RocksStreamStoreTest() { stream_ = RocksStreamStore::Create(context(), kId, 0); }
  ~RocksStreamStoreTest() override { stream_.reset(); }

  RocksStreamStore::Context context() {
    RocksStreamStore::Context context;
    context.db = temp_.db.get();
    context.pool = temp_.pool.get();
    context.home = &temp_.home;
    return context;
  }
  void Append(int count) {
    for (int i = 0; i < count; ++i) {
      StreamSeq seq = stream_->state().last_seq + 1;
      stream_->Append({seq, static_cast<int64_t>(seq), "s", "", Cat("payload ", seq)});
    }
  }
  void Commit() {
    auto batch = std::make_unique<StagedBatch>();
    stream_->Flush(*batch);
    ASSERT_TRUE(temp_.Commit(std::move(batch)).ok());
  }
  // Blocks of `count` messages each.
  void Fill(int blocks, int count) {
    for (int i = 0; i < blocks; ++i) {
      Append(count);
      Commit();
    }
  }
  std::vector<std::string> Reopen() { return ReopenAt(temp_.directory()); }
  std::vector<std::string> ReopenAt(const std::string& directory) {
    stream_.reset();
    temp_.Open(directory);
    std::vector<std::string> damage;
    auto opened = RocksStreamStore::Open(context(), kId, damage);
    WEIR_CHECK(opened.ok());
    stream_ = std::move(*opened);
    return damage;
  }
  ReadOutcome Get(StreamSeq seq) {
    ReadOutcome outcome = stream_->Get(seq, message_);
    if (outcome != ReadOutcome::kWouldBlock) {
      return outcome;
    }
    bool done = false;
    stream_->Load(seq, [&](const Status& status) {
      EXPECT_TRUE(status.ok());
      done = true;
    });
    while (!done) {
      temp_.home.RunOne();
    }
    return stream_->Get(seq, message_);
  }
  std::string RawBlock(StreamSeq first) {
    std::string value;
    temp_.db->db().Get(rocksdb::ReadOptions(), temp_.db->family(Family::kBlocks), KeyOf(first),
                       &value);
    return value;
  }
  void PutRawBlock(StreamSeq first, const std::string& bytes) {
    ASSERT_TRUE(
        temp_.db->db()
            .Put(rocksdb::WriteOptions(), temp_.db->family(Family::kBlocks), KeyOf(first), bytes)
            .ok());
  }
  static std::string KeyOf(StreamSeq first) { return std::string(BlockKey(kId, first).view()); }

  TempStore temp_;
  std::unique_ptr<RocksStreamStore> stream_;
  StoredMessage message_;
};

TEST_F(RocksStreamStoreTest, OneBlockPerCommit) {
  Fill(2, 50);

  EXPECT_FALSE(RawBlock(1).empty());
  EXPECT_FALSE(RawBlock(51).empty());
  EXPECT_EQ(BlockReader(kId, 51, RawBlock(51)).count(), 50u);
}

TEST_F(RocksStreamStoreTest, CommitWithoutChangesStagesNothing) {
  Fill(1, 5);
  StagedBatch batch;

  stream_->Flush(batch);

  EXPECT_TRUE(batch.empty());
}

TEST_F(RocksStreamStoreTest, RecentMessagesAreReadWithoutTheDatabaseAndShareBytes) {
  Fill(1, 2);

  ASSERT_EQ(stream_->Get(1, message_), ReadOutcome::kFound);
  const char* first = message_.keep.view().data();
  ASSERT_EQ(stream_->Get(2, message_), ReadOutcome::kFound);
  EXPECT_EQ(message_.keep.view().data(), first);
}

TEST_F(RocksStreamStoreTest, MessageOnDiskIsLoadedByThePool) {
  Fill(3, 50);
  ASSERT_TRUE(temp_.db->FlushAll().ok());
  Reopen();

  EXPECT_EQ(stream_->Get(77, message_), ReadOutcome::kWouldBlock);
  EXPECT_EQ(Get(77), ReadOutcome::kFound);
  EXPECT_EQ(message_.view.payload, "payload 77");
  // The read-ahead brought what follows.
  EXPECT_EQ(stream_->Get(150, message_), ReadOutcome::kFound);
}

// A store whose reader has come so far that the next load, from 601 on, is under way.
class RocksStreamReadAheadTest : public RocksStreamStoreTest {
 protected:
  RocksStreamReadAheadTest() {
    for (int i = 0; i < 40; ++i) {
      for (int j = 0; j < 50; ++j) {
        StreamSeq seq = stream_->state().last_seq + 1;
        stream_->Append({seq, 1, "s", "", std::string(1000, 'x')});
      }
      Commit();
    }
    WEIR_CHECK(temp_.db->FlushAll().ok());
    Reopen();
    EXPECT_EQ(Get(1), ReadOutcome::kFound);    // brings 1 to 300, as many as a load may have bytes
    EXPECT_EQ(Get(301), ReadOutcome::kFound);  // goes on: 301 to 600
    EXPECT_EQ(stream_->Get(550, message_), ReadOutcome::kFound);
    EXPECT_EQ(stream_->Get(601, message_), ReadOutcome::kWouldBlock);
    stream_->Load(601, [this](Status status) { answer_ = std::move(status); });
  }
  Status AwaitAnswer() {
    while (!answer_.has_value()) {
      temp_.home.RunOne();
    }
    return *answer_;
  }

  std::optional<Status> answer_;
};

TEST_F(RocksStreamReadAheadTest, WhoReadsOnIsAnsweredByIt) {
  EXPECT_TRUE(AwaitAnswer().ok());

  EXPECT_EQ(stream_->Get(601, message_), ReadOutcome::kFound);
  EXPECT_EQ(stream_->Get(900, message_), ReadOutcome::kFound);
}

TEST_F(RocksStreamReadAheadTest, WhoWaitsForItHearsThatTheStoreIsGone) {
  stream_.reset();

  EXPECT_EQ(AwaitAnswer().code(), StatusCode::kCancelled);
}

TEST_F(RocksStreamStoreTest, CachesThatNobodyUsesAreGivenBack) {
  Fill(3, 50);
  ASSERT_TRUE(temp_.db->FlushAll().ok());
  Append(1);  // not committed: nobody else has it

  stream_->TrimCaches();
  EXPECT_EQ(stream_->Get(77, message_), ReadOutcome::kFound);
  stream_->TrimCaches();  // it was used
  EXPECT_EQ(stream_->Get(77, message_), ReadOutcome::kFound);
  stream_->TrimCaches();
  stream_->TrimCaches();

  EXPECT_EQ(stream_->Get(151, message_), ReadOutcome::kFound);
  EXPECT_EQ(stream_->Get(77, message_), ReadOutcome::kWouldBlock);
  EXPECT_EQ(Get(77), ReadOutcome::kFound);
  Commit();
  stream_->TrimCaches();
  stream_->TrimCaches();
  Append(1);
  EXPECT_EQ(stream_->Get(152, message_), ReadOutcome::kFound);
}

TEST_F(RocksStreamStoreTest, LoadOfWhatIsNotOnDiskYetDoesNotCallItLost) {
  Append(3);
  int answered = 0;
  auto count = [&](const Status& status) {
    answered += status.ok() ? 1 : 0;
  };

  stream_->Load(2, count);
  temp_.home.RunReady();
  StagedBatch staged;
  stream_->Flush(staged);
  stream_->Load(2, count);
  temp_.home.RunReady();

  EXPECT_EQ(answered, 2);
  EXPECT_EQ(Get(2), ReadOutcome::kFound);
}

TEST_F(RocksStreamStoreTest, LoadOfAStoreThatIsGoneIsAnsweredAndHarmless) {
  Fill(1, 5);
  Reopen();
  Status answer;
  bool done = false;
  stream_->Load(1, [&](Status status) {
    answer = std::move(status);
    done = true;
  });
  stream_.reset();

  while (!done) {
    temp_.home.RunOne();
  }

  EXPECT_EQ(answer.code(), StatusCode::kCancelled);
}

TEST_F(RocksStreamStoreTest, FlippedByteInARecordIsOneHole) {
  Fill(3, 10);
  std::string block = RawBlock(11);
  size_t at = block.find("payload 15");
  ASSERT_NE(at, std::string::npos);
  block[at + 2] = static_cast<char>(block[at + 2] ^ 1);
  PutRawBlock(11, block);

  EXPECT_THAT(Reopen(), ElementsAre("stream 3: message 15 is damaged"));

  EXPECT_EQ(stream_->state().messages, 29u);
  EXPECT_EQ(Get(15), ReadOutcome::kDamaged);
  for (StreamSeq seq = 1; seq <= 30; ++seq) {
    if (seq != 15) {
      ASSERT_EQ(Get(seq), ReadOutcome::kFound) << seq;
      EXPECT_EQ(message_.view.payload, Cat("payload ", seq));
    }
  }
  ASSERT_EQ(stream_->Next(15, {}, message_), ReadOutcome::kFound);
  EXPECT_EQ(message_.view.seq, 16u);
}

TEST_F(RocksStreamStoreTest, DamageAfterOpeningIsAHoleToReadersAndRuns) {
  Fill(3, 10);
  Reopen();
  std::string block = RawBlock(11);
  block[block.find("payload 15")] = 'P';
  PutRawBlock(11, block);

  EXPECT_EQ(Get(15), ReadOutcome::kDamaged);
  EXPECT_EQ(Get(16), ReadOutcome::kFound);
  auto run = stream_->PrepareRun(1, 30, 1000, 1 << 20)();
  ASSERT_TRUE(run.ok());
  EXPECT_THAT(run->messages, SizeIs(29));
  EXPECT_EQ(run->last, 30u);
}

TEST_F(RocksStreamStoreTest, DamagedBlockHeaderCostsNothing) {
  Fill(2, 10);
  std::string block = RawBlock(1);
  block[5] = static_cast<char>(block[5] ^ 0xff);
  PutRawBlock(1, block);

  EXPECT_THAT(Reopen(), ElementsAre(HasSubstr("the block of sequence 1 is damaged; 10 messages")));

  EXPECT_EQ(stream_->state().messages, 20u);
  EXPECT_EQ(Get(7), ReadOutcome::kFound);
}

TEST_F(RocksStreamStoreTest, TornLastBlockKeepsItsWholeMessages) {
  Fill(2, 10);
  PutRawBlock(11, RawBlock(11).substr(0, 150));

  EXPECT_THAT(Reopen(), SizeIs(1));

  EXPECT_GT(stream_->state().last_seq, 10u);
  EXPECT_LT(stream_->state().last_seq, 20u);
  EXPECT_EQ(Get(stream_->state().last_seq), ReadOutcome::kFound);
}

TEST_F(RocksStreamStoreTest, LostBlockIsAReportedHole) {
  Fill(3, 10);
  temp_.db->db().Delete(rocksdb::WriteOptions(), temp_.db->family(Family::kBlocks), KeyOf(11));

  EXPECT_THAT(Reopen(), ElementsAre("stream 3: 10 messages between 11 and 20 are lost"));

  EXPECT_EQ(stream_->state().messages, 20u);
  EXPECT_EQ(Get(15), ReadOutcome::kDamaged);
  EXPECT_THAT(stream_->DeletedRuns(10), ElementsAre(Pair(11, 20)));
  EXPECT_EQ(stream_->state().last_seq, 30u);
}

TEST_F(RocksStreamStoreTest, NumbersLeftOutOnPurposeAreNoHole) {
  Fill(1, 10);
  stream_->Append({5000, 1, "s", "", "payload"});
  Commit();

  EXPECT_THAT(Reopen(), IsEmpty());

  EXPECT_EQ(stream_->state().messages, 11u);
  EXPECT_EQ(Get(15), ReadOutcome::kMissing);
}

TEST_F(RocksStreamStoreTest, DamagedCopyOfThePositionIsReportedAndTheOtherUsed) {
  Fill(3, 10);
  stream_->TrimTo(25);
  Commit();
  std::string key = StreamKey(kId, RecordKind::kStreamPosition);
  temp_.db->db().Put(rocksdb::WriteOptions(), temp_.db->family(Family::kMeta), key, "nonsense");

  EXPECT_THAT(Reopen(), ElementsAre("stream 3: one copy of its position is damaged"));

  EXPECT_EQ(stream_->state().first_seq, 25u);
}

TEST_F(RocksStreamStoreTest, WhollyDeletedBlockLeavesTheDatabase) {
  Fill(3, 10);
  for (StreamSeq seq = 20; seq >= 11; --seq) {
    stream_->Remove(seq, false);
  }
  Commit();

  EXPECT_TRUE(RawBlock(11).empty());
  EXPECT_FALSE(RawBlock(1).empty());
  Reopen();
  EXPECT_EQ(stream_->state().messages, 20u);
  EXPECT_EQ(stream_->state().num_deleted, 10u);
}

TEST_F(RocksStreamStoreTest, AcknowledgedInOrderLeavesNothingBehind) {
  Fill(30, 100);
  for (StreamSeq seq = 1; seq <= 3000; ++seq) {
    stream_->Remove(seq, false);
    if (seq % 70 == 0) {
      Commit();
    }
  }
  Commit();

  for (StreamSeq first = 1; first <= 3000; first += 100) {
    EXPECT_TRUE(RawBlock(first).empty()) << first;
  }
  int keys = 0;
  {
    std::unique_ptr<rocksdb::Iterator> at(
        temp_.db->db().NewIterator(rocksdb::ReadOptions(), temp_.db->family(Family::kState)));
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      ++keys;
    }
  }
  EXPECT_EQ(keys, 1);  // the position
  Reopen();
  EXPECT_EQ(stream_->state().last_seq, 3000u);
  EXPECT_EQ(stream_->state().messages, 0u);
}

TEST_F(RocksStreamStoreTest, ErasedMessageLeavesTheDatabaseAndTheCaches) {
  Fill(2, 10);
  ASSERT_TRUE(stream_->Remove(5, /*erase=*/true));
  EXPECT_EQ(Get(4), ReadOutcome::kFound);
  EXPECT_EQ(message_.keep.view().find("payload 5"), std::string_view::npos);
  Commit();

  EXPECT_EQ(RawBlock(1).find("payload 5"), std::string::npos);
  EXPECT_NE(RawBlock(1).find("payload 4"), std::string::npos);
  EXPECT_THAT(Reopen(), IsEmpty());
  EXPECT_EQ(stream_->state().messages, 19u);
  EXPECT_EQ(Get(4), ReadOutcome::kFound);
  EXPECT_EQ(Get(5), ReadOutcome::kMissing);

  // The same for a block that has to be read first.
  ASSERT_TRUE(stream_->Remove(15, /*erase=*/true));
  Commit();
  EXPECT_EQ(RawBlock(11).find("payload 15"), std::string::npos);
}

TEST_F(RocksStreamStoreTest, UncommittedBlocksStayReadableHoweverSmallTheCache) {
  RocksStreamStore::Context tiny = context();
  tiny.tail_bytes = 1;
  tiny.loaded_bytes = 1;
  auto store = RocksStreamStore::Create(tiny, StreamId(8), 0);
  auto batch = std::make_unique<StagedBatch>();
  for (StreamSeq seq = 1; seq <= 10; ++seq) {
    store->Append({seq, 1, "s", "", "p"});
    store->Flush(*batch);
  }

  for (StreamSeq seq = 1; seq <= 10; ++seq) {
    EXPECT_EQ(store->Get(seq, message_), ReadOutcome::kFound) << seq;
  }
}

TEST_F(RocksStreamStoreTest, RunOutlivesTheStore) {
  Fill(3, 10);
  auto run = stream_->PrepareRun(5, 25, 1000, 1 << 20);
  stream_.reset();

  auto result = std::move(run)();

  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->messages, SizeIs(21));
  EXPECT_EQ(result->messages[20].view.payload, "payload 25");
}

TEST_F(RocksStreamStoreTest, RunOfWhatIsNotSealedIsEmpty) {
  Append(5);

  auto run = stream_->PrepareRun(1, 5, 1000, 1 << 20)();

  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->last, 0u);
}

TEST_F(RocksStreamStoreTest, NewStreamBeginsWhereItIsTold) {
  stream_ = RocksStreamStore::Create(context(), kId, 1000);
  Commit();
  Reopen();
  EXPECT_EQ(stream_->state().first_seq, 1000u);
  EXPECT_EQ(stream_->state().last_seq, 999u);
  Append(1);

  EXPECT_EQ(Get(1000), ReadOutcome::kFound);
}

// A copy of the directory as a crash would leave it: taken while the database is open, the log cut
// at any byte.
TEST_F(RocksStreamStoreTest, LogCutAnywhereLeavesAPrefixOfTheCommits) {
  constexpr int kCommits = 40;
  std::map<int, StreamSeq> last_after;  // commit → last sequence
  std::map<int, StreamSeq> first_after;
  for (int i = 1; i <= kCommits; ++i) {
    Append(1 + i % 7);
    if (i % 5 == 0) {
      stream_->TrimTo(stream_->state().first_seq + 3);
    }
    Commit();
    last_after[i] = stream_->state().last_seq;
    first_after[i] = stream_->state().first_seq;
  }
  std::mt19937_64 random(7);
  std::string original = temp_.directory();

  for (int round = 0; round < 15; ++round) {
    SCOPED_TRACE(Cat("round ", round));
    TempDir copy;
    std::filesystem::copy(original, copy.path(), std::filesystem::copy_options::recursive);
    for (const auto& entry : std::filesystem::directory_iterator(copy.path() + "/db")) {
      if (entry.path().extension() == ".log") {
        std::filesystem::resize_file(entry.path(), random() % (entry.file_size() + 1));
      }
    }
    Database::Options options;
    options.directory = copy.path();
    auto db = Database::Open(options);
    ASSERT_TRUE(db.ok()) << db.status();
    RocksStreamStore::Context cut = context();
    cut.db = db->get();
    std::vector<std::string> damage;
    auto opened = RocksStreamStore::Open(cut, kId, damage);
    ASSERT_TRUE(opened.ok());
    EXPECT_THAT(damage, IsEmpty());
    const StoreState& state = (*opened)->state();
    bool is_a_commit = state.last_seq == 0;
    for (int i = 1; i <= kCommits; ++i) {
      is_a_commit =
          is_a_commit || (state.last_seq == last_after[i] && state.first_seq == first_after[i]);
    }
    EXPECT_TRUE(is_a_commit) << state.first_seq << " to " << state.last_seq;
    EXPECT_EQ(state.messages, state.last_seq == 0 ? 0 : state.last_seq - state.first_seq + 1);
    opened->reset();
  }
}

}  // namespace
}  // namespace weir::storage

#include "jetstream/message_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/memory_stream_store.h"

namespace weir::jetstream {
namespace {

using Outcome = MessageReader::Outcome;
using ::testing::ElementsAre;

// A memory store whose messages below `cold_below` are "on disk" until they are loaded.
class ColdStore : public storage::MemoryStreamStore {
 public:
  ColdStore() : MemoryStreamStore(0) {}

  storage::ReadOutcome Get(StreamSeq seq, storage::StoredMessage& out) override {
    if (seq < cold_below) {
      return storage::ReadOutcome::kWouldBlock;
    }
    return MemoryStreamStore::Get(seq, out);
  }
  storage::ReadOutcome Next(StreamSeq from, const protocol::SubjectFilters& filters,
                            storage::StoredMessage& out) override {
    searched_from.push_back(from);
    auto outcome = MemoryStreamStore::Next(from, filters, out);
    if (outcome == storage::ReadOutcome::kFound && out.view.seq == damaged) {
      return storage::ReadOutcome::kDamaged;
    }
    if (outcome == storage::ReadOutcome::kFound && out.view.seq < cold_below) {
      return storage::ReadOutcome::kWouldBlock;
    }
    return outcome;
  }
  void Load(StreamSeq seq, absl::AnyInvocable<void(Status) &&> done) override {
    loads.push_back(seq);
    waiting = std::move(done);
  }
  void FinishLoad(const Status& status) { std::move(waiting)(status); }

  std::vector<StreamSeq> searched_from;  // by Next()
  StreamSeq cold_below = 0;
  StreamSeq damaged = 0;
  std::vector<StreamSeq> loads;
  absl::AnyInvocable<void(Status) &&> waiting;
};

class MessageReaderTest : public ::testing::Test {
 protected:
  MessageReaderTest()
      : reader_(store_, [this](const Status& status) {
          reader_.OnLoaded();
          loaded_.push_back(status.ok());
        }) {}

  void Append(std::string_view subject) {
    storage::MessageView message;
    message.seq = store_.state().last_seq + 1;
    message.time_ns = static_cast<int64_t>(message.seq);
    message.subject = subject;
    message.payload = "x";
    store_.Append(message);
  }

  // Reads on from `from` until there is nothing more.
  std::vector<StreamSeq> ReadAll(StreamSeq from, StreamSeq committed) {
    std::vector<StreamSeq> out;
    storage::StoredMessage message;
    while (reader_.Next(from, committed, message) == Outcome::kMessage) {
      uint64_t pending = reader_.Pending(from, committed);
      out.push_back(message.view.seq);
      from = message.view.seq + 1;
      reader_.Advance(message.view.seq);
      EXPECT_EQ(reader_.Pending(from, committed), pending - 1);
    }
    EXPECT_EQ(reader_.Pending(from, committed), 0u);
    return out;
  }

  ColdStore store_;
  std::vector<bool> loaded_;
  MessageReader reader_;
};

TEST_F(MessageReaderTest, NothingUncommittedIsSeen) {
  for (int i = 0; i < 5; ++i) {
    Append("a");
  }

  EXPECT_EQ(reader_.Pending(1, 3), 3u);
  EXPECT_THAT(ReadAll(1, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(ReadAll(4, 5), ElementsAre(4, 5));
}

TEST_F(MessageReaderTest, FiltersSelectAndCount) {
  for (std::string_view subject : {"a.1", "b.1", "a.2", "c", "b.2"}) {
    Append(subject);
  }
  reader_.SetFilters({"a.*", "c"});

  EXPECT_EQ(reader_.Pending(1, 5), 3u);
  EXPECT_THAT(ReadAll(1, 5), ElementsAre(1, 3, 4));
}

TEST_F(MessageReaderTest, TheCountFollowsReadsAndCommits) {
  reader_.SetFilters({"a.*"});
  for (std::string_view subject : {"a.1", "b.1", "a.2"}) {
    Append(subject);
  }
  EXPECT_EQ(reader_.Pending(1, 2), 1u);
  EXPECT_EQ(reader_.Pending(1, 3), 2u);

  Append("a.3");
  Append("b.2");

  EXPECT_EQ(reader_.Pending(1, 5), 3u);
  EXPECT_THAT(ReadAll(1, 5), ElementsAre(1, 3, 4));
}

TEST_F(MessageReaderTest, TheCountFollowsRemovals) {
  for (std::string_view subject : {"a.1", "b.1", "a.2", "b.2", "a.3"}) {
    Append(subject);
  }
  reader_.SetFilters({"a.*"});
  ASSERT_EQ(reader_.Pending(1, 5), 3u);

  store_.Remove(3, false);
  reader_.OnRemoved(3, 1, "a.2");
  EXPECT_EQ(reader_.Pending(1, 5), 2u);
  store_.Remove(4, false);
  reader_.OnRemoved(4, 1, "b.2");
  EXPECT_EQ(reader_.Pending(1, 5), 2u);
  store_.Remove(5, false);
  reader_.OnRemoved(5, 1, {});
  EXPECT_EQ(reader_.Pending(1, 5), 1u);
}

TEST_F(MessageReaderTest, InteriorDeletesAreNotPending) {
  for (int i = 0; i < 6; ++i) {
    Append("a");
  }
  store_.Remove(2, false);
  store_.Remove(4, false);

  EXPECT_EQ(reader_.Pending(1, 6), 4u);
  EXPECT_THAT(ReadAll(1, 6), ElementsAre(1, 3, 5, 6));
}

TEST_F(MessageReaderTest, ATrimmedStreamBeginsAtItsFirstMessage) {
  for (int i = 0; i < 6; ++i) {
    Append("a");
  }
  store_.TrimTo(4);
  reader_.Invalidate();

  EXPECT_EQ(reader_.Pending(1, 6), 3u);
  EXPECT_THAT(ReadAll(1, 6), ElementsAre(4, 5, 6));
}

TEST_F(MessageReaderTest, LastPerSubjectThenEverything) {
  for (std::string_view subject : {"a", "b", "a", "c", "b"}) {
    Append(subject);
  }
  reader_.SetFilters({">"});
  reader_.StartAtLastPerSubject(1);
  EXPECT_EQ(reader_.Pending(1, 5), 3u);
  Append("a");
  Append("a");

  EXPECT_EQ(reader_.Pending(1, 7), 5u);
  EXPECT_THAT(ReadAll(1, 7), ElementsAre(3, 4, 5, 6, 7));
  EXPECT_EQ(reader_.resume_seq(), 0u);
}

TEST_F(MessageReaderTest, LastPerSubjectSkipsWhatWasRemovedMeanwhile) {
  for (std::string_view subject : {"a", "b", "c"}) {
    Append(subject);
  }
  reader_.StartAtLastPerSubject(1);
  store_.Remove(2, false);
  reader_.OnRemoved(2, 1, "b");

  EXPECT_EQ(reader_.Pending(1, 3), 2u);
  EXPECT_THAT(ReadAll(1, 3), ElementsAre(1, 3));
}

TEST_F(MessageReaderTest, LastPerSubjectDoesNotCountWhatWasPurged) {
  for (std::string_view subject : {"a", "b", "c"}) {
    Append(subject);
  }
  reader_.StartAtLastPerSubject(1);
  store_.Purge("b", 0, 0);
  reader_.OnPurged();
  EXPECT_EQ(reader_.Pending(1, 3), 2u);
  store_.TrimTo(3);
  reader_.Invalidate();

  EXPECT_EQ(reader_.Pending(1, 3), 1u);
  EXPECT_THAT(ReadAll(1, 3), ElementsAre(3));
}

TEST_F(MessageReaderTest, LastPerSubjectGoesOnAfterARestart) {
  for (std::string_view subject : {"a", "b", "a", "c", "b", "a"}) {
    Append(subject);
  }

  // Sequence 4 was delivered, the list ended at 5; 6 came later.
  reader_.RestoreLastPerSubject(5, 5);

  EXPECT_THAT(ReadAll(5, 6), ElementsAre(5, 6));
}

TEST_F(MessageReaderTest, AReadThatWouldBlockLoadsOnceAndGoesOn) {
  Append("a");
  Append("a");
  store_.cold_below = 2;
  storage::StoredMessage message;

  EXPECT_EQ(reader_.Next(1, 2, message), Outcome::kLoading);
  EXPECT_EQ(reader_.Next(1, 2, message), Outcome::kLoading);
  EXPECT_THAT(store_.loads, ElementsAre(1));
  store_.cold_below = 0;
  store_.FinishLoad(OkStatus());

  EXPECT_THAT(loaded_, ElementsAre(true));
  EXPECT_EQ(reader_.Next(1, 2, message), Outcome::kMessage);
}

TEST_F(MessageReaderTest, ADamagedMessageIsPassedOver) {
  Append("a");
  Append("a");
  store_.damaged = 1;
  storage::StoredMessage message;

  EXPECT_EQ(reader_.Next(1, 2, message), Outcome::kMessage);
  EXPECT_EQ(message.view.seq, 2u);
}

TEST_F(MessageReaderTest, ASearchGoesOnWhereTheOneBeforeEnded) {
  reader_.SetFilters({"a.*"});
  for (int i = 0; i < 10; ++i) {
    Append("b");
  }
  storage::StoredMessage message;
  EXPECT_EQ(reader_.Next(1, 10, message), Outcome::kCaughtUp);
  Append("b");
  Append("a.1");
  EXPECT_EQ(reader_.Next(1, 12, message), Outcome::kMessage);
  EXPECT_EQ(message.view.seq, 12u);
  EXPECT_EQ(store_.searched_from, (std::vector<StreamSeq>{1, 11}));
  // A position before what was searched is searched again, and so are other filters.
  reader_.SetFilters({"b"});
  EXPECT_EQ(reader_.Next(1, 12, message), Outcome::kMessage);
  EXPECT_EQ(message.view.seq, 1u);
}

class SparseMessageReaderTest : public MessageReaderTest {
 protected:
  // Each hundredth message is on a subject of its own below "rare".
  void Fill(int hundreds) {
    for (int i = 0; i < hundreds; ++i) {
      for (int other = 0; other < 99; ++other) {
        Append("noise");
      }
      Append("rare." + std::to_string(++rare_));
    }
  }
  std::vector<StreamSeq> Hundreds(StreamSeq first, StreamSeq last) {
    std::vector<StreamSeq> out;
    for (StreamSeq i = first; i <= last; ++i) {
      out.push_back(i * 100);
    }
    return out;
  }
  int rare_ = 0;
};

TEST_F(SparseMessageReaderTest, FewSearchesFindAll) {
  reader_.SetFilters({"rare.*"});
  Fill(2'000);

  EXPECT_EQ(ReadAll(1, 200'000), Hundreds(1, 2'000));

  EXPECT_LT(store_.searched_from.size(), 200u);
}

TEST_F(SparseMessageReaderTest, WhatIsCommittedOrStoredLaterIsFound) {
  reader_.SetFilters({"rare.*"});
  Fill(100);
  EXPECT_EQ(ReadAll(1, 5'050), Hundreds(1, 50));
  EXPECT_EQ(ReadAll(5'001, 7'000), Hundreds(51, 70));
  Fill(100);
  EXPECT_EQ(ReadAll(7'001, 10'000), Hundreds(71, 100));
  EXPECT_EQ(ReadAll(10'001, 20'000), Hundreds(101, 200));
  Append("rare.x");
  EXPECT_EQ(ReadAll(20'001, 20'001), std::vector<StreamSeq>{20'001});
}

TEST_F(SparseMessageReaderTest, WhatIsRemovedIsPassedAndAMoveBackReadsAgain) {
  reader_.SetFilters({"rare.*"});
  Fill(100);
  EXPECT_EQ(ReadAll(1, 5'000), Hundreds(1, 50));
  store_.RemoveOf("rare.52", 5'200);
  reader_.OnRemoved(5'200, 5'001, "rare.52");
  std::vector<StreamSeq> expected = Hundreds(51, 100);
  expected.erase(expected.begin() + 1);
  EXPECT_EQ(ReadAll(5'001, 10'000), expected);

  reader_.Invalidate();
  EXPECT_EQ(ReadAll(9'001, 10'000), Hundreds(91, 100));
  reader_.Invalidate();
  expected = Hundreds(1, 100);
  expected.erase(expected.begin() + 51);
  EXPECT_EQ(ReadAll(1, 10'000), expected);
  reader_.SetFilters({"rare.7"});
  EXPECT_EQ(ReadAll(1, 10'000), std::vector<StreamSeq>{700});
}

TEST_F(SparseMessageReaderTest, WhatIsOnDiskIsLoaded) {
  reader_.SetFilters({"rare.*"});
  Fill(100);
  EXPECT_EQ(ReadAll(1, 5'000), Hundreds(1, 50));
  store_.cold_below = 6'000;
  storage::StoredMessage message;
  EXPECT_EQ(reader_.Next(5'001, 10'000, message), Outcome::kLoading);
  EXPECT_EQ(store_.loads, std::vector<StreamSeq>{5'100});
  store_.cold_below = 0;
  store_.FinishLoad(OkStatus());
  EXPECT_EQ(ReadAll(5'001, 10'000), Hundreds(51, 100));
}

TEST_F(SparseMessageReaderTest, ASubjectWithTooManyMessagesForAListIsReadAllTheSame) {
  reader_.SetFilters({"rare.*", "often"});
  for (int i = 0; i < 100; ++i) {
    Fill(1);
    Append("often");
  }
  EXPECT_EQ(ReadAll(1, 10'100).size(), 200u);
}

TEST_F(MessageReaderTest, GetTellsWhatIsGone) {
  Append("a");
  Append("a");
  store_.Remove(1, false);
  storage::StoredMessage message;

  EXPECT_EQ(reader_.Get(1, message), Outcome::kGone);
  EXPECT_EQ(reader_.Get(2, message), Outcome::kMessage);
}

}  // namespace
}  // namespace weir::jetstream

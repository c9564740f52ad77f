#include "jetstream/stream.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kSecond = 1'000'000'000;

std::string Headers(std::string_view lines) {
  return Cat("NATS/1.0\r\n", lines, "\r\n\r\n");
}
std::string Error(int code, int err_code, std::string_view text) {
  return Cat(R"({"error":{"code":)", code, R"(,"err_code":)", err_code, R"(,"description":)",
             Quoted(text), R"(},"stream":"S","seq":0})");
}
std::string Ack(StreamSeq seq) {
  return Cat(R"({"stream":"S","seq":)", seq, "}");
}
std::string DuplicateAck(StreamSeq seq) {
  return Cat(R"({"stream":"S","seq":)", seq, R"(,"duplicate": true})");
}

class StreamTest : public ::testing::Test {
 protected:
  void SetUp() override { home_.Boot(); }

  std::string Publish(std::string_view subject, std::string_view payload,
                      std::string_view header_lines = {}) {
    return home_.Ask(subject, payload, header_lines.empty() ? "" : Headers(header_lines));
  }
  void Create(std::string_view members) {
    ASSERT_THAT(home_.CreateStream(members), HasSubstr("did_create"));
  }
  const storage::StoreState& state() { return home_.stream().store().state(); }
  std::string PayloadOf(StreamSeq seq) {
    storage::StoredMessage message;
    return home_.stream().store().Get(seq, message) == storage::ReadOutcome::kFound
               ? std::string(message.view.payload)
               : "(none)";
  }

  testing::JsHome home_;
};

TEST_F(StreamTest, AcksCarrySequencesInOrder) {
  Create(R"("subjects":["a.*"])");

  EXPECT_EQ(Publish("a.1", "x"), Ack(1));
  EXPECT_EQ(Publish("a.2", "y"), Ack(2));
  EXPECT_EQ(PayloadOf(2), "y");
}

TEST_F(StreamTest, NothingIsAckedBeforeTheCommit) {
  Create(R"("subjects":["a.*"])");
  home_.commits.immediate = false;

  home_.Send("a.1", "r1", "x");
  home_.Send("a.1", "r2", "y");
  home_.RunTurns();

  EXPECT_THAT(home_.router.sent, IsEmpty());
  EXPECT_EQ(home_.commits.waiting(), 1U);
  EXPECT_EQ(home_.stream().committed_seq(), 0U);
  home_.commits.CommitAll();
  EXPECT_THAT(home_.router.PayloadsTo("r1"), ElementsAre(Ack(1)));
  EXPECT_THAT(home_.router.PayloadsTo("r2"), ElementsAre(Ack(2)));
  EXPECT_EQ(home_.stream().committed_seq(), 2U);
}

TEST_F(StreamTest, EachCommitReleasesTheAcksOfItsTurn) {
  Create(R"("subjects":["a.*"])");
  home_.commits.immediate = false;
  home_.Send("a.1", "r1", "x");
  home_.RunTurns();
  home_.Send("a.1", "r2", "y");
  home_.RunTurns();

  home_.commits.CommitOne();

  EXPECT_THAT(home_.router.PayloadsTo("r1"), ElementsAre(Ack(1)));
  EXPECT_THAT(home_.router.PayloadsTo("r2"), IsEmpty());
}

TEST_F(StreamTest, ADomainStandsInTheAck) {
  testing::JsHome home;
  home.options.domain = "hub";
  home.Boot();
  home.CreateStream(R"("subjects":["a.*"])");

  EXPECT_EQ(home.Ask("a.1", "x"), R"({"stream":"S","domain":"hub","seq":1})");
}

TEST_F(StreamTest, NoAckAndNoReplyGetNoAnswer) {
  Create(R"("subjects":["a.*"],"no_ack":true)");

  EXPECT_EQ(Publish("a.1", "x"), "(none)");
  EXPECT_EQ(state().messages, 1U);
}

TEST_F(StreamTest, AFailedCommitAnswersWhoWaitsAndRefusesMore) {
  Create(R"("subjects":["a.*"])");
  home_.commits.Fail(DataLoss("disk on fire"));

  EXPECT_EQ(Publish("a.1", "x"), Error(503, 10077, "disk on fire"));
  EXPECT_EQ(Publish("a.1", "y"), Error(503, 10077, "disk on fire"));
  EXPECT_EQ(home_.stream().committed_seq(), 0U);
  EXPECT_EQ(state().last_seq, 1U);
}

TEST_F(StreamTest, ADuplicateIsAckedWithTheOriginalSequence) {
  Create(R"("subjects":["a.*"])");
  EXPECT_EQ(Publish("a.1", "x", "Nats-Msg-Id: 1"), Ack(1));
  EXPECT_EQ(Publish("a.1", "y", "Nats-Msg-Id: 2"), Ack(2));

  EXPECT_EQ(Publish("a.2", "z", "Nats-Msg-Id: 1"), DuplicateAck(1));
  EXPECT_EQ(state().messages, 2U);
}

TEST_F(StreamTest, ADuplicateOfAStagedMessageWaitsForItsCommit) {
  Create(R"("subjects":["a.*"])");
  home_.commits.immediate = false;
  std::string id = Headers("Nats-Msg-Id: 1");

  home_.Send("a.1", "r1", "x", id);
  home_.Send("a.1", "r2", "x", id);
  home_.RunTurns();

  EXPECT_THAT(home_.router.sent, IsEmpty());
  home_.commits.CommitAll();
  EXPECT_THAT(home_.router.PayloadsTo("r1"), ElementsAre(Ack(1)));
  EXPECT_THAT(home_.router.PayloadsTo("r2"), ElementsAre(DuplicateAck(1)));
}

TEST_F(StreamTest, AnIdMayComeAgainAfterTheWindow) {
  Create(R"("subjects":["a.*"],"duplicate_window":1000000000)");
  Publish("a.1", "x", "Nats-Msg-Id: 1");

  home_.Advance(kSecond);

  EXPECT_EQ(Publish("a.1", "x", "Nats-Msg-Id: 1"), Ack(2));
}

TEST_F(StreamTest, ExpectationsAreComparedWithTheAssignedState) {
  Create(R"("subjects":["a.*"])");
  home_.commits.immediate = false;

  home_.Send("a.1", "r1", "x");
  home_.Send("a.1", "r2", "x", Headers("Nats-Expected-Last-Sequence: 1"));
  home_.Send("a.1", "r3", "x", Headers("Nats-Expected-Last-Sequence: 1"));
  home_.Send("a.2", "r4", "x", Headers("Nats-Expected-Last-Subject-Sequence: 0"));
  home_.Send("a.2", "r5", "x", Headers("Nats-Expected-Last-Subject-Sequence: 0"));
  home_.RunTurns();
  home_.commits.CommitAll();

  EXPECT_THAT(home_.router.PayloadsTo("r2"), ElementsAre(Ack(2)));
  EXPECT_THAT(home_.router.PayloadsTo("r3"),
              ElementsAre(Error(400, 10071, "wrong last sequence: 2")));
  EXPECT_THAT(home_.router.PayloadsTo("r4"), ElementsAre(Ack(3)));
  EXPECT_THAT(home_.router.PayloadsTo("r5"),
              ElementsAre(Error(400, 10071, "wrong last sequence: 3")));
}

TEST_F(StreamTest, TooMuchStagedIsAnsweredWith429) {
  home_.options.max_buffered_msgs = 2;
  Create(R"("subjects":["a.*"])");
  home_.commits.immediate = false;
  home_.Send("a.1", "r1", "x");
  home_.Send("a.1", "r2", "x");

  home_.Send("a.1", "r3", "x");

  ASSERT_EQ(home_.router.sent.size(), 1U);
  EXPECT_EQ(home_.router.sent[0].headers, "NATS/1.0 429 Too Many Requests\r\n\r\n");
  EXPECT_EQ(home_.router.sent[0].payload, Error(429, 10167, "too many requests"));
  home_.RunTurns();
  home_.commits.CommitAll();
  home_.router.Take();
  home_.commits.immediate = true;
  EXPECT_EQ(Publish("a.1", "x"), Ack(3));
}

TEST_F(StreamTest, MaxMsgsKeepsTheNewest) {
  Create(R"("subjects":["a.*"],"max_msgs":3)");
  for (int i = 1; i <= 5; ++i) {
    home_.Send("a.1", "", Cat(i));
  }
  home_.RunTurns();

  EXPECT_EQ(state().messages, 3U);
  EXPECT_EQ(state().first_seq, 3U);
  EXPECT_EQ(PayloadOf(3), "3");
}

TEST_F(StreamTest, MaxBytesKeepsTheNewest) {
  Create(R"("subjects":["a.*"],"max_bytes":200)");
  for (int i = 1; i <= 5; ++i) {
    home_.Send("a.1", "", std::string(40, 'x'));  // 22 + 3 + 40 + 8 = 73 bytes each
  }
  home_.RunTurns();

  EXPECT_EQ(state().messages, 2U);
  EXPECT_EQ(state().last_seq, 5U);
}

TEST_F(StreamTest, DiscardNewRefuses) {
  Create(R"("subjects":["a.*"],"max_msgs":1,"discard":"new")");
  EXPECT_EQ(Publish("a.1", "x"), Ack(1));

  EXPECT_EQ(Publish("a.1", "y"), Error(503, 10077, "maximum messages exceeded"));
  EXPECT_EQ(PayloadOf(1), "x");
}

TEST_F(StreamTest, DiscardNewRefusesByBytes) {
  Create(R"("subjects":["a.*"],"max_bytes":100,"discard":"new")");
  EXPECT_EQ(Publish("a.1", std::string(40, 'x')), Ack(1));

  EXPECT_EQ(Publish("a.1", std::string(40, 'x')), Error(503, 10077, "maximum bytes exceeded"));
}

TEST_F(StreamTest, ASubjectKeepsItsNewest) {
  Create(R"("subjects":["a.*"],"max_msgs_per_subject":2)");
  for (const char* subject : {"a.1", "a.2", "a.1", "a.1", "a.2"}) {
    home_.Send(subject, "", "x");
  }
  home_.RunTurns();

  EXPECT_EQ(state().messages, 4U);
  EXPECT_EQ(home_.stream().store().LastOf("a.1")->first, 3U);
}

TEST_F(StreamTest, AFullBucketReplacesButTakesNoNewKey) {
  Create(R"("subjects":["a.*"],"max_msgs_per_subject":1,"max_msgs":1,"discard":"new")");
  Publish("a.1", "x");

  EXPECT_EQ(Publish("a.1", "y"), Ack(2));
  EXPECT_EQ(Publish("a.2", "z"), Error(503, 10077, "maximum messages exceeded"));
}

TEST_F(StreamTest, ABucketFullOfBytesReplacesWithNothingLarger) {
  Create(R"("subjects":["a.*"],"max_msgs_per_subject":1,"max_bytes":150,"discard":"new")");
  Publish("a.1", std::string(50, 'x'));

  EXPECT_EQ(Publish("a.1", std::string(50, 'y')), Ack(2));
  EXPECT_EQ(Publish("a.1", std::string(120, 'z')), Error(503, 10077, "maximum bytes exceeded"));
  EXPECT_EQ(Publish("a.2", std::string(100, 'z')), Error(503, 10077, "maximum bytes exceeded"));
}

TEST_F(StreamTest, DiscardNewPerSubjectRefuses) {
  Create(R"("subjects":["a.*"],"max_msgs_per_subject":1,"discard":"new",)"
         R"("discard_new_per_subject":true)");
  Publish("a.1", "x");

  EXPECT_EQ(Publish("a.1", "y"), Error(503, 10077, "maximum messages per subject exceeded"));
  EXPECT_EQ(Publish("a.2", "y"), Ack(2));
}

TEST_F(StreamTest, MessagesAgeOut) {
  Create(R"("subjects":["a.*"],"max_age":10000000000)");
  Publish("a.1", "x");
  home_.Advance(4 * kSecond);
  Publish("a.1", "y");

  home_.Advance(6 * kSecond);

  EXPECT_EQ(state().messages, 1U);
  EXPECT_EQ(PayloadOf(2), "y");
  home_.Advance(4 * kSecond);
  EXPECT_EQ(state().messages, 0U);
  EXPECT_EQ(state().last_seq, 2U);
}

TEST_F(StreamTest, RollupReplacesTheSubjectOrEverything) {
  Create(R"("subjects":["a.*"],"allow_rollup_hdrs":true)");
  Publish("a.1", "x");
  Publish("a.2", "x");
  Publish("a.1", "x");

  EXPECT_EQ(Publish("a.1", "one", "Nats-Rollup: sub"), Ack(4));
  EXPECT_EQ(state().messages, 2U);
  EXPECT_EQ(Publish("a.1", "all", "Nats-Rollup: ALL"), Ack(5));
  EXPECT_EQ(state().messages, 1U);
  EXPECT_EQ(PayloadOf(5), "all");
}

TEST_F(StreamTest, InterestRetentionSequencesAndDropsWhatNobodyWants) {
  Create(R"("subjects":["a.*"],"retention":"interest")");

  EXPECT_EQ(Publish("a.1", "x"), Ack(1));
  EXPECT_EQ(Publish("a.1", "x"), Ack(2));
  EXPECT_EQ(state().messages, 0U);
  EXPECT_EQ(state().last_seq, 2U);
}

TEST_F(StreamTest, AMemoryStreamAcksAtTheEndOfTheTurn) {
  Create(R"("subjects":["a.*"],"storage":"memory")");
  home_.commits.immediate = false;

  home_.Send("a.1", "r1", "x");
  EXPECT_THAT(home_.router.sent, IsEmpty());
  home_.RunTurns();

  EXPECT_THAT(home_.router.PayloadsTo("r1"), ElementsAre(Ack(1)));
  EXPECT_TRUE(home_.meta.streams.empty());
}

TEST_F(StreamTest, AccountAndServerLimitsRefuse) {
  home_.accounts.entries[0].limits->max_storage = 120;
  Create(R"("subjects":["a.*"])");
  EXPECT_EQ(Publish("a.1", std::string(60, 'x')), Ack(1));

  EXPECT_EQ(Publish("a.1", std::string(60, 'x')),
            Error(400, 10002, "resource limits exceeded for account"));
}

TEST_F(StreamTest, OnlyTurnsWithMessagesOfAFileStreamHaveToBeSynced) {
  Create(R"("subjects":["a.*"],"persist_mode":"async")");
  size_t before = home_.commits.synced;

  EXPECT_EQ(Publish("a.1", "x"), Ack(1));

  EXPECT_EQ(home_.commits.synced, before);
  EXPECT_EQ(home_.commits.unsynced, 1U);
}

}  // namespace
}  // namespace weir::jetstream

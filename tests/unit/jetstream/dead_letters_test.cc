#include "jetstream/dead_letters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kSecond = 1'000'000'000;

// A stream S with a consumer D that gives up after two deliveries, and a client that pulls.
class DeadLettersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.Boot();
    home_.router.interest = {"dead.letters", "in"};
    home_.CreateStream(R"("subjects":["a"])");
    answer_ = CreateConsumer("dead.letters");
    home_.Ask("a", "body", "NATS/1.0\r\nColour: red\r\nNats-Msg-Id: m1\r\n\r\n");
  }

  std::string CreateConsumer(std::string_view subject, std::string_view more = {},
                             std::string_view ack = "explicit") {
    return home_.Ask("$JS.API.CONSUMER.DURABLE.CREATE.S.D",
                     Cat(R"({"stream_name":"S","config":{"durable_name":"D","ack_policy":")", ack,
                         R"(","max_deliver":2,"ack_wait":1000000000,"metadata":{)",
                         R"("weir.dead_letter":")", subject, "\"}", more, "}}"));
  }
  // One pull; where the message that came is to be acked, empty when none came.
  std::string Pull() {
    home_.router.Take();
    home_.Send("$JS.API.CONSUMER.MSG.NEXT.S.D", "in", "1");
    home_.RunTurns();
    for (const auto& sent : home_.router.sent) {
      if (sent.inbox == "in" && !sent.reply.empty()) {
        return sent.reply;
      }
    }
    return {};
  }
  void Ack(std::string_view to, std::string_view what, std::string_view reply = {}) {
    home_.Send(to, reply, what);
    home_.RunTurns();
  }
  // Delivered as often as may be, without an answer.
  void Exhaust() {
    EXPECT_NE(Pull(), "");
    home_.Advance(kSecond);
    EXPECT_NE(Pull(), "");
    home_.Advance(kSecond);
  }
  // Letters sent since the last Take().
  std::vector<testing::FakeRouter::Sent> Letters() {
    std::vector<testing::FakeRouter::Sent> out;
    for (const auto& sent : home_.router.sent) {
      if (sent.subject == "dead.letters") {
        out.push_back(sent);
      }
    }
    return out;
  }
  SequencePair Floor() { return home_.stream().FindConsumer("D")->ack_floor(); }
  void AddLetterStream(std::string_view more = {}) {
    EXPECT_THAT(home_.CreateStream(Cat(R"("subjects":["dead.*"])", more), "DEAD"),
                HasSubstr("did_create"));
  }

  testing::JsHome home_;
  std::string answer_;
};

TEST_F(DeadLettersTest, AMessageThatReachesMaxDeliverIsPublishedWithWhatHappened) {
  Exhaust();

  auto letters = Letters();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].payload, "body");
  EXPECT_EQ(letters[0].reply, "") << "no stream answers";
  EXPECT_THAT(
      letters[0].headers,
      AllOf(HasSubstr("Colour: red\r\n"), HasSubstr("Weir-Dead-Letter-Reason: max_deliver\r\n"),
            HasSubstr("Weir-Dead-Letter-Stream: S\r\n"),
            HasSubstr("Weir-Dead-Letter-Consumer: D\r\n"),
            HasSubstr("Weir-Dead-Letter-Subject: a\r\n"),
            HasSubstr("Weir-Dead-Letter-Sequence: 1\r\n"),
            HasSubstr("Weir-Dead-Letter-Deliveries: 2\r\n"),
            HasSubstr("Weir-Dead-Letter-Time: 2026-01-01T00:00:00Z\r\n"),
            Not(HasSubstr("Nats-Msg-Id: m1"))));
  EXPECT_EQ(Floor(), (SequencePair{2, 1}));
  EXPECT_EQ(home_.stream().FindConsumer("D")->num_ack_pending(), 0U);
}

TEST_F(DeadLettersTest, ATerminatedMessageIsPublishedWithTheReason) {
  Ack(Pull(), "+TERM can not be read", "_R_");

  auto letters = Letters();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_THAT(letters[0].headers,
              AllOf(HasSubstr("Weir-Dead-Letter-Reason: terminated\r\n"),
                    HasSubstr("Weir-Dead-Letter-Description: can not be read\r\n"),
                    HasSubstr("Weir-Dead-Letter-Deliveries: 1\r\n")));
  EXPECT_EQ(Floor(), (SequencePair{1, 1}));
  EXPECT_EQ(home_.router.PayloadsTo("_R_").size(), 1U);
}

TEST_F(DeadLettersTest, TheFloorWaitsUntilAStreamHasTheLetter) {
  AddLetterStream();
  std::string to = Pull();
  home_.RunTurns();
  home_.commits.immediate = false;
  home_.Send(to, "_R_", "+TERM");
  home_.RunTurns();
  EXPECT_EQ(Floor(), SequencePair{}) << "the letter is staged, not committed";
  EXPECT_THAT(home_.router.PayloadsTo("_R_"), IsEmpty());

  home_.commits.immediate = true;
  home_.commits.CommitAll();
  home_.RunTurns();

  EXPECT_EQ(Floor(), (SequencePair{1, 1}));
  EXPECT_EQ(home_.router.PayloadsTo("_R_").size(), 1U);
  EXPECT_EQ(home_.stream("DEAD").store().state().messages, 1U);
}

TEST_F(DeadLettersTest, WhatIsOnItsWayIsNotDeliveredAgain) {
  AddLetterStream(R"(,"no_ack":true)");
  Exhaust();

  EXPECT_EQ(Pull(), "");
  EXPECT_EQ(home_.stream().FindConsumer("D")->num_ack_pending(), 1U);
  home_.Advance(2 * kSecond);
  EXPECT_EQ(Pull(), "");
  EXPECT_EQ(Floor(), SequencePair{});
}

TEST_F(DeadLettersTest, AStreamThatAnswersNothingGetsItThreeTimes) {
  AddLetterStream(R"(,"no_ack":true,"duplicate_window":100000000)");
  Exhaust();
  home_.router.Take();
  for (int i = 0; i < 30; ++i) {
    home_.Advance(kSecond);
  }

  EXPECT_EQ(Letters().size(), 2U) << "behind the first";
  EXPECT_EQ(Floor(), (SequencePair{2, 1}));
}

TEST_F(DeadLettersTest, AStreamThatRefusesIsAskedUntilItDoesNot) {
  AddLetterStream(R"(,"max_msgs":1,"discard":"new")");
  home_.Ask("dead.other", "it is full");
  Exhaust();
  for (int i = 0; i < 60; ++i) {
    home_.Advance(kSecond);
  }
  EXPECT_EQ(Floor(), SequencePair{});
  EXPECT_THAT(home_.log_lines.back(), HasSubstr("the dead letter of message 1 is refused"));

  home_.Ask("$JS.API.STREAM.PURGE.DEAD");
  home_.Advance(5 * kSecond);

  EXPECT_EQ(Floor(), (SequencePair{2, 1}));
  EXPECT_EQ(home_.stream("DEAD").store().state().messages, 1U);
}

TEST_F(DeadLettersTest, AMessageThatIsGoneIsNoLetter) {
  AddLetterStream(R"(,"no_ack":true)");
  Exhaust();
  home_.Ask("$JS.API.STREAM.MSG.DELETE.S", R"({"seq":1})");
  home_.router.Take();
  for (int i = 0; i < 30; ++i) {
    home_.Advance(kSecond);
  }

  EXPECT_THAT(Letters(), IsEmpty());
  EXPECT_EQ(home_.stream().FindConsumer("D")->num_ack_pending(), 0U);
}

TEST_F(DeadLettersTest, AnAckFromTheStoreIsNoMoreThanAnAck) {
  AddLetterStream();
  Exhaust();
  EXPECT_EQ(Floor(), (SequencePair{2, 1}));

  home_.Ask("a", "second");
  Ack(Pull(), "+ACK");

  EXPECT_EQ(Floor().stream, 2U);
  EXPECT_EQ(home_.stream("DEAD").store().state().messages, 1U);
}

TEST_F(DeadLettersTest, AWorkQueueLosesTheMessageToTheLetter) {
  home_.Ask("$JS.API.STREAM.DELETE.S");
  home_.CreateStream(R"("subjects":["a"],"retention":"workqueue")");
  CreateConsumer("dead.letters");
  home_.Ask("a", "body");
  Exhaust();

  EXPECT_EQ(Letters().size(), 1U);
  EXPECT_EQ(home_.stream().store().state().messages, 0U);
}

TEST_F(DeadLettersTest, BadSubjectsAreRefusedWhenTheConsumerIsMade) {
  EXPECT_THAT(answer_, HasSubstr(R"("weir.dead_letter":"dead.letters")"));
  home_.Ask("$JS.API.CONSUMER.DELETE.S.D");

  EXPECT_THAT(CreateConsumer("a.*"), HasSubstr("weir.dead_letter: not a valid subject"));
  EXPECT_THAT(CreateConsumer(""), HasSubstr("weir.dead_letter: not a valid subject"));
  EXPECT_THAT(CreateConsumer("$JS.API.x"), HasSubstr("weir.dead_letter: the subject is reserved"));
  EXPECT_THAT(CreateConsumer("a"), HasSubstr("weir.dead_letter: the subject forms a cycle"));
  EXPECT_THAT(CreateConsumer("b", {}, "none"),
              HasSubstr("weir.dead_letter: needs the ack policy explicit"));
  EXPECT_THAT(CreateConsumer("b"), Not(HasSubstr("error")));
  EXPECT_THAT(CreateConsumer("a"), HasSubstr("the subject forms a cycle")) << "an update";
}

}  // namespace
}  // namespace weir::jetstream

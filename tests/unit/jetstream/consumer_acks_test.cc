// Consumer::OnMessage() with acks (jetstream/consumer_acks.cc).

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/consumer_world.h"

namespace weir::jetstream {
namespace {

using namespace std::chrono_literals;
using testing::ConsumerWorld;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Ns;
using ::testing::UnorderedElementsAre;

class ConsumerAcksTest : public ::testing::Test {
 protected:
  // A consumer with `count` messages in flight.
  Consumer& Deliver(int count, ConsumerConfig config = ConsumerWorld::Durable("C")) {
    Consumer& consumer = world_.Add(std::move(config));
    for (int i = 1; i <= count; ++i) {
      world_.Publish("orders.x", std::to_string(i));
    }
    world_.Pull("C", "_INBOX.a", std::to_string(count));
    world_.router.Take();
    return consumer;
  }

  void Ack(StreamSeq seq, std::string_view body, std::string_view reply = {}) {
    world_.Request(Cat("$JS.ACK.ORDERS.C.1.", seq, ".", seq, ".0.0"), reply, body);
  }

  // Subjects that something was published to since the last call.
  std::vector<std::string> Answers() {
    std::vector<std::string> out;
    for (const auto& sent : world_.router.Take()) {
      out.push_back(sent.subject);
    }
    return out;
  }

  ConsumerWorld world_;
};

TEST_F(ConsumerAcksTest, AnAckMayHaveTheLongerFormatAndMoreBehindIt) {
  Consumer& consumer = Deliver(3);

  world_.Request("$JS.ACK._.hash0.ORDERS.C.1.1.1.0.0", "", "+ACK");
  world_.Request("$JS.ACK._.hash0.ORDERS.C.1.2.2.0.0.more.of.it", "", "+ACK");
  world_.Request("$JS.ACK._.other.ORDERS.C.1.3.3.0.0", "", "+ACK");

  EXPECT_EQ(consumer.ack_floor(), (SequencePair{2, 2}));
  EXPECT_EQ(consumer.num_ack_pending(), 1u);
}

TEST_F(ConsumerAcksTest, AllSpellingsOfAnAck) {
  Consumer& consumer = Deliver(3);

  Ack(1, "");
  Ack(2, "+ACK");
  Ack(3, "+OK");

  EXPECT_EQ(consumer.ack_floor(), (SequencePair{3, 3}));
  EXPECT_EQ(consumer.num_ack_pending(), 0u);
}

TEST_F(ConsumerAcksTest, AnAnswerWaitsUntilTheStateIsDurable) {
  Deliver(1);
  world_.commits.immediate = false;

  Ack(1, "+ACK", "_INBOX.r");
  EXPECT_THAT(Answers(), IsEmpty());
  EXPECT_EQ(world_.meta.state_writes, 2u);
  world_.commits.CommitAll();

  EXPECT_THAT(Answers(), ElementsAre("_INBOX.r"));
  EXPECT_GT(world_.commits.synced, 0u);
}

TEST_F(ConsumerAcksTest, ARepeatedAckIsAnsweredToo) {
  Deliver(1);

  Ack(1, "+ACK", "_INBOX.r");
  Ack(1, "+ACK", "_INBOX.s");

  EXPECT_THAT(Answers(), ElementsAre("_INBOX.r", "_INBOX.s"));
}

TEST_F(ConsumerAcksTest, AckingWhatWasNeverDeliveredGetsNoAnswer) {
  Deliver(1);

  Ack(99, "+ACK", "_INBOX.a");
  Ack(99, "+TERM", "_INBOX.b");
  Ack(99, "-NAK", "_INBOX.c");
  Ack(0, "-NAK", "_INBOX.d");
  Ack(0, "+ACK", "_INBOX.e");

  EXPECT_THAT(Answers(), UnorderedElementsAre("_INBOX.c", "_INBOX.e"));
}

TEST_F(ConsumerAcksTest, AFailedCommitIsNotAnswered) {
  Deliver(1);
  world_.commits.Fail(DataLoss("disk"));

  Ack(1, "+ACK", "_INBOX.r");

  EXPECT_THAT(Answers(), IsEmpty());
}

TEST_F(ConsumerAcksTest, EveryAnswerButNextIsAnswered) {
  Deliver(3);

  Ack(1, "+WPI", "_INBOX.wpi");
  Ack(1, "-NAK", "_INBOX.nak");
  Ack(2, "+TERM", "_INBOX.term");
  Ack(3, "what?", "_INBOX.unknown");

  EXPECT_THAT(Answers(), ElementsAre("_INBOX.wpi", "_INBOX.nak", "_INBOX.term", "_INBOX.unknown"));
}

TEST_F(ConsumerAcksTest, UnknownBodiesChangeNothing) {
  Consumer& consumer = Deliver(1);

  Ack(1, "what?");

  EXPECT_EQ(consumer.num_ack_pending(), 1u);
}

TEST_F(ConsumerAcksTest, NextAcksAndPulls) {
  Consumer& consumer = Deliver(1);
  world_.Publish("orders.x", "second");
  world_.router.Take();

  Ack(1, "+NXT", "_INBOX.next");

  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.next"), ElementsAre("second"));
  EXPECT_EQ(consumer.ack_floor(), (SequencePair{1, 1}));
}

TEST_F(ConsumerAcksTest, NextTakesAPullRequest) {
  Deliver(1);

  Ack(1, R"(+NXT {"batch":1,"no_wait":true})", "_INBOX.next");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].headers, "NATS/1.0 404 No Messages\r\n\r\n");
}

TEST_F(ConsumerAcksTest, ADelayedNakComesBackAfterItsDelay) {
  Deliver(2);
  world_.Pull("C", "_INBOX.b", "10");

  Ack(1, R"(-NAK {"delay": 1000000000})");
  Ack(2, "-NAK 2s");
  world_.Advance(999ms);
  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.b"), IsEmpty());
  world_.Advance(1ms);
  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.b"), ElementsAre("1"));
  world_.Advance(1s);

  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.b"), ElementsAre("1", "2"));
}

TEST_F(ConsumerAcksTest, AnUnreadableDelayIsAPlainNakAndLogged) {
  Deliver(1);
  world_.Pull("C", "_INBOX.b", "10");

  Ack(1, "-NAK soon");

  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.b"), ElementsAre("1"));
  EXPECT_THAT(world_.log_lines, ElementsAre(HasSubstr("bad NAK delay value: \"soon\"")));
}

TEST_F(ConsumerAcksTest, ProgressPutsOffTheRedelivery) {
  Deliver(1);
  world_.Pull("C", "_INBOX.b", "10");
  world_.Advance(20s);

  Ack(1, "+WPI");
  world_.Advance(20s);
  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.b"), IsEmpty());
  world_.Advance(10s);

  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.b"), ElementsAre("1"));
}

TEST_F(ConsumerAcksTest, ATerminatedMessageIsDoneAndAnnounced) {
  Consumer& consumer = Deliver(1);
  world_.router.interest.push_back("$JS.EVENT.>");

  Ack(1, "+TERM no such customer");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].subject, "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.ORDERS.C");
  EXPECT_THAT(sent[0].payload, HasSubstr(R"("reason":"no such customer")"));
  EXPECT_EQ(consumer.num_ack_pending(), 0u);
}

TEST_F(ConsumerAcksTest, NaksAndSampledAcksAreAnnouncedToListeners) {
  auto config = ConsumerWorld::Durable("C");
  config.sample_freq = "100%";
  Deliver(2, config);
  world_.router.interest.push_back("$JS.EVENT.>");

  Ack(1, "-NAK");
  world_.Advance(3ms);
  Ack(2, "+ACK");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].subject, "$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.ORDERS.C");
  EXPECT_THAT(sent[0].payload, HasSubstr(R"("consumer_seq":1,"stream_seq":1,"deliveries":1)"));
  EXPECT_EQ(sent[1].subject, "$JS.EVENT.METRIC.CONSUMER.ACK.ORDERS.C");
  EXPECT_THAT(sent[1].payload, HasSubstr(R"("ack_time":3000000,"deliveries":1)"));
}

TEST_F(ConsumerAcksTest, AckAllCoversWhatWentBefore) {
  auto config = ConsumerWorld::Durable("C");
  config.ack_policy = AckPolicy::kAll;
  Consumer& consumer = Deliver(5, config);

  Ack(3, "+ACK");

  EXPECT_EQ(consumer.ack_floor(), (SequencePair{3, 3}));
  EXPECT_EQ(consumer.num_ack_pending(), 2u);
}

TEST(ConsumerRetentionTest, AnAckRemovesTheMessageFromAWorkQueue) {
  ConsumerWorld world(true, RetentionPolicy::kWorkQueue);
  world.Add(ConsumerWorld::Durable("C"));
  for (int i = 0; i < 3; ++i) {
    world.Publish("orders.x");
  }
  world.Pull("C", "_INBOX.a", "3");

  world.Request("$JS.ACK.ORDERS.C.1.2.2.0.0", "", "+ACK");
  world.Request("$JS.ACK.ORDERS.C.1.3.3.0.0", "", "+TERM");

  EXPECT_EQ(world.stream->store().state().messages, 1u);
}

TEST(ConsumerRetentionTest, AckAllRemovesEverythingCovered) {
  ConsumerWorld world(true, RetentionPolicy::kInterest);
  auto config = ConsumerWorld::Durable("C");
  config.ack_policy = AckPolicy::kAll;
  world.Add(config);
  for (int i = 0; i < 3; ++i) {
    world.Publish("orders.x");
  }
  world.Pull("C", "_INBOX.a", "3");

  world.Request("$JS.ACK.ORDERS.C.1.2.2.0.0", "", "+ACK");

  EXPECT_EQ(world.stream->store().state().messages, 1u);
}

TEST(ConsumerRetentionTest, WithoutAcksADeliveryIsEnough) {
  ConsumerWorld world(true, RetentionPolicy::kInterest);
  auto config = ConsumerWorld::Durable("C");
  config.ack_policy = AckPolicy::kNone;
  world.Add(config);
  for (int i = 0; i < 3; ++i) {
    world.Publish("orders.x");
  }

  world.Pull("C", "_INBOX.a", "2");

  EXPECT_EQ(world.stream->store().state().messages, 1u);
}

}  // namespace
}  // namespace weir::jetstream

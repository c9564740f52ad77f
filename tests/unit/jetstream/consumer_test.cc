#include "jetstream/consumer.h"

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
using ::testing::Not;
using testing::Ns;

class ConsumerTest : public ::testing::Test {
 protected:
  // Publishes one message per subject, its payload the sequence, a second apart.
  void PublishAll(const std::vector<std::string>& subjects) {
    for (const std::string& subject : subjects) {
      world_.Publish(subject, std::to_string(world_.stream->store().state().last_seq + 1));
      world_.Advance(1s);
    }
    world_.router.Take();
  }

  // Everything that a new consumer of this configuration delivers now.
  std::vector<std::string> Drain(const ConsumerConfig& config) {
    world_.Add(config);
    world_.router.Take();
    world_.Pull(config.name, "_INBOX.a", "100");
    return world_.router.PayloadsTo("_INBOX.a");
  }

  std::string Info(Consumer& consumer) {
    JsonWriter out;
    out.OpenObject();
    consumer.WriteInfo(out);
    out.CloseObject();
    return out.Take();
  }

  ConsumerWorld world_;
};

TEST_F(ConsumerTest, EveryDeliverPolicyFindsItsStart) {
  PublishAll({"orders.a", "orders.b", "orders.a", "orders.c"});
  auto with = [](DeliverPolicy policy, std::string name) {
    auto config = ConsumerWorld::Durable(name);
    config.deliver_policy = policy;
    return config;
  };

  EXPECT_THAT(Drain(with(DeliverPolicy::kAll, "all")), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(Drain(with(DeliverPolicy::kLast, "last")), ElementsAre("4"));
  EXPECT_THAT(Drain(with(DeliverPolicy::kNew, "new")), IsEmpty());
  auto by_seq = with(DeliverPolicy::kByStartSequence, "seq");
  by_seq.opt_start_seq = 3;
  EXPECT_THAT(Drain(by_seq), ElementsAre("3", "4"));
  auto by_time = with(DeliverPolicy::kByStartTime, "time");
  by_time.opt_start_time_ns = world_.clock.wall_ns() - Ns(2500ms);
  EXPECT_THAT(Drain(by_time), ElementsAre("3", "4"));
  auto last_per = with(DeliverPolicy::kLastPerSubject, "per");
  last_per.filter_subject = "orders.>";
  EXPECT_THAT(Drain(last_per), ElementsAre("2", "3", "4"));
  auto last_filtered = with(DeliverPolicy::kLast, "lastf");
  last_filtered.filter_subject = "orders.a";
  EXPECT_THAT(Drain(last_filtered), ElementsAre("3"));
}

TEST_F(ConsumerTest, LastPerSubjectBeginsAtItsFirstMessage) {
  PublishAll({"orders.a", "orders.b", "orders.a", "orders.b"});
  auto config = ConsumerWorld::Durable("C");
  config.deliver_policy = DeliverPolicy::kLastPerSubject;
  config.filter_subject = "orders.>";

  Consumer& consumer = world_.Add(config);

  EXPECT_EQ(consumer.delivered(), (SequencePair{0, 2}));
  EXPECT_EQ(consumer.num_pending(), 2u);
}

TEST_F(ConsumerTest, AStartBeyondTheEndWaitsForIt) {
  PublishAll({"orders.a"});
  auto config = ConsumerWorld::Durable("C");
  config.deliver_policy = DeliverPolicy::kByStartSequence;
  config.opt_start_seq = 3;

  EXPECT_THAT(Drain(config), IsEmpty());
  PublishAll({"orders.a"});
  world_.Publish("orders.a", "3");

  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.a"), ElementsAre("3"));
}

TEST_F(ConsumerTest, NewSkipsWhatIsStoredButSeesWhatComes) {
  PublishAll({"orders.a"});
  auto config = ConsumerWorld::Durable("C");
  config.deliver_policy = DeliverPolicy::kNew;
  Consumer& consumer = world_.Add(config);
  EXPECT_EQ(consumer.num_pending(), 0u);
  EXPECT_EQ(consumer.delivered(), (SequencePair{0, 1}));

  PublishAll({"orders.a"});

  EXPECT_EQ(consumer.num_pending(), 1u);
}

TEST_F(ConsumerTest, FiltersSelectAndPendingIsExact) {
  PublishAll({"orders.a", "orders.b", "orders.c", "orders.a"});
  auto config = ConsumerWorld::Durable("C");
  config.filter_subjects = {"orders.a", "orders.c"};
  Consumer& consumer = world_.Add(config);
  EXPECT_EQ(consumer.num_pending(), 3u);

  world_.router.Take();
  world_.Pull("C", "_INBOX.a", "2");

  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.a"), ElementsAre("1", "3"));
  EXPECT_EQ(consumer.num_pending(), 1u);
}

TEST_F(ConsumerTest, StateIsStoredAtMostEvery100Milliseconds) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  EXPECT_EQ(world_.meta.state_writes, 1u);
  PublishAll({"orders.a", "orders.a", "orders.a"});
  world_.Pull("C", "_INBOX.a", "1");
  world_.Advance(100ms);
  EXPECT_EQ(world_.meta.state_writes, 2u);

  for (int i = 0; i < 2; ++i) {
    world_.Pull("C", "_INBOX.a", "1");
    world_.Advance(20ms);
  }
  EXPECT_EQ(world_.meta.state_writes, 2u);
  world_.Advance(80ms);

  EXPECT_EQ(world_.meta.state_writes, 3u);
  EXPECT_EQ(consumer.num_ack_pending(), 3u);
}

TEST_F(ConsumerTest, AnIdleConsumerWritesNothing) {
  world_.Add(ConsumerWorld::Durable("C"));
  size_t writes = world_.meta.state_writes;

  PublishAll({"orders.a", "orders.b"});
  world_.Advance(10s);

  EXPECT_EQ(world_.meta.state_writes, writes);
}

TEST_F(ConsumerTest, ConsumersInMemoryStoreNothing) {
  auto config = ConsumerWorld::Durable("C");
  config.mem_storage = true;
  world_.Add(config);
  PublishAll({"orders.a"});

  world_.Pull("C", "_INBOX.a", "1");
  world_.Request("$JS.ACK.ORDERS.C.1.1.1.0.0", "_INBOX.r", "+ACK");
  world_.Advance(1s);

  EXPECT_EQ(world_.meta.state_writes, 0u);
  EXPECT_EQ(world_.router.PayloadsTo("_INBOX.r").size(), 1u);
}

TEST_F(ConsumerTest, ARestartGoesOnWhereItWas) {
  world_.Add(ConsumerWorld::Durable("C"));
  PublishAll({"orders.a", "orders.b", "orders.c", "orders.d"});
  world_.Pull("C", "_INBOX.a", "3");
  world_.Request("$JS.ACK.ORDERS.C.1.2.2.0.0", "");
  Consumer* old = world_.stream->FindConsumer("C");
  old->Stop(0, {});
  world_.EndTurn();
  std::string state = world_.meta.consumers.begin()->second.state;
  world_.stream->RemoveConsumer(*old);
  world_.EndTurn();

  Consumer& again = world_.stream->AdoptConsumer(ConsumerWorld::Durable("C"), 1, 1, state);
  ASSERT_TRUE(again.Start(state).ok());

  EXPECT_EQ(again.delivered(), (SequencePair{3, 3}));
  EXPECT_EQ(again.ack_floor(), (SequencePair{0, 0}));
  EXPECT_EQ(again.num_ack_pending(), 2u);
  EXPECT_EQ(again.num_pending(), 1u);
  world_.router.Take();
  world_.Pull("C", "_INBOX.b", "10");
  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.b"), ElementsAre("4"));
  world_.Advance(30s);
  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.b"), ElementsAre("4", "1", "3", "4"));
}

TEST_F(ConsumerTest, ADamagedStateIsAnError) {
  Consumer consumer(*world_.stream, ConsumerWorld::Durable("C"), 7, 1);

  EXPECT_FALSE(consumer.Start("\x05garbage").ok());
}

TEST_F(ConsumerTest, PausedConsumersDeliverNothingUntilTheirTime) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishAll({"orders.a"});
  ConsumerConfig paused = consumer.config();
  paused.pause_until_ns = world_.clock.wall_ns() + Ns(10s);
  consumer.Update(paused);

  world_.Pull("C", "_INBOX.a", "1");
  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.a"), IsEmpty());
  EXPECT_THAT(Info(consumer), HasSubstr(R"("paused":true,"pause_remaining":10000000000)"));
  world_.router.interest.push_back("$JS.EVENT.>");
  world_.Advance(10s);

  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.a"), ElementsAre("1"));
  auto events = world_.router.PayloadsTo("$JS.EVENT.ADVISORY.CONSUMER.PAUSE.ORDERS.C");
  EXPECT_THAT(events, ElementsAre(HasSubstr(R"("paused":false)")));
}

TEST_F(ConsumerTest, AnEphemeralGoesAfterItsThresholdWithoutUse) {
  auto config = ConsumerWorld::Durable("C");
  config.durable_name.clear();
  world_.Add(config);
  world_.router.interest.push_back("$JS.EVENT.>");

  world_.Advance(5s);
  world_.Pull("C", "_INBOX.a", R"({"batch":1,"expires":2000000000})");
  world_.Advance(2s);
  world_.Advance(5s);
  ASSERT_NE(world_.stream->FindConsumer("C"), nullptr);
  world_.Advance(1s);

  EXPECT_EQ(world_.stream->FindConsumer("C"), nullptr);
  EXPECT_THAT(world_.router.PayloadsTo("$JS.EVENT.ADVISORY.CONSUMER.DELETED.ORDERS.C"),
              ElementsAre(HasSubstr(R"("action":"delete")")));
  EXPECT_THAT(world_.meta.consumers, IsEmpty());
}

TEST_F(ConsumerTest, AWaitingRequestKeepsAnEphemeralAlive) {
  auto config = ConsumerWorld::Durable("C");
  config.durable_name.clear();
  world_.Add(config);
  world_.Pull("C", "_INBOX.a", "1");

  for (int i = 0; i < 10; ++i) {
    world_.Advance(10s);
  }

  EXPECT_NE(world_.stream->FindConsumer("C"), nullptr);
}

TEST_F(ConsumerTest, UnackedMessagesKeepAnEphemeralUntilTheirDeadline) {
  auto config = ConsumerWorld::Durable("C");
  config.durable_name.clear();
  world_.Add(config);
  PublishAll({"orders.a"});
  world_.Pull("C", "_INBOX.a", "1");

  world_.Advance(15s);
  world_.Advance(15s);
  EXPECT_NE(world_.stream->FindConsumer("C"), nullptr);
  world_.Advance(15s);

  EXPECT_EQ(world_.stream->FindConsumer("C"), nullptr);
}

TEST_F(ConsumerTest, ADurableStays) {
  world_.Add(ConsumerWorld::Durable("C"));

  world_.Advance(1h);

  EXPECT_NE(world_.stream->FindConsumer("C"), nullptr);
}

TEST_F(ConsumerTest, DeletingAnswersWhoWaits) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  world_.Pull("C", "_INBOX.a", "1");
  world_.router.Take();

  consumer.Delete();
  world_.EndTurn();

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].headers, "NATS/1.0 409 Consumer Deleted\r\n\r\n");
  EXPECT_EQ(world_.Request("$JS.API.CONSUMER.MSG.NEXT.ORDERS.C", "_INBOX.a"), 0u);
}

TEST_F(ConsumerTest, AStoppedConsumerStoresItsStateOnce) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishAll({"orders.a"});
  world_.Pull("C", "_INBOX.a", "1");
  size_t writes = world_.meta.state_writes;

  consumer.Stop(409, "Server Shutdown");
  world_.EndTurn();

  EXPECT_EQ(world_.meta.state_writes, writes + 1);
}

TEST_F(ConsumerTest, MovingTheFloorCountsAsDeliveredAndDone) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishAll({"orders.a", "orders.b", "orders.c"});

  consumer.MoveFloor(2);

  EXPECT_EQ(consumer.ack_floor().stream, 2u);
  EXPECT_EQ(consumer.delivered().stream, 2u);
  EXPECT_EQ(consumer.num_pending(), 1u);
}

TEST_F(ConsumerTest, APurgeMovesTheConsumerBehindIt) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishAll({"orders.a", "orders.b", "orders.c"});
  world_.Pull("C", "_INBOX.a", "2");

  world_.stream->Purge({}, 0, 0);
  world_.EndTurn();

  EXPECT_EQ(consumer.num_ack_pending(), 0u);
  EXPECT_EQ(consumer.num_pending(), 0u);
  EXPECT_EQ(consumer.delivered(), (SequencePair{2, 3}));
  EXPECT_EQ(consumer.ack_floor(), (SequencePair{2, 3}));
}

TEST_F(ConsumerTest, AFilteredPurgeTakesOnlyWhatIsGone) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishAll({"orders.a", "orders.b", "orders.a", "orders.b", "orders.a"});
  world_.Pull("C", "_INBOX.a", "3");

  world_.stream->Purge("orders.a", 0, 0);
  world_.EndTurn();

  EXPECT_EQ(consumer.num_ack_pending(), 1u);
  EXPECT_EQ(consumer.num_pending(), 1u);
}

TEST_F(ConsumerTest, ResetDeliversAgainFromTheFloor) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishAll({"orders.a", "orders.b", "orders.c"});
  world_.Pull("C", "_INBOX.a", "3");
  world_.Request("$JS.ACK.ORDERS.C.1.1.1.0.0", "");

  auto reset = consumer.Reset(0);

  ASSERT_TRUE(reset.ok());
  EXPECT_EQ(*reset, 2u);
  EXPECT_EQ(consumer.num_pending(), 2u);
  EXPECT_EQ(consumer.num_ack_pending(), 0u);
  EXPECT_EQ(consumer.delivered(), (SequencePair{0, 1}));
}

TEST_F(ConsumerTest, ResetObeysTheDeliverPolicy) {
  PublishAll({"orders.a", "orders.b", "orders.c"});
  auto config = ConsumerWorld::Durable("seq");
  config.deliver_policy = DeliverPolicy::kByStartSequence;
  config.opt_start_seq = 2;
  Consumer& by_seq = world_.Add(config);
  auto newest = ConsumerWorld::Durable("new");
  newest.deliver_policy = DeliverPolicy::kNew;
  Consumer& only_new = world_.Add(newest);

  EXPECT_EQ(Message(by_seq.Reset(1).status()), "below start seq");
  EXPECT_TRUE(by_seq.Reset(3).ok());
  EXPECT_EQ(Message(only_new.Reset(1).status()), "not allowed");
}

TEST_F(ConsumerTest, InfoHasTheReferencesFieldsInOrder) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishAll({"orders.a", "orders.b"});
  world_.Pull("C", "_INBOX.a", "1");

  std::string info = Info(consumer);

  EXPECT_THAT(info, ::testing::StartsWith(
                        R"({"stream_name":"ORDERS","name":"C","created":"2026-01-01T00:00:00Z",)"
                        R"("config":{"durable_name":"C","name":"C","deliver_policy":"all",)"));
  EXPECT_THAT(info,
              HasSubstr(R"("delivered":{"consumer_seq":1,"stream_seq":1,"last_active":)"
                        R"("2026-01-01T00:00:02Z"},"ack_floor":{"consumer_seq":0,"stream_seq":0},)"
                        R"("num_ack_pending":1,"num_redelivered":0,"num_waiting":0,)"
                        R"("num_pending":1,"ts":"2026-01-01T00:00:02Z")"));
  EXPECT_THAT(info, Not(HasSubstr("paused")));
}

TEST_F(ConsumerTest, NeedsFollowsFilterAndAcks) {
  auto config = ConsumerWorld::Durable("C");
  config.filter_subject = "orders.a";
  Consumer& consumer = world_.Add(config);
  PublishAll({"orders.a", "orders.b", "orders.a"});
  world_.Pull("C", "_INBOX.a", "1");

  EXPECT_TRUE(consumer.Needs(1, "orders.a"));
  EXPECT_FALSE(consumer.Needs(2, "orders.b"));
  EXPECT_TRUE(consumer.Needs(3, "orders.a"));
  world_.Request("$JS.ACK.ORDERS.C.1.1.1.0.0", "");

  EXPECT_FALSE(consumer.Needs(1, "orders.a"));
}

TEST_F(ConsumerTest, AnUpdateChangesWhatIsInForce) {
  Consumer& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishAll({"orders.a", "orders.b", "orders.a"});
  ConsumerConfig config = consumer.config();
  config.filter_subject = "orders.b";
  config.max_ack_pending = 1;

  consumer.Update(config);

  EXPECT_EQ(consumer.num_pending(), 1u);
  world_.router.Take();
  world_.Pull("C", "_INBOX.a", "5");
  EXPECT_THAT(world_.router.PayloadsTo("_INBOX.a"), ElementsAre("2"));
}

}  // namespace
}  // namespace weir::jetstream

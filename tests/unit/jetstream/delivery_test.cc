#include "jetstream/delivery.h"

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
using ::testing::IsEmpty;
using testing::Ns;

class DeliveryTest : public ::testing::Test {
 protected:
  // Payloads delivered to the inbox since the last call; statuses are left out.
  std::vector<std::string> Got(std::string_view inbox = "_INBOX.a") {
    std::vector<std::string> out;
    for (const auto& sent : world_.router.Take()) {
      if (sent.inbox == inbox && sent.subject != inbox) {
        out.push_back(sent.payload);
      }
    }
    return out;
  }

  void PublishMany(int count) {
    for (int i = 1; i <= count; ++i) {
      world_.router.Inject({kGlobalAccount, "orders.x", {}, {}, std::to_string(i)});
    }
    world_.EndTurn();
    world_.router.Take();
  }

  ConsumerWorld world_;
};

TEST_F(DeliveryTest, AMessageShowsItsSubjectAndAnAckSubject) {
  world_.Add(ConsumerWorld::Durable("C"));
  world_.Publish("orders.new", "payload", "NATS/1.0\r\nA: b\r\n\r\n");
  world_.Publish("orders.new", "second");
  world_.router.Take();

  world_.Pull("C", "_INBOX.a", "1");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].inbox, "_INBOX.a");
  EXPECT_EQ(sent[0].subject, "orders.new");
  EXPECT_EQ(sent[0].headers, "NATS/1.0\r\nA: b\r\n\r\n");
  EXPECT_EQ(sent[0].payload, "payload");
  EXPECT_EQ(sent[0].reply, Cat("$JS.ACK.ORDERS.C.1.1.1.", world_.clock.wall_ns(), ".1"));
}

TEST_F(DeliveryTest, WhereTheLongerAckSubjectsAreAskedForDeliveriesCarryThem) {
  world_.options.long_ack_subjects = true;
  world_.options.domain = "hub";
  world_.Add(ConsumerWorld::Durable("C"));
  world_.Publish("orders.new", "payload");

  world_.Pull("C", "_INBOX.a", "1");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].reply, Cat("$JS.ACK.hub.hash0.ORDERS.C.1.1.1.", world_.clock.wall_ns(), ".0"));
}

TEST_F(DeliveryTest, WaitingRequestsGetWhatIsPublishedLater) {
  world_.Add(ConsumerWorld::Durable("C"));
  world_.Pull("C", "_INBOX.a", "2");
  EXPECT_THAT(Got(), IsEmpty());

  world_.Publish("orders.x", "1");

  EXPECT_THAT(Got(), ElementsAre("1"));
}

TEST_F(DeliveryTest, NothingIsDeliveredBeforeItIsCommitted) {
  world_.Add(ConsumerWorld::Durable("C"));
  world_.commits.immediate = false;
  world_.Pull("C", "_INBOX.a", "2");

  world_.Publish("orders.x", "1");
  EXPECT_THAT(Got(), IsEmpty());
  world_.commits.CommitAll();

  EXPECT_THAT(Got(), ElementsAre("1"));
}

TEST_F(DeliveryTest, NewMessagesStopAtMaxAckPendingAndGoOnWithAnAck) {
  auto config = ConsumerWorld::Durable("C");
  config.max_ack_pending = 2;
  world_.Add(config);
  PublishMany(4);

  world_.Pull("C", "_INBOX.a", "10");
  EXPECT_THAT(Got(), ElementsAre("1", "2"));
  world_.Request("$JS.ACK.ORDERS.C.1.1.1.0.0", "");

  EXPECT_THAT(Got(), ElementsAre("3"));
}

TEST_F(DeliveryTest, RedeliveriesGoFirstAndDoNotNeedRoom) {
  auto config = ConsumerWorld::Durable("C");
  config.max_ack_pending = 2;
  world_.Add(config);
  PublishMany(3);
  world_.Pull("C", "_INBOX.a", "10");
  Got();

  world_.Request("$JS.ACK.ORDERS.C.1.2.2.0.0", "", "-NAK");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].payload, "2");
  EXPECT_THAT(sent[0].reply, ::testing::StartsWith("$JS.ACK.ORDERS.C.2.2.3."));
}

TEST_F(DeliveryTest, AnExpiredAckWaitBringsTheMessageAgain) {
  world_.Add(ConsumerWorld::Durable("C"));
  PublishMany(2);
  world_.Pull("C", "_INBOX.a", "10");
  EXPECT_THAT(Got(), ElementsAre("1", "2"));
  world_.Request("$JS.ACK.ORDERS.C.1.2.2.0.0", "");

  world_.Advance(30s);

  EXPECT_THAT(Got(), ElementsAre("1"));
}

TEST_F(DeliveryTest, ALostInboxCostsNothing) {
  auto& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishMany(1);
  world_.router.no_interest.insert("_INBOX.a");

  world_.Pull("C", "_INBOX.a", "10");
  EXPECT_EQ(consumer.delivered().consumer, 0u);
  world_.Pull("C", "_INBOX.b", "10");

  EXPECT_THAT(Got("_INBOX.b"), ElementsAre("1"));
  EXPECT_EQ(consumer.delivered().consumer, 1u);
}

TEST_F(DeliveryTest, ASlowReceiverIsGivenTime) {
  world_.Add(ConsumerWorld::Durable("C"));
  PublishMany(3);
  world_.router.congested.insert("_INBOX.a");

  world_.Pull("C", "_INBOX.a", "10");
  EXPECT_THAT(Got(), ElementsAre("1"));
  world_.router.congested.clear();
  world_.Advance(2ms);

  EXPECT_THAT(Got(), ElementsAre("2", "3"));
}

TEST_F(DeliveryTest, ALongRunIsCutIntoPieces) {
  auto config = ConsumerWorld::Durable("C");
  config.ack_policy = AckPolicy::kNone;
  world_.Add(config);
  PublishMany(600);

  world_.router.Inject(
      {kGlobalAccount, "$JS.API.CONSUMER.MSG.NEXT.ORDERS.C", "_INBOX.a", {}, "600"});
  EXPECT_EQ(Got().size(), 256u);
  world_.EndTurn();

  EXPECT_EQ(Got().size(), 344u);
}

TEST_F(DeliveryTest, HeadersOnlyTellsTheSize) {
  auto config = ConsumerWorld::Durable("C");
  config.headers_only = true;
  world_.Add(config);
  world_.Publish("orders.x", "12345");
  world_.Publish("orders.x", "1", "NATS/1.0\r\nA: b\r\n\r\n");
  world_.router.Take();

  world_.Pull("C", "_INBOX.a", "2");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].headers, "NATS/1.0\r\nNats-Msg-Size: 5\r\n\r\n");
  EXPECT_EQ(sent[0].payload, "");
  EXPECT_EQ(sent[1].headers, "NATS/1.0\r\nA: b\r\nNats-Msg-Size: 1\r\n\r\n");
}

TEST_F(DeliveryTest, OfRequestsThatArriveTogetherTheBestPriorityIsServedFirst) {
  auto config = ConsumerWorld::Durable("C");
  config.priority_policy = PriorityPolicy::kPrioritized;
  config.priority_groups = {"g"};
  world_.Add(config);
  PublishMany(3);

  for (auto [inbox, body] : {std::pair{"_INBOX.b", R"({"batch":2,"group":"g","priority":1})"},
                             std::pair{"_INBOX.a", R"({"batch":2,"group":"g","priority":0})"}}) {
    world_.router.Inject({kGlobalAccount, "$JS.API.CONSUMER.MSG.NEXT.ORDERS.C", inbox, {}, body});
  }
  world_.EndTurn();

  EXPECT_THAT(Got(), ElementsAre("1", "2"));
}

TEST_F(DeliveryTest, APinnedClientLearnsItsId) {
  auto config = ConsumerWorld::Durable("C");
  config.priority_policy = PriorityPolicy::kPinnedClient;
  config.priority_groups = {"g"};
  config.priority_timeout_ns = Ns(2min);
  Consumer& consumer = world_.Add(config);
  PublishMany(1);

  world_.Pull("C", "_INBOX.a", R"({"batch":1,"group":"g"})");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_THAT(sent[0].headers,
              ::testing::MatchesRegex("NATS/1.0\r\nNats-Pin-Id: [0-9A-Za-z]{22}\r\n\r\n"));
  JsonWriter out;
  out.OpenObject();
  consumer.WriteInfo(out);
  EXPECT_THAT(out.text(), ::testing::HasSubstr(Cat(R"("priority_groups":[{"group":"g",)",
                                                   R"("pinned_client_id":")",
                                                   sent[0].headers.substr(23, 22), '"')));
}

TEST_F(DeliveryTest, MaxDeliverEndsWithAnAdvisory) {
  auto config = ConsumerWorld::Durable("C");
  config.max_deliver = 2;
  auto& consumer = world_.Add(config);
  world_.router.interest.push_back("$JS.EVENT.>");
  PublishMany(1);
  world_.Pull("C", "_INBOX.a", "10");
  world_.Advance(30s);
  EXPECT_THAT(Got(), ElementsAre("1", "1"));

  world_.Advance(30s);

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].subject, "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.ORDERS.C");
  EXPECT_THAT(sent[0].payload, ::testing::HasSubstr(R"("stream_seq":1,"deliveries":2)"));
  EXPECT_EQ(consumer.num_ack_pending(), 0u);
  EXPECT_EQ(consumer.num_redelivered(), 1u);
}

TEST_F(DeliveryTest, ReplayKeepsThePaceOfPublishing) {
  PublishMany(1);
  world_.Advance(100ms);
  PublishMany(1);
  world_.Advance(50ms);
  PublishMany(1);
  auto config = ConsumerWorld::Durable("C");
  config.replay_policy = ReplayPolicy::kOriginal;
  world_.Add(config);

  world_.Pull("C", "_INBOX.a", "10");
  EXPECT_EQ(Got().size(), 1u);
  world_.Advance(99ms);
  EXPECT_EQ(Got().size(), 0u);
  world_.Advance(1ms);
  EXPECT_EQ(Got().size(), 1u);
  world_.Advance(50ms);
  EXPECT_EQ(Got().size(), 1u);
  world_.Publish("orders.x");

  EXPECT_EQ(Got().size(), 1u);
}

TEST_F(DeliveryTest, AMessageDeletedWhileItWaitsForRedeliveryIsTerminated) {
  auto& consumer = world_.Add(ConsumerWorld::Durable("C"));
  PublishMany(2);
  world_.Pull("C", "_INBOX.a", "2");
  Got();
  world_.router.interest.push_back("$JS.EVENT.>");

  world_.stream->RemoveMessage(1, false);

  EXPECT_EQ(consumer.num_ack_pending(), 1u);
  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].subject, "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.ORDERS.C");
}

}  // namespace
}  // namespace weir::jetstream

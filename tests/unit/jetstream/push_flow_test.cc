#include "jetstream/push_flow.h"

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
using ::testing::StartsWith;

class PushFlowTest : public ::testing::Test {
 protected:
  static ConsumerConfig Push(std::string_view name) {
    ConsumerConfig config = ConsumerWorld::Durable(name);
    config.max_waiting = 0;
    config.deliver_subject = "push.here";
    return config;
  }
  void Listen(std::string_view subject = "push.here") {
    world_.router.no_interest.clear();
    world_.router.interest.emplace_back(subject);
    world_.router.TellWatchers();
    world_.EndTurn();
  }
  void Leave() {
    world_.router.interest.pop_back();
    world_.router.no_interest.insert("push.here");
    world_.router.TellWatchers();
  }
  // What went to the deliver subject since the last call: payloads, or headers of statuses.
  std::vector<std::string> Got() {
    std::vector<std::string> out;
    for (const auto& sent : world_.router.Take()) {
      if (sent.inbox == "push.here") {
        out.push_back(sent.payload.empty() ? sent.headers : sent.payload);
      }
    }
    return out;
  }

  ConsumerWorld world_;
};

TEST_F(PushFlowTest, MessagesGoToTheDeliverSubjectUnderTheirOwn) {
  Listen();
  world_.Add(Push("C"));

  world_.Publish("orders.x", "1");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].inbox, "push.here");
  EXPECT_EQ(sent[0].subject, "orders.x");
  EXPECT_THAT(sent[0].reply, StartsWith("$JS.ACK.ORDERS.C.1.1.1."));
}

TEST_F(PushFlowTest, NothingGoesBeforeSomebodyListens) {
  world_.router.no_interest.insert("push.here");
  Consumer& consumer = world_.Add(Push("C"));
  world_.Publish("orders.x", "1");
  EXPECT_THAT(Got(), IsEmpty());
  EXPECT_EQ(consumer.delivered().consumer, 0u);

  Listen();

  EXPECT_THAT(Got(), ElementsAre("1"));
}

TEST_F(PushFlowTest, ALostListenerLosesNothing) {
  Listen();
  Consumer& consumer = world_.Add(Push("C"));
  Leave();

  world_.Publish("orders.x", "1");
  EXPECT_EQ(consumer.delivered().consumer, 0u);
  Listen();

  EXPECT_THAT(Got(), ElementsAre("1"));
}

TEST_F(PushFlowTest, OnlyWhoSubscribesTheSubjectInItsGroupCountsAsAListener) {
  auto config = Push("C");
  config.deliver_group = "g";
  Consumer& consumer = world_.Add(config);
  world_.Publish("orders.x", "1");

  for (std::string_view other : {"push.here", "push.*", "push.here h", "push.* g"}) {
    Listen(other);
    EXPECT_EQ(consumer.delivered().consumer, 0u) << other;
  }
  Listen("push.here g");

  EXPECT_EQ(consumer.delivered().consumer, 1u);
}

TEST_F(PushFlowTest, AListenerThatCouldNotBeReachedIsTriedOnceMore) {
  Listen();
  world_.Add(Push("C"));
  world_.router.no_interest.insert("push.here");
  world_.Publish("orders.x", "1");
  world_.router.no_interest.clear();
  world_.Advance(99ms);
  EXPECT_THAT(Got(), IsEmpty());

  world_.Advance(1ms);

  EXPECT_THAT(Got(), ElementsAre("1"));
}

TEST_F(PushFlowTest, HeartbeatsFillTheSilence) {
  Listen();
  auto config = Push("C");
  config.idle_heartbeat_ns = Ns(1s);
  world_.Add(config);
  world_.Advance(900ms);
  world_.Publish("orders.x", "1");
  world_.Advance(900ms);
  EXPECT_THAT(Got(), ElementsAre("1"));

  world_.Advance(100ms);

  EXPECT_THAT(Got(), ElementsAre("NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\n"
                                 "Nats-Last-Stream: 1\r\n\r\n"));
}

TEST_F(PushFlowTest, FlowControlStopsAtTheWindowAndGoesOnWithTheAnswer) {
  Listen();
  auto config = Push("C");
  config.ack_policy = AckPolicy::kNone;
  config.max_ack_pending = 0;
  config.flow_control = true;
  config.idle_heartbeat_ns = Ns(10s);
  world_.Add(config);
  std::string large(256 << 10, 'x');
  for (int i = 0; i < 12; ++i) {
    world_.router.Inject({kGlobalAccount, "orders.x", {}, {}, large});
  }
  world_.EndTurn();

  std::vector<std::string> requests;
  size_t messages = 0;
  auto count = [&] {
    for (const auto& sent : world_.router.Take()) {
      if (sent.headers == "NATS/1.0 100 FlowControl Request\r\n\r\n") {
        requests.push_back(sent.reply);
      } else if (sent.inbox == "push.here" && !sent.payload.empty()) {
        ++messages;
      }
    }
  };
  count();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_THAT(requests[0], StartsWith("$JS.FC.ORDERS.C."));
  EXPECT_EQ(messages, 8u);
  world_.Advance(10s);
  EXPECT_THAT(Got(), ElementsAre(HasSubstr(Cat("Nats-Consumer-Stalled: ", requests[0]))));

  world_.Request("$JS.FC.ORDERS.C.nope", "");
  count();
  EXPECT_EQ(messages, 8u);
  world_.Request(requests[0], "");
  count();

  EXPECT_EQ(messages, 12u);
}

TEST_F(PushFlowTest, AnAnswerToFlowControlMayBeAnAcknowledgement) {
  world_.options.long_ack_subjects = true;
  Listen();
  auto config = Push("C");
  config.ack_policy = AckPolicy::kFlowControl;
  config.ack_wait_ns = 0;
  config.max_ack_pending = 2;
  config.flow_control = true;
  config.idle_heartbeat_ns = Ns(1s);
  Consumer& consumer = world_.Add(config);
  for (int i = 0; i < 3; ++i) {
    world_.Publish("orders.x");
  }
  auto request = [&] {
    std::string reply;
    for (const auto& sent : world_.router.Take()) {
      if (sent.headers == "NATS/1.0 100 FlowControl Request\r\n\r\n") {
        reply = sent.reply;
      }
    }
    return reply;
  };
  auto answer = [&](const std::string& to, int consumer_seq, int stream_seq) {
    std::string headers = Cat("NATS/1.0\r\nNats-Last-Consumer: ", consumer_seq,
                              "\r\nNats-Last-Stream: ", stream_seq, "\r\n\r\n");
    world_.router.Inject({kGlobalAccount, to, {}, headers, {}});
    world_.EndTurn();
  };

  // Two in flight are all there may be.
  EXPECT_EQ(consumer.delivered(), (SequencePair{2, 2}));
  std::string first = request();
  ASSERT_THAT(first, StartsWith("$JS.FC._.hash0.ORDERS.C."));
  world_.Advance(1h);
  EXPECT_EQ(consumer.delivered(), (SequencePair{2, 2})) << "nothing is delivered twice";
  answer(first, 2, 2);
  EXPECT_EQ(consumer.ack_floor(), (SequencePair{2, 2}));
  EXPECT_EQ(consumer.num_ack_pending(), 1U);

  // The last one is asked for when nothing else comes.
  world_.router.Take();
  world_.Advance(2s);
  answer(request(), 3, 3);
  EXPECT_EQ(consumer.num_ack_pending(), 0U);
}

TEST_F(PushFlowTest, ARateLimitSpreadsWhatIsBeyondTheBurst) {
  Listen();
  auto config = Push("C");
  config.rate_limit_bps = 8'000'000;
  world_.Add(config);
  std::string half_burst(1 << 19, 'x');
  for (int i = 0; i < 4; ++i) {
    world_.router.Inject({kGlobalAccount, "orders.x", {}, {}, half_burst});
  }
  world_.EndTurn();
  EXPECT_EQ(Got().size(), 2u);

  world_.Advance(1ms);
  EXPECT_EQ(Got().size(), 1u);
  world_.Advance(500ms);
  EXPECT_EQ(Got().size(), 0u);
  world_.Advance(100ms);

  EXPECT_EQ(Got().size(), 1u);
}

TEST_F(PushFlowTest, AnEphemeralWithoutListenersGoesAfterItsThreshold) {
  Listen();
  auto config = Push("C");
  config.durable_name.clear();
  world_.Add(config);
  world_.Advance(1min);
  EXPECT_NE(world_.stream->FindConsumer("C"), nullptr);
  Leave();

  for (int i = 0; i < 12; ++i) {
    world_.Advance(1s);
  }

  EXPECT_EQ(world_.stream->FindConsumer("C"), nullptr);
}

TEST_F(PushFlowTest, PullingFromAPushConsumerIsRefused) {
  world_.Add(Push("C"));

  world_.Pull("C", "_INBOX.a", "1");

  auto sent = world_.router.Take();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].headers, "NATS/1.0 409 Consumer is push based\r\n\r\n");
}

TEST_F(PushFlowTest, ANewDeliverSubjectGetsWhatIsInFlightAgain) {
  Listen();
  Listen("push.there");
  Consumer& consumer = world_.Add(Push("C"));
  world_.Publish("orders.x", "1");
  Got();
  auto config = consumer.config();
  config.deliver_subject = "push.there";

  consumer.Update(config);

  EXPECT_THAT(world_.router.PayloadsTo("push.there"), ElementsAre("1"));
}

TEST_F(PushFlowTest, InfoSaysWhetherSomebodyListens) {
  Listen();
  Consumer& consumer = world_.Add(Push("C"));
  JsonWriter out;
  out.OpenObject();
  consumer.WriteInfo(out);

  EXPECT_THAT(out.text(), HasSubstr(R"("push_bound":true)"));
}

}  // namespace
}  // namespace weir::jetstream

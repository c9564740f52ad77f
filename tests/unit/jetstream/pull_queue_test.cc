#include "jetstream/pull_queue.h"

#include <string>

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
using ::testing::StartsWith;

class PullQueueTest : public ::testing::Test {
 protected:
  PullQueueTest()
      : pin_(world_.env, [this](std::string_view reason) { pins_.emplace_back(reason); }),
        queue_(world_.env, kGlobalAccount, ledger_, pin_) {
    config_ = ConsumerWorld::Durable("C");
    config_.max_waiting = 4;
    queue_.Configure(config_);
    ledger_.Start(1);
  }

  bool Add(std::string_view inbox, std::string_view body, uint64_t available = 0) {
    return queue_.Add(Cat("_INBOX.", inbox), body, [available] { return available; });
  }

  // Gives one message of this size to whoever is next; the inbox, or empty.
  std::string Give(size_t size = 10, uint64_t pending = 1) {
    auto* request = queue_.Pick({size, pending}, world_.clock.steady_ns());
    if (request == nullptr) {
      return {};
    }
    std::string inbox = request->reply;
    queue_.Delivered(size, world_.clock.steady_ns());
    return inbox;
  }

  std::vector<std::string> Statuses() {
    std::vector<std::string> out;
    for (const auto& sent : world_.router.Take()) {
      out.push_back(Cat(sent.subject, " ", sent.headers));
    }
    return out;
  }

  ConsumerWorld world_;
  ConsumerConfig config_;
  AckLedger ledger_;
  std::vector<std::string> pins_;
  ClientPin pin_;
  PullQueue queue_;
};

TEST_F(PullQueueTest, RequestsTakeTurns) {
  Add("a", R"({"batch":2})");
  Add("b", "2");

  EXPECT_EQ(Give(), "_INBOX.a");
  EXPECT_EQ(Give(), "_INBOX.b");
  EXPECT_EQ(Give(), "_INBOX.a");
  EXPECT_EQ(Give(), "_INBOX.b");
  EXPECT_EQ(Give(), "");
  EXPECT_THAT(Statuses(), IsEmpty());
}

TEST_F(PullQueueTest, ExpiredRequestGets408WithWhatIsStillMissing) {
  Add("a", R"({"batch":10,"max_bytes":1000,"expires":5000000000})");
  for (int i = 0; i < 3; ++i) {
    Give(100);
  }

  world_.Advance(5s);

  EXPECT_THAT(Statuses(),
              ElementsAre("_INBOX.a NATS/1.0 408 Request Timeout\r\n"
                          "Nats-Pending-Messages: 7\r\nNats-Pending-Bytes: 700\r\n\r\n"));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(PullQueueTest, NoWaitWithoutMessagesIsOverAtOnce) {
  EXPECT_FALSE(Add("a", R"({"batch":5,"no_wait":true})"));

  EXPECT_THAT(Statuses(), ElementsAre("_INBOX.a NATS/1.0 404 No Messages\r\n\r\n"));
}

TEST_F(PullQueueTest, NoWaitEndsWhenTheStreamIsDrained) {
  EXPECT_TRUE(Add("a", R"({"batch":5,"no_wait":true})", 2));
  Give();
  Give();

  queue_.EndNoWait();

  EXPECT_THAT(Statuses(), ElementsAre("_INBOX.a NATS/1.0 404 No Messages\r\n\r\n"));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(PullQueueTest, NoWaitWithExpiryWaitsForAFirstMessage) {
  EXPECT_TRUE(Add("a", R"({"batch":5,"no_wait":true,"expires":1000000000})"));
  queue_.EndNoWait();
  EXPECT_EQ(queue_.size(), 1u);

  Give();
  queue_.EndNoWait();

  EXPECT_THAT(Statuses(), ElementsAre("_INBOX.a NATS/1.0 404 No Messages\r\n\r\n"));
}

TEST_F(PullQueueTest, NoWaitStalledByMissingAcksEndsWhenATimeIsDue) {
  config_.max_ack_pending = 1;
  ledger_.Configure(config_);
  Add("a", R"({"batch":5,"no_wait":true,"expires":9000000000,"idle_heartbeat":1000000000})", 9);
  Add("b", R"({"batch":1,"expires":9000000000})", 9);
  EXPECT_EQ(Give(), "_INBOX.a");
  ledger_.Deliver(1, world_.clock.steady_ns());
  world_.Advance(999ms);
  EXPECT_THAT(Statuses(), IsEmpty());

  world_.Advance(1ms);

  EXPECT_THAT(Statuses(), ElementsAre("_INBOX.a NATS/1.0 404 No Messages\r\n\r\n"));
  EXPECT_EQ(queue_.size(), 1u);
}

TEST_F(PullQueueTest, NoWaitIsRefusedWhenOthersWillTakeEverything) {
  Add("a", "10");

  EXPECT_FALSE(Add("b", R"({"batch":1,"no_wait":true})", 5));

  EXPECT_THAT(Statuses(), ElementsAre("_INBOX.b NATS/1.0 408 Requests Pending\r\n\r\n"));
}

TEST_F(PullQueueTest, TooManyRequestsAreRefusedUnlessTheyHaveHeartbeats) {
  for (std::string_view inbox : {"a", "b", "c", "d"}) {
    EXPECT_TRUE(Add(inbox, "1"));
  }

  EXPECT_FALSE(Add("e", "1"));
  EXPECT_FALSE(Add("f", R"({"batch":1,"expires":1000000000,"idle_heartbeat":100000000})"));

  EXPECT_THAT(Statuses(), ElementsAre("_INBOX.e NATS/1.0 409 Exceeded MaxWaiting\r\n\r\n"));
}

TEST_F(PullQueueTest, LimitsOfTheConsumerAreChecked) {
  config_.max_batch = 10;
  config_.max_expires_ns = Ns(1s);
  config_.max_bytes = 100;
  queue_.Configure(config_);

  EXPECT_FALSE(Add("a", "11"));
  EXPECT_FALSE(Add("a", R"({"batch":1,"expires":1000000001})"));
  EXPECT_FALSE(Add("a", R"({"batch":1,"max_bytes":101})"));
  EXPECT_TRUE(Add("a", R"({"batch":10,"expires":1000000000,"max_bytes":100})"));

  EXPECT_THAT(Statuses(),
              ElementsAre("_INBOX.a NATS/1.0 409 Exceeded MaxRequestBatch of 10\r\n\r\n",
                          "_INBOX.a NATS/1.0 409 Exceeded MaxRequestExpires of 1s\r\n\r\n",
                          "_INBOX.a NATS/1.0 409 Exceeded MaxRequestMaxBytes of 100\r\n\r\n"));
}

TEST_F(PullQueueTest, BadRequestsSayWhatIsWrong) {
  EXPECT_FALSE(Add("a", "{"));
  EXPECT_FALSE(Add("a", R"({"batch":1,"min_pending":1})"));
  EXPECT_FALSE(Add("a", R"({"batch":1,"id":"x"})"));
  EXPECT_FALSE(Add("a", R"({"batch":1,"priority":10})"));
  EXPECT_FALSE(Add("a", R"({"batch":1,"expires":10,"idle_heartbeat":6})"));

  EXPECT_THAT(Statuses(),
              ElementsAre(StartsWith("_INBOX.a NATS/1.0 400 Bad Request - unexpected "),
                          "_INBOX.a NATS/1.0 400 Bad Request - Not a Overflow Priority "
                          "consumer\r\n\r\n",
                          "_INBOX.a NATS/1.0 400 Bad Request - Not a Pinned Client Priority "
                          "consumer\r\n\r\n",
                          "_INBOX.a NATS/1.0 400 Bad Request - Priority must be between 0 and "
                          "9\r\n\r\n",
                          "_INBOX.a NATS/1.0 400 Bad Request - heartbeat value too "
                          "large\r\n\r\n"));
}

TEST_F(PullQueueTest, AMessageLargerThanTheBytesLeftEndsTheRequest) {
  Add("a", R"({"batch":5,"max_bytes":100})");
  Add("b", "1");

  EXPECT_EQ(Give(101), "_INBOX.b");

  EXPECT_THAT(Statuses(),
              ElementsAre("_INBOX.a NATS/1.0 409 Message Size Exceeds MaxBytes\r\n"
                          "Nats-Pending-Messages: 5\r\nNats-Pending-Bytes: 100\r\n\r\n"));
}

TEST_F(PullQueueTest, TheLastByteEndsARequestSilentlyTheLastMessageDoesNot) {
  Add("a", R"({"batch":5,"max_bytes":100})");
  EXPECT_EQ(Give(100), "_INBOX.a");
  EXPECT_TRUE(queue_.empty());
  EXPECT_THAT(Statuses(), IsEmpty());

  Add("b", R"({"batch":1,"max_bytes":100})");
  EXPECT_EQ(Give(40), "_INBOX.b");
  EXPECT_THAT(Statuses(),
              ElementsAre("_INBOX.b NATS/1.0 409 Batch Completed\r\n"
                          "Nats-Pending-Messages: 0\r\nNats-Pending-Bytes: 60\r\n\r\n"));
}

TEST_F(PullQueueTest, HeartbeatsComeWhileNothingElseDoes) {
  Add("a", R"({"batch":5,"expires":1000000000,"idle_heartbeat":300000000})");
  ledger_.Deliver(7, 0);

  world_.Advance(200ms);
  Give();
  world_.Advance(299ms);
  EXPECT_THAT(Statuses(), IsEmpty());
  world_.Advance(1ms);

  EXPECT_THAT(Statuses(),
              ElementsAre("_INBOX.a NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\n"
                          "Nats-Last-Stream: 7\r\n\r\n"));
}

TEST_F(PullQueueTest, ALostInboxIsForgotten) {
  Add("a", R"({"batch":5,"expires":1000000000})");
  world_.router.no_interest.insert("_INBOX.a");

  queue_.Refresh();

  EXPECT_TRUE(queue_.empty());
  EXPECT_THAT(Statuses(), IsEmpty());
}

TEST_F(PullQueueTest, StoppingTellsEverybody) {
  Add("a", "5");
  Add("b", "5");

  queue_.Stop(409, "Consumer Deleted");

  EXPECT_THAT(Statuses(), ElementsAre("_INBOX.a NATS/1.0 409 Consumer Deleted\r\n\r\n",
                                      "_INBOX.b NATS/1.0 409 Consumer Deleted\r\n\r\n"));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(PullQueueTest, OverflowRequestsWaitForABacklog) {
  config_.priority_policy = PriorityPolicy::kOverflow;
  config_.priority_groups = {"g"};
  queue_.Configure(config_);
  Add("a", R"({"batch":5,"group":"g","min_pending":10})");

  EXPECT_EQ(Give(10, 9), "");
  EXPECT_EQ(Give(10, 10), "_INBOX.a");
  Add("b", R"({"batch":5,"group":"g"})");
  EXPECT_EQ(Give(10, 9), "_INBOX.b");
}

TEST_F(PullQueueTest, OverflowRequestsLookAtUnackedMessagesToo) {
  config_.priority_policy = PriorityPolicy::kOverflow;
  config_.priority_groups = {"g"};
  queue_.Configure(config_);
  Add("a", R"({"batch":5,"group":"g","min_ack_pending":1})");
  EXPECT_EQ(Give(), "");

  ledger_.Configure(config_);
  ledger_.Deliver(1, 0);

  EXPECT_EQ(Give(), "_INBOX.a");
}

TEST_F(PullQueueTest, LowerPriorityIsServedFirstAndEqualsTakeTurns) {
  config_.priority_policy = PriorityPolicy::kPrioritized;
  config_.priority_groups = {"g"};
  queue_.Configure(config_);
  Add("low", R"({"batch":2,"group":"g","priority":5})");
  Add("a", R"({"batch":2,"group":"g","priority":1})");
  Add("b", R"({"batch":2,"group":"g","priority":1})");

  EXPECT_EQ(Give(), "_INBOX.a");
  EXPECT_EQ(Give(), "_INBOX.b");
  EXPECT_EQ(Give(), "_INBOX.a");
  EXPECT_EQ(Give(), "_INBOX.b");
  EXPECT_EQ(Give(), "_INBOX.low");
}

TEST_F(PullQueueTest, APriorityConsumerWantsAKnownGroup) {
  config_.priority_policy = PriorityPolicy::kOverflow;
  config_.priority_groups = {"g"};
  queue_.Configure(config_);

  EXPECT_FALSE(Add("a", R"({"batch":1})"));
  EXPECT_FALSE(Add("a", R"({"batch":1,"group":"h"})"));

  EXPECT_THAT(Statuses(),
              ElementsAre("_INBOX.a NATS/1.0 400 Bad Request - Priority Group missing\r\n\r\n",
                          "_INBOX.a NATS/1.0 400 Bad Request - Invalid Priority Group\r\n\r\n"));
}

TEST_F(PullQueueTest, OnlyThePinnedClientIsServed) {
  config_.priority_policy = PriorityPolicy::kPinnedClient;
  config_.priority_groups = {"g"};
  queue_.Configure(config_);
  pin_.Configure(Ns(2s));
  Add("a", R"({"batch":2,"group":"g"})");
  Add("b", R"({"batch":2,"group":"g"})");

  EXPECT_EQ(Give(), "_INBOX.a");
  EXPECT_EQ(Give(), "_INBOX.a");
  EXPECT_EQ(Give(), "");
  EXPECT_TRUE(Add("a", Cat(R"({"batch":1,"group":"g","id":")", pin_.id(), "\"}")));
  EXPECT_EQ(Give(), "_INBOX.a");
  EXPECT_FALSE(Add("c", R"({"batch":1,"group":"g","id":"other"})"));
  EXPECT_THAT(Statuses(), ElementsAre("_INBOX.c NATS/1.0 423 Nats-Pin-Id mismatch\r\n\r\n"));

  world_.Advance(2s);

  EXPECT_EQ(Give(), "_INBOX.b");
  EXPECT_THAT(pins_, ElementsAre("", "timeout", ""));
}

TEST_F(PullQueueTest, ARequestWithALostPinIsOver) {
  config_.priority_policy = PriorityPolicy::kPinnedClient;
  config_.priority_groups = {"g"};
  queue_.Configure(config_);
  pin_.Configure(Ns(2s));
  Add("a", R"({"batch":3,"group":"g"})");
  Give();

  pin_.Release("admin");

  EXPECT_EQ(Give(), "");
  EXPECT_THAT(Statuses(), ElementsAre("_INBOX.a NATS/1.0 423 Nats-Wrong-Pin-Id\r\n"
                                      "Nats-Pending-Messages: 2\r\nNats-Pending-Bytes: 0\r\n\r\n"));
}

}  // namespace
}  // namespace weir::jetstream

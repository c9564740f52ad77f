#include "jetstream/api_consumers.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/consumer_world.h"

namespace weir::jetstream {
namespace {

using namespace std::chrono_literals;
using testing::ConsumerWorld;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ApiConsumersTest : public ::testing::Test {
 protected:
  std::string Create(std::string_view form, std::string_view body) {
    return world_.Call(HandleConsumerCreate, Cat("$JS.API.CONSUMER.", form), body);
  }
  std::string CreateC(std::string_view config, std::string_view more = {}) {
    return Create("CREATE.ORDERS.C",
                  Cat(R"({"stream_name":"ORDERS","config":)", config, more, "}"));
  }
  static auto Error(int code) { return HasSubstr(Cat(R"("err_code":)", code, ",")); }

  ConsumerWorld world_;
};

TEST_F(ApiConsumersTest, ADurableIsCreatedAndDescribed) {
  std::string answer = CreateC(R"({"durable_name":"C","ack_policy":"explicit"})");

  EXPECT_THAT(answer, StartsWith(R"({"type":"io.nats.jetstream.api.v1.consumer_create_response",)"
                                 R"("stream_name":"ORDERS","name":"C",)"));
  EXPECT_THAT(answer, HasSubstr(R"("config":{"durable_name":"C","name":"C","deliver_policy":"all",)"
                                R"("ack_policy":"explicit","ack_wait":30000000000,)"
                                R"("max_deliver":-1,"replay_policy":"instant","max_waiting":512,)"
                                R"("max_ack_pending":1000,"num_replicas":0,"metadata":{)"));
  EXPECT_EQ(world_.meta.consumers.size(), 1u);
}

TEST_F(ApiConsumersTest, TheAnswerWaitsForTheCommit) {
  world_.commits.immediate = false;

  EXPECT_EQ(CreateC(R"({"durable_name":"C","ack_policy":"explicit"})"), "");
  world_.commits.CommitAll();

  EXPECT_EQ(world_.router.PayloadsTo("_INBOX.api").size(), 1u);
}

TEST_F(ApiConsumersTest, AnEphemeralIsNotSyncedForItsAnswer) {
  size_t synced = world_.commits.synced;

  CreateC(R"({"ack_policy":"explicit"})");

  EXPECT_EQ(world_.commits.synced, synced);
  EXPECT_EQ(world_.meta.consumers.size(), 1u);
}

TEST_F(ApiConsumersTest, AFailedCommitIsTold) {
  world_.commits.Fail(DataLoss("disk is full"));

  EXPECT_THAT(CreateC(R"({"durable_name":"C","ack_policy":"explicit"})"),
              HasSubstr("error creating store for consumer: disk is full"));
}

TEST_F(ApiConsumersTest, FormsOfTheSubject) {
  auto body = [](std::string_view config) {
    return Cat(R"({"stream_name":"ORDERS","config":)", config, "}");
  };
  EXPECT_THAT(Create("DURABLE.CREATE.ORDERS.D", body(R"({"durable_name":"D"})")),
              HasSubstr(R"("name":"D")"));
  EXPECT_THAT(Create("DURABLE.CREATE.ORDERS", body(R"({"durable_name":"D"})")), Error(10016));
  EXPECT_THAT(Create("DURABLE.CREATE.ORDERS.D", body("{}")), Error(10018));
  EXPECT_THAT(Create("DURABLE.CREATE.ORDERS.D", body(R"({"durable_name":"E"})")), Error(10017));
  EXPECT_THAT(Create("CREATE.ORDERS.D", body(R"({"durable_name":"E"})")), Error(10017));
  EXPECT_THAT(Create("CREATE.ORDERS", body(R"({"durable_name":"E"})")), Error(10020));
  EXPECT_THAT(Create("CREATE.ORDERS.N.orders.a", body(R"({"filter_subject":"orders.a"})")),
              HasSubstr(R"("filter_subject":"orders.a")"));
  EXPECT_THAT(Create("CREATE.ORDERS.N2.orders.b", body(R"({"filter_subject":"orders.a"})")),
              Error(10131));
  EXPECT_THAT(Create("CREATE.ORDERS.N2.orders.b", body(R"({"filter_subjects":["orders.b"]})")),
              Error(10137));
  EXPECT_THAT(Create("CREATE.ORDERS.a/b", body("{}")), Error(10127));
  EXPECT_THAT(Create("CREATE.ORDERS.N3", R"({"stream_name":"OTHER","config":{}})"), Error(10056));
  EXPECT_THAT(Create("CREATE.ORDERS.N3", body(R"({"num_replicas":3})")), Error(10074));
}

TEST_F(ApiConsumersTest, AnUnnamedEphemeralGetsANameThatItsConfigDoesNotShow) {
  std::string answer = Create("CREATE.ORDERS", R"({"stream_name":"ORDERS","config":{}})");

  ASSERT_EQ(world_.stream->consumers().size(), 1u);
  std::string name = world_.stream->consumers().begin()->first;
  EXPECT_EQ(name.size(), 8u);
  EXPECT_THAT(answer, HasSubstr(Cat(R"("name":")", name, '"')));
  EXPECT_THAT(answer, HasSubstr(R"("config":{"deliver_policy")"));
  EXPECT_THAT(answer, HasSubstr(R"("inactive_threshold":5000000000)"));
}

TEST_F(ApiConsumersTest, StrictJsonNamesTheUnknownField) {
  EXPECT_THAT(CreateC(R"({"durable_name":"C","colour":"red"})"),
              HasSubstr(R"(invalid JSON: json: unknown field \"colour\")"));
  world_.options.strict = false;
  EXPECT_THAT(CreateC(R"({"durable_name":"C","colour":"red"})"), HasSubstr(R"("name":"C")"));
}

TEST_F(ApiConsumersTest, ActionsSayWhatIsMeant) {
  constexpr std::string_view kConfig = R"({"durable_name":"C","ack_policy":"explicit"})";
  EXPECT_THAT(CreateC(kConfig, R"(,"action":"update")"), Error(10149));
  EXPECT_THAT(CreateC(kConfig, R"(,"action":"create")"), Not(HasSubstr("error")));
  EXPECT_THAT(CreateC(kConfig, R"(,"action":"create")"), Not(HasSubstr("error")));
  EXPECT_THAT(CreateC(R"({"durable_name":"C","ack_policy":"explicit","description":"d"})",
                      R"(,"action":"create")"),
              Error(10148));
  EXPECT_THAT(CreateC(R"({"durable_name":"C","ack_policy":"explicit","description":"d"})",
                      R"(,"action":"update")"),
              HasSubstr(R"("description":"d")"));
  EXPECT_THAT(CreateC(kConfig, R"(,"action":"destroy")"),
              HasSubstr(R"(invalid JSON: unknown consumer action: \"destroy\")"));
  EXPECT_THAT(CreateC(R"({"durable_name":"C","ack_policy":"none"})"),
              HasSubstr("ack policy can not be updated"));
}

TEST_F(ApiConsumersTest, TheNumberOfConsumersIsLimited) {
  world_.options.default_max_consumers = 1;
  CreateC(R"({"durable_name":"C"})");

  EXPECT_THAT(Create("CREATE.ORDERS.D", R"({"stream_name":"ORDERS","config":{}})"), Error(10026));
}

TEST(ApiWorkQueueTest, ConsumersOfAWorkQueueShareNothing) {
  ConsumerWorld world(true, RetentionPolicy::kWorkQueue);
  auto create = [&world](std::string_view name, std::string_view config) {
    return world.Call(HandleConsumerCreate, Cat("$JS.API.CONSUMER.CREATE.ORDERS.", name),
                      Cat(R"({"stream_name":"ORDERS","config":)", config, "}"));
  };
  auto error = [](int code) {
    return HasSubstr(Cat(R"("err_code":)", code, ","));
  };

  EXPECT_THAT(create("A", R"({"ack_policy":"all"})"), error(10098));
  EXPECT_THAT(create("A", R"({"ack_policy":"explicit","deliver_policy":"new"})"), error(10101));
  EXPECT_THAT(create("A", R"({"ack_policy":"explicit","filter_subject":"orders.a.>"})"),
              Not(HasSubstr("error")));
  EXPECT_THAT(create("B", R"({"ack_policy":"explicit"})"), error(10099));
  EXPECT_THAT(create("B", R"({"ack_policy":"explicit","filter_subject":"orders.*.x"})"),
              error(10100));
  EXPECT_THAT(create("B", R"({"ack_policy":"explicit","filter_subject":"orders.b"})"),
              Not(HasSubstr("error")));
}

TEST_F(ApiConsumersTest, NamesAndListsComeInPages) {
  for (std::string_view name : {"B", "A", "C"}) {
    world_.Add(ConsumerWorld::Durable(name));
  }

  EXPECT_EQ(world_.Call(HandleConsumerNames, "$JS.API.CONSUMER.NAMES.ORDERS", R"({"offset":1})"),
            R"({"type":"io.nats.jetstream.api.v1.consumer_names_response","total":3,"offset":1,)"
            R"("limit":1024,"consumers":["B","C"]})");
  std::string list = world_.Call(HandleConsumerList, "$JS.API.CONSUMER.LIST.ORDERS");
  EXPECT_THAT(list, HasSubstr(R"("total":3,"offset":0,"limit":256,"consumers":[{"stream_name")"));
}

TEST_F(ApiConsumersTest, InfoAndDelete) {
  world_.Add(ConsumerWorld::Durable("C"));

  EXPECT_THAT(world_.Call(HandleConsumerInfo, "$JS.API.CONSUMER.INFO.ORDERS.C"),
              StartsWith(R"({"type":"io.nats.jetstream.api.v1.consumer_info_response",)"
                         R"("stream_name":"ORDERS","name":"C",)"));
  EXPECT_THAT(world_.Call(HandleConsumerInfo, "$JS.API.CONSUMER.INFO.ORDERS.X"), Error(10014));
  EXPECT_THAT(world_.Call(HandleConsumerDelete, "$JS.API.CONSUMER.DELETE.ORDERS.C", "x"),
              Error(10038));
  EXPECT_EQ(world_.Call(HandleConsumerDelete, "$JS.API.CONSUMER.DELETE.ORDERS.C"),
            R"({"type":"io.nats.jetstream.api.v1.consumer_delete_response","success":true})");
  EXPECT_TRUE(world_.stream->consumers().empty());
  EXPECT_TRUE(world_.meta.consumers.empty());
}

TEST_F(ApiConsumersTest, PauseAndResume) {
  world_.Add(ConsumerWorld::Durable("C"));

  EXPECT_EQ(world_.Call(HandleConsumerPause, "$JS.API.CONSUMER.PAUSE.ORDERS.C",
                        R"({"pause_until":"2026-01-01T00:00:10Z"})"),
            R"({"type":"io.nats.jetstream.api.v1.consumer_pause_response","paused":true,)"
            R"("pause_until":"2026-01-01T00:00:10Z","pause_remaining":10000000000})");
  EXPECT_EQ(world_.Call(HandleConsumerPause, "$JS.API.CONSUMER.PAUSE.ORDERS.C"),
            R"({"type":"io.nats.jetstream.api.v1.consumer_pause_response","paused":false,)"
            R"("pause_until":"0001-01-01T00:00:00Z"})");
}

TEST_F(ApiConsumersTest, ResetSaysWhereItBegins) {
  world_.Add(ConsumerWorld::Durable("C"));
  world_.Publish("orders.a");

  EXPECT_THAT(world_.Call(HandleConsumerReset, "$JS.API.CONSUMER.RESET.ORDERS.C"),
              HasSubstr(R"("reset_seq":1})"));
}

TEST_F(ApiConsumersTest, UnpinWantsAGroupOfTheConsumer) {
  auto config = ConsumerWorld::Durable("C");
  config.priority_policy = PriorityPolicy::kOverflow;
  config.priority_groups = {"g"};
  world_.Add(config);
  auto unpin = [this](std::string_view body) {
    return world_.Call(HandleConsumerUnpin, "$JS.API.CONSUMER.UNPIN.ORDERS.C", body);
  };

  EXPECT_THAT(unpin("{}"), HasSubstr("invalid JSON: consumer group not specified"));
  EXPECT_THAT(unpin(R"({"group":"no good"})"), Error(10162));
  EXPECT_THAT(unpin(R"({"group":"h"})"), Error(10160));
  EXPECT_EQ(unpin(R"({"group":"g"})"),
            R"({"type":"io.nats.jetstream.api.v1.consumer_unpin_response"})");
}

}  // namespace
}  // namespace weir::jetstream

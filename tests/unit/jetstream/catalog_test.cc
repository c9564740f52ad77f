#include "jetstream/catalog.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;

// Two homes with an executor, timers and a router of their own, as two workers have.
class TwoHomesTest : public ::testing::Test {
 protected:
  ~TwoHomesTest() override { meta_.js.reset(); }  // before the second home

  void SetUp() override {
    std::vector<Environment*> environments{&meta_.env, &second_env_};
    meta_.js = std::make_unique<JetStream>(environments);
    ASSERT_TRUE(meta_.js->Recover().ok());
    meta_.js->Start([this] { ready_ = true; });
    RunTurns();
  }

  void RunTurns() {
    bool busy = true;
    while (busy) {
      meta_.RunTurns();
      busy = second_executor_.RunAll() > 0;
      if (std::exchange(second_requested_, false)) {
        meta_.js->shard(1).Commit();
        busy = true;
      }
    }
  }
  // Answers may come from either home.
  std::string Ask(std::string_view subject, std::string_view payload = {}) {
    meta_.Send(subject, "_R_", payload);
    RunTurns();
    auto answers = meta_.router.PayloadsTo("_R_");
    auto more = second_router_.PayloadsTo("_R_");
    answers.insert(answers.end(), more.begin(), more.end());
    meta_.router.Take();
    second_router_.Take();
    return answers.size() == 1 ? answers[0] : Cat("(", answers.size(), " answers)");
  }
  void Create(std::string_view name) {
    ASSERT_THAT(Ask(Cat("$JS.API.STREAM.CREATE.", name), Cat(R"({"name":")", name, "\"}")),
                HasSubstr("did_create"));
  }

  testing::JsHome meta_;
  testing::ManualExecutor second_executor_;
  TimerQueue second_timers_;
  testing::FakeRouter second_router_;
  bool second_requested_ = false;
  Environment second_env_{second_executor_,
                          meta_.clock,
                          second_timers_,
                          meta_.random,
                          second_router_,
                          meta_.log,
                          meta_.commits,
                          meta_.meta,
                          meta_.stores,
                          meta_.accounts,
                          meta_.options,
                          meta_.identity,
                          [this] {
                            second_requested_ = true;
                          }};
  bool ready_ = false;
};

TEST_F(TwoHomesTest, StreamsAreSpreadOverTheHomes) {
  EXPECT_TRUE(ready_);

  for (const char* name : {"A", "B", "C", "D"}) {
    Create(name);
  }

  EXPECT_EQ(meta_.js->shard(0).streams().size(), 2U);
  EXPECT_EQ(meta_.js->shard(1).streams().size(), 2U);
}

TEST_F(TwoHomesTest, RequestsFindTheirHome) {
  Create("A");
  Create("B");

  EXPECT_THAT(Ask("$JS.API.STREAM.INFO.A"), HasSubstr(R"("name":"A")"));
  EXPECT_THAT(Ask("$JS.API.STREAM.INFO.B"), HasSubstr(R"("name":"B")"));
  EXPECT_THAT(Ask("$JS.API.STREAM.INFO.C"), HasSubstr("10059"));
}

TEST_F(TwoHomesTest, AListIsGatheredInOrder) {
  for (const char* name : {"C", "A", "B"}) {
    Create(name);
  }

  std::string list = Ask("$JS.API.STREAM.LIST");

  EXPECT_THAT(list, HasSubstr(R"("total":3)"));
  EXPECT_LT(list.find(R"("name":"A")"), list.find(R"("name":"B")"));
  EXPECT_LT(list.find(R"("name":"B")"), list.find(R"("name":"C")"));
}

TEST_F(TwoHomesTest, ADeletedNameIsFreeAtOnce) {
  Create("A");
  Create("B");
  for (const char* name : {"A", "B"}) {
    meta_.Send(Cat("$JS.API.STREAM.DELETE.", name), "_R_");
    meta_.Send(Cat("$JS.API.STREAM.CREATE.", name), "_R_", Cat(R"({"name":")", name, "\"}"));
  }
  RunTurns();

  EXPECT_EQ(meta_.meta.streams.size(), 2U);
  EXPECT_EQ(meta_.js->shard(0).streams().size() + meta_.js->shard(1).streams().size(), 2U);
}

TEST_F(TwoHomesTest, UsageIsCountedFromAllHomes) {
  Create("A");
  Create("B");

  meta_.router.Inject({kGlobalAccount, "A", "", {}, "x"});
  second_router_.Inject({kGlobalAccount, "B", "", {}, "x"});
  RunTurns();

  EXPECT_EQ(meta_.js->catalog().usage(kGlobalAccount).storage.load(), 64);
}

TEST_F(TwoHomesTest, AnUpdateThatHurtsConsumersIsTakenBack) {
  Create("A");
  Ask("$JS.API.CONSUMER.CREATE.A.c",
      R"({"stream_name":"A","config":{"name":"c","durable_name":"c","ack_policy":"explicit",)"
      R"("max_ack_pending":50}})");

  EXPECT_THAT(
      Ask("$JS.API.STREAM.UPDATE.A", R"({"name":"A","consumer_limits":{"max_ack_pending":10}})"),
      HasSubstr("change to limits violates consumers: c"));

  EXPECT_EQ(meta_.js->catalog().Find(kGlobalAccount, "A")->config.consumer_limits,
            ConsumerLimits{});
}

}  // namespace
}  // namespace weir::jetstream

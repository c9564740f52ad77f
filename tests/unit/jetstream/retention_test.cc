#include "jetstream/retention.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cold_store.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

class RetentionTest : public ::testing::Test {
 protected:
  void CreateConsumer(std::string_view name, std::string_view filter = {}) {
    std::string answer =
        home_.Ask(Cat("$JS.API.CONSUMER.CREATE.S.", name, filter.empty() ? "" : ".", filter),
                  Cat(R"({"stream_name":"S","config":{"durable_name":")", name, R"(","name":")",
                      name, R"(","ack_policy":"explicit","filter_subject":")", filter, R"("}})"));
    ASSERT_THAT(answer, Not(HasSubstr("error")));
  }
  // Pulls `count` messages and acks them all.
  void Work(std::string_view consumer, int count) {
    home_.Send(Cat("$JS.API.CONSUMER.MSG.NEXT.S.", consumer), "inbox", Cat(count));
    home_.RunTurns();
    for (const auto& message : home_.router.Take()) {
      if (message.inbox == "inbox" && message.reply.starts_with("$JS.ACK.")) {
        home_.Send(message.reply, "", "+ACK");
      }
    }
    home_.RunTurns();
  }
  void Publish(std::string_view subject, int count = 1) {
    for (int i = 0; i < count; ++i) {
      home_.Send(subject, "", "x");
    }
    home_.RunTurns();
  }
  const storage::StoreState& state() { return home_.stream().store().state(); }

  testing::JsHome home_;
};

TEST_F(RetentionTest, AWorkQueueLetsGoWhatIsAcked) {
  home_.Boot();
  home_.CreateStream(R"("subjects":["a.*"],"retention":"workqueue")");
  CreateConsumer("c");
  Publish("a.1", 5);
  EXPECT_EQ(state().messages, 5U);

  Work("c", 3);

  EXPECT_EQ(state().messages, 2U);
  EXPECT_EQ(state().first_seq, 4U);
}

TEST_F(RetentionTest, AWorkQueueKeepsWhatNobodyTakes) {
  home_.Boot();
  home_.CreateStream(R"("subjects":["a.*"],"retention":"workqueue")");

  Publish("a.1", 2);

  EXPECT_EQ(state().messages, 2U);
}

TEST_F(RetentionTest, InterestLastsUntilTheLastConsumerIsDone) {
  home_.Boot();
  home_.CreateStream(R"("subjects":["a.*"],"retention":"interest")");
  CreateConsumer("c");
  CreateConsumer("d");
  Publish("a.1", 3);

  Work("c", 3);
  EXPECT_EQ(state().messages, 3U);
  Work("d", 2);
  EXPECT_EQ(state().messages, 1U);
}

TEST_F(RetentionTest, InterestLooksAtTheFilters) {
  home_.Boot();
  home_.CreateStream(R"("subjects":["a.*"],"retention":"interest")");
  CreateConsumer("c", "a.1");
  CreateConsumer("d", "a.2");

  Publish("a.1");
  Publish("a.2");
  Publish("a.3");
  EXPECT_EQ(state().messages, 2U) << "nobody wants a.3";
  EXPECT_EQ(state().last_seq, 3U);

  Work("c", 1);
  EXPECT_EQ(state().messages, 1U);
}

TEST_F(RetentionTest, ADeletedConsumerWantsNothingMore) {
  home_.Boot();
  home_.CreateStream(R"("subjects":["a.*"],"retention":"interest")");
  CreateConsumer("c");
  CreateConsumer("d");
  Publish("a.1", 1500);
  Work("c", 900);

  home_.Ask("$JS.API.CONSUMER.DELETE.S.d");
  EXPECT_EQ(state().messages, 600U);
  home_.Ask("$JS.API.CONSUMER.DELETE.S.c");
  EXPECT_EQ(state().messages, 0U);
  EXPECT_EQ(state().last_seq, 1500U);
}

TEST_F(RetentionTest, TurningToInterestDropsWhatNobodyWants) {
  home_.Boot();
  home_.CreateStream(R"("subjects":["a.*"])");
  Publish("a.1", 3);

  home_.Ask("$JS.API.STREAM.UPDATE.S", R"({"name":"S","subjects":["a.*"],"retention":"interest"})");

  EXPECT_EQ(state().messages, 0U);
}

TEST_F(RetentionTest, MessagesOnDiskAreLoadedToSeeWhoWantsThem) {
  home_.meta.streams[1] = {StreamId(1), "$G",
                           R"({"name":"S","subjects":["a.*"],"retention":"interest"})", 0};
  home_.stores.disk[1] = std::make_unique<testing::ColdStore>(0, &home_.executor);
  home_.Boot();
  CreateConsumer("c");
  CreateConsumer("d");
  Publish("a.1", 3);

  Work("c", 3);
  Work("d", 3);

  EXPECT_EQ(state().messages, 0U);
}

TEST_F(RetentionTest, AShorterAgeAppliesAtOnce) {
  home_.Boot();
  home_.CreateStream(R"("subjects":["a.*"])");
  Publish("a.1");
  home_.Advance(60 * kSecond);
  Publish("a.1");

  home_.Ask("$JS.API.STREAM.UPDATE.S", R"({"name":"S","subjects":["a.*"],"max_age":30000000000})");

  EXPECT_EQ(state().messages, 1U);
  home_.Advance(30 * kSecond);
  EXPECT_EQ(state().messages, 0U);
}

TEST_F(RetentionTest, ConsumersSkipWhatTheLimitsTook) {
  home_.Boot();
  home_.CreateStream(R"("subjects":["a.*"],"max_msgs":2)");
  CreateConsumer("c");

  Publish("a.1", 5);

  EXPECT_THAT(home_.Ask("$JS.API.CONSUMER.INFO.S.c"), HasSubstr(R"("num_pending":2)"));
}

}  // namespace
}  // namespace weir::jetstream

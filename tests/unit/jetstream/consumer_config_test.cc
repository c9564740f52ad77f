#include "jetstream/consumer_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;

std::string Write(const ConsumerConfig& config, const StringMap<std::string>& extra = {}) {
  JsonWriter out;
  WriteConsumerConfig(out, config, extra);
  return out.Take();
}

StatusOr<ConsumerConfig> ReadStrictly(std::string_view text) {
  return ReadConsumerConfig(ParseJson(text)->get_object(), true);
}

TEST(ConsumerConfigTest, AnEmptyConfigurationWritesOnlyWhatIsAlwaysThere) {
  EXPECT_EQ(Write({}), R"({"deliver_policy":"all","ack_policy":"none","replay_policy":"instant",)"
                       R"("num_replicas":0})");
}

TEST(ConsumerConfigTest, EveryFieldComesBackInTheReferencesOrder) {
  constexpr std::string_view kFull =
      R"({"durable_name":"C","name":"C","description":"d","deliver_policy":"by_start_time",)"
      R"("opt_start_seq":5,"opt_start_time":"2026-01-02T03:04:05.5Z","ack_policy":"explicit",)"
      R"("ack_wait":1,"max_deliver":2,"backoff":[1,2],"filter_subject":"a","filter_subjects":["b",)"
      R"("c"],"replay_policy":"original","rate_limit_bps":3,"sample_freq":"10%","max_waiting":4,)"
      R"("max_ack_pending":5,"flow_control":true,"headers_only":true,"max_batch":6,)"
      R"("max_expires":7,"max_bytes":8,"deliver_subject":"x","deliver_group":"g",)"
      R"("idle_heartbeat":9,"inactive_threshold":10,"num_replicas":1,"mem_storage":true,)"
      R"("direct":true,"sourcing":true,"metadata":{"a":"1","b":"2"},)"
      R"("pause_until":"2026-01-01T00:00:00Z","priority_groups":["g"],)"
      R"("priority_policy":"overflow","priority_timeout":11})";

  auto config = ReadStrictly(kFull);

  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(Write(*config), kFull);
  EXPECT_EQ(*ParseConsumerConfig(Write(*config)), *config);
}

TEST(ConsumerConfigTest, WrongValuesAreReportedAsGoDoes) {
  EXPECT_EQ(Message(ReadStrictly(R"({"ack_policy":"maybe"})").status()),
            R"(can not unmarshal "\"maybe\"")");
  EXPECT_EQ(Message(ReadStrictly(R"({"priority_policy":"x"})").status()),
            R"(unknown priority policy: "x")");
  EXPECT_EQ(Message(ReadStrictly(R"({"nonsense":1})").status()),
            R"(json: unknown field "nonsense")");
  EXPECT_TRUE(ParseConsumerConfig(R"({"nonsense":1})").ok());
}

TEST(ConsumerConfigTest, FiltersAreOneList) {
  ConsumerConfig config;
  EXPECT_TRUE(config.Filters().empty());
  config.filter_subjects = {"a", "b"};
  EXPECT_THAT(config.Filters(), ElementsAre("a", "b"));
  config.filter_subject = "c";
  EXPECT_THAT(config.Filters(), ElementsAre("c"));
}

TEST(ConsumerConfigTest, SamplingIsAPercentageWithOrWithoutItsSign) {
  ConsumerConfig config;
  EXPECT_EQ(config.SamplePercent(), 0);
  config.sample_freq = "30%";
  EXPECT_EQ(config.SamplePercent(), 30);
  config.sample_freq = "40";
  EXPECT_EQ(config.SamplePercent(), 40);
}

TEST(ConsumerConfigTest, MetadataIsStampedAndSorted) {
  ConsumerConfig config;
  config.metadata.insert_or_assign("z", "1");
  config.metadata.insert_or_assign("_nats.ver", "old");

  StampConsumerMetadata(config);

  EXPECT_THAT(Write(config, AnswerMetadata("2.15.2")),
              ::testing::HasSubstr(R"("metadata":{"_nats.level":"5","_nats.req.level":"0",)"
                                   R"("_nats.ver":"2.15.2","z":"1"})"));
}

TEST(ConsumerConfigTest, PausesAndPrioritiesNeedALevel) {
  ConsumerConfig config;
  config.pause_until_ns = 5;
  StampConsumerMetadata(config);
  EXPECT_EQ(config.metadata["_nats.req.level"], "1");

  config.ack_policy = AckPolicy::kFlowControl;
  StampConsumerMetadata(config);
  EXPECT_EQ(config.metadata["_nats.req.level"], "4");
}

}  // namespace
}  // namespace weir::jetstream

#include "jetstream/stream_config.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

// Every field, in the order in which the reference writes them.
constexpr std::string_view kFull =
    R"({"name":"ALL","description":"d","subjects":["all.\u003e"],"retention":"interest",)"
    R"("max_consumers":5,"max_msgs":6,"max_bytes":7000,"max_age":9000000000000,)"
    R"("max_msgs_per_subject":3,"max_msg_size":900,"discard":"new","storage":"memory",)"
    R"("num_replicas":1,"no_ack":true,"duplicate_window":5000000000,)"
    R"("placement":{"cluster":"c","tags":["t"]},"mirror":{"name":"M","opt_start_seq":4,)"
    R"("opt_start_time":"2026-01-02T03:04:05Z","filter_subject":"f","external":{"api":"A",)"
    R"("deliver":"D"}},"sources":[{"name":"X","subject_transforms":[{"src":"s","dest":"d"}],)"
    R"("consumer":{"name":"n","deliver_subject":"ds"}}],"compression":"s2","first_seq":10,)"
    R"("subject_transform":{"src":"all","dest":"all2"},"republish":{"src":"\u003e",)"
    R"("dest":"rr.\u003e","headers_only":true},"allow_direct":true,"mirror_direct":true,)"
    R"("discard_new_per_subject":true,"sealed":true,"deny_delete":true,"deny_purge":true,)"
    R"("allow_rollup_hdrs":true,"consumer_limits":{"inactive_threshold":5000000000,)"
    R"("max_ack_pending":77},"allow_msg_ttl":true,"subject_delete_marker_ttl":2000000000,)"
    R"("allow_msg_counter":true,"allow_atomic":true,"allow_msg_schedules":true,)"
    R"("persist_mode":"async","allow_batched":true,"metadata":{"a":"2","z":"1"}})";

StatusOr<StreamConfig> Read(std::string_view text, bool strict) {
  auto value = ParseJson(text);
  WEIR_CHECK(value.ok());
  return ReadStreamConfig(value->get_object(), strict, nullptr);
}
std::string Write(const StreamConfig& config) {
  JsonWriter out;
  WriteStreamConfig(out, config);
  return out.Take();
}

TEST(StreamConfigTest, EveryFieldSurvivesTheRoundTrip) {
  auto config = Read(kFull, /*strict=*/true);

  ASSERT_TRUE(config.ok()) << Message(config.status());
  EXPECT_EQ(Write(*config), kFull);
  EXPECT_EQ(*ParseStreamConfig(kFull), *config);
}

TEST(StreamConfigTest, ZeroFieldsAreLeftOutAsInGo) {
  EXPECT_EQ(Write(StreamConfig{}),
            R"({"name":"","retention":"limits","max_consumers":0,"max_msgs":0,"max_bytes":0,)"
            R"("max_age":0,"max_msgs_per_subject":0,"discard":"old","storage":"file",)"
            R"("num_replicas":0,"compression":"none","allow_direct":false,"mirror_direct":false,)"
            R"("sealed":false,"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,)"
            R"("consumer_limits":{},"allow_msg_ttl":false})");
}

TEST(StreamConfigTest, UnknownFieldsFailOnlyWhenStrict) {
  constexpr std::string_view kText = R"({"name":"S","consumer_limits":{"x":1}})";

  EXPECT_EQ(Message(Read(kText, /*strict=*/true).status()), R"(json: unknown field "x")");
  EXPECT_TRUE(Read(kText, /*strict=*/false).ok());
}

TEST(StreamConfigTest, AnEmptyPlacementIsNone) {
  EXPECT_EQ(Read(R"({"placement":{}})", true)->placement, std::nullopt);
  EXPECT_EQ(Read(R"({"placement":{"cluster":""}})", true)->placement, std::nullopt);
}

TEST(StreamConfigTest, WrongEnumsAreNamed) {
  EXPECT_EQ(Message(Read(R"({"storage":"tape"})", true).status()),
            R"(can not unmarshal "\"tape\"")");
}

TEST(StreamConfigTest, PedanticIsOfTheRequest) {
  bool pedantic = false;
  auto value = ParseJson(R"({"name":"S","pedantic":true})");

  ASSERT_TRUE(ReadStreamConfig(value->get_object(), true, &pedantic).ok());

  EXPECT_TRUE(pedantic);
}

TEST(StreamConfigTest, ExtraMetadataIsSortedIn) {
  StreamConfig config;
  config.metadata["a"] = "1";
  JsonWriter out;
  WriteStreamConfig(out, config, {{"_nats.ver", "2"}});

  EXPECT_NE(out.text().find(R"("metadata":{"_nats.ver":"2","a":"1"})"), std::string::npos);
}

}  // namespace
}  // namespace weir::jetstream

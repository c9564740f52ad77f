#include "jetstream/stream_rules.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

class StreamRulesTest : public ::testing::Test {
 protected:
  // The error's text, empty when there is none. `config_` has the defaults afterwards.
  std::string Check(std::string_view members, bool pedantic = false) {
    std::string text = Cat("{", members, members.empty() ? "" : ",", R"("name":"T1"})");
    config_ = *ParseStreamConfig(text);
    return Recheck(pedantic);
  }
  std::string Recheck(bool pedantic = false) {
    ApiError error = CheckStreamConfig(config_, options_, limits_, pedantic);
    code_ = error.err_code;
    return error.description;
  }

  StreamConfig config_;
  JetStreamOptions options_;
  AccountLimits limits_;
  int code_ = 0;
};

TEST_F(StreamRulesTest, DefaultsAreFilledIn) {
  EXPECT_EQ(Check(""), "");

  EXPECT_EQ(config_.subjects, std::vector<std::string>{"T1"});
  EXPECT_EQ(config_.max_msgs, -1);
  EXPECT_EQ(config_.max_msg_size, -1);
  EXPECT_EQ(config_.num_replicas, 1);
  EXPECT_EQ(config_.duplicate_window_ns, 120 * kSecond);
  Check(R"("max_age":1000000000)");
  EXPECT_EQ(config_.duplicate_window_ns, kSecond);
  options_.duplicate_window_ns = kSecond / 2;
  Check("");
  EXPECT_EQ(config_.duplicate_window_ns, kSecond / 2);
}

TEST_F(StreamRulesTest, TextsAreTheReferences) {
  struct Case {
    const char* members;
    const char* text;
  };
  for (const Case& c : {
           Case{R"("num_replicas":3)", "replicas > 1 not supported in non-clustered mode"},
           Case{R"("num_replicas":6)", "maximum replicas is 5"},
           Case{R"("num_replicas":-1)", "replicas count cannot be negative"},
           Case{R"("max_age":5)", "max age needs to be >= 100ms"},
           Case{R"("max_age":-5)", "max age can not be negative"},
           Case{R"("duplicate_window":-1)", "duplicates window can not be negative"},
           Case{R"("duplicate_window":5)", "duplicates window needs to be >= 100ms"},
           Case{R"("max_age":1000000000,"duplicate_window":2000000000)",
                "duplicates window can not be larger then max age"},
           Case{R"("deny_purge":true,"allow_rollup_hdrs":true)",
                "roll-ups require the purge permission"},
           Case{R"("discard_new_per_subject":true)",
                "discard new per subject requires discard new policy to be set"},
           Case{R"("discard_new_per_subject":true,"discard":"new")",
                "discard new per subject requires max msgs per subject > 0"},
           Case{R"("subjects":["a b"])", "invalid subject"},
           Case{R"("subjects":[""])", "invalid subject"},
           Case{R"("subjects":["a","a"])", R"(subject "a" overlaps with "a")"},
           Case{R"("subjects":["a.*","a.b"])", R"(subject "a.*" overlaps with "a.b")"},
           Case{R"("subjects":[">"])", "capturing all subjects requires no-ack to be true"},
           Case{R"("subjects":["$JS.API.x"])",
                "subjects that overlap with jetstream api require no-ack to be true"},
           Case{R"("subjects":["$SYS.x"])",
                "subjects that overlap with system api require no-ack to be true"},
           Case{R"("placement":{"preferred":"x"})", "preferred server not permitted in placement"},
           Case{R"("mirror":{"name":"K"},"subjects":["x"])",
                "stream mirrors can not contain subjects"},
           Case{R"("persist_mode":"async","storage":"memory")",
                "async persist mode is only supported on file storage"},
       }) {
    EXPECT_EQ(Check(c.members), c.text) << c.members;
  }
}

TEST_F(StreamRulesTest, ReservedSubjectsAreFreeForWhoSendsNoAcks) {
  EXPECT_EQ(Check(R"("subjects":[">"],"no_ack":true)"), "");
  EXPECT_EQ(Check(R"("subjects":["$JS.EVENT.ADVISORY.>"])"), "");
  EXPECT_EQ(Check(R"("subjects":["$SYS.ACCOUNT.*.CONNECT"])"), "");
}

TEST_F(StreamRulesTest, NamesAndTextsHaveLengths) {
  Check("");
  config_.name = std::string(256, 'x');
  EXPECT_EQ(Recheck(), "stream name is too long, maximum allowed is 255");
  config_.name = "a.b";
  EXPECT_EQ(Recheck(), R"(stream name is required and can not contain '.', '*', '>', '\', '/')");
  config_.name = "a";
  config_.description = std::string(4097, 'x');
  EXPECT_EQ(Recheck(), "stream description is too long, maximum allowed is 4096");
  config_.description.clear();
  config_.metadata["k"] = std::string(128 << 10, 'x');
  EXPECT_EQ(Recheck(), "stream metadata exceeds maximum size of 131072 bytes");
}

TEST_F(StreamRulesTest, PedanticRefusesWhatIsOtherwiseCorrected) {
  EXPECT_EQ(Check(R"("max_msgs":-5)"), "");
  EXPECT_EQ(Check(R"("max_msgs":-5)", /*pedantic=*/true),
            "pedantic mode: max_msgs must be set to -1");
}

TEST_F(StreamRulesTest, TheAccountMayAskForMaxBytes) {
  limits_.max_bytes_required = true;
  limits_.storage_max_stream_bytes = 100;

  Check("");
  EXPECT_EQ(code_, 10113);
  Check(R"("max_bytes":101)");
  EXPECT_EQ(code_, 10122);
  EXPECT_EQ(Check(R"("max_bytes":100)"), "");
}

TEST_F(StreamRulesTest, TransformsWithoutSourceOrDestinationAreTaken) {
  EXPECT_EQ(Check(R"("subject_transform":{"src":"","dest":"z.>"})"), "");
  EXPECT_TRUE((*MakeTransform(*config_.subject_transform))->Covers("anything"));
  EXPECT_EQ(Check(R"("subject_transform":{"src":"x","dest":""})"), "");
  EXPECT_FALSE(MakeTransform(*config_.subject_transform)->has_value());
  EXPECT_EQ(Check(R"("subject_transform":{"src":"x..","dest":"z"})"),
            "stream transform source: invalid subject x..");
  EXPECT_EQ(Check(R"("republish":{"src":"","dest":""})"), "");
  EXPECT_EQ(config_.republish->src, ">");
}

TEST_F(StreamRulesTest, StampsDoNotMakeADifference) {
  StreamConfig a;
  StreamConfig b;
  b.metadata["_nats.ver"] = "2.15.1";
  b.metadata["_nats.level"] = "5";
  EXPECT_TRUE(SameStreamConfig(a, b));

  StampStreamMetadata(b);
  EXPECT_EQ(b.metadata, (StringMap<std::string>{{"_nats.req.level", "0"}}));
  b.persist_mode = PersistMode::kAsync;
  StampStreamMetadata(b);
  EXPECT_EQ(b.metadata["_nats.req.level"], "2");
  EXPECT_FALSE(SameStreamConfig(a, b));
}

}  // namespace
}  // namespace weir::jetstream

#include "ingest/pipeline_config.h"

#include <string>

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/json.h"

namespace weir::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

StatusOr<ExportSpec> Read(std::string_view text) {
  return SpecFromJson("orders", ParseJson(text)->get_object());
}
std::string Error(std::string_view text) {
  auto spec = Read(text);
  return spec.ok() ? "no error" : std::string(Message(spec.status()));
}

constexpr std::string_view kFull = R"({
  "stream": "ORDERS", "subjects": ["orders.*.created", "orders.*.paid"],
  "start": "sequence:17", "stop": "idle:30s", "layout": "columns",
  "sink": "sqlite:////x.db", "table": "raw.orders", "strategy": "merge", "primary_key": ["id"],
  "batch": {"rows": 500, "bytes": 1000000, "interval": "2s"},
  "errors": {"on_bad_row": "fail", "max_bad_rows": 3},
  "contract": "freeze", "type_drift": "dlq", "type_hints": {"id": "bigint", "at": "timestamp"},
  "max_columns": 50, "on_gap": "fail", "on_recreate": "restart", "create_table": false})";

TEST(PipelineConfigTest, EveryKeyIsReadAndWrittenAgain) {
  auto spec = Read(kFull);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->name, "orders");
  EXPECT_THAT(spec->subjects, ElementsAre("orders.*.created", "orders.*.paid"));
  EXPECT_EQ(spec->start.sequence, 17u);
  EXPECT_EQ(spec->stop.idle_ns, 30'000'000'000);
  EXPECT_EQ(spec->batch_rows, 500u);
  EXPECT_EQ(spec->batch_interval_ns, 2'000'000'000);
  EXPECT_EQ(spec->on_bad_row, BadRowPolicy::kFail);
  EXPECT_EQ(spec->contract, Contract::kFreeze);
  EXPECT_EQ(spec->type_hints[1].type, ColumnType::kTimestampTz);
  EXPECT_FALSE(spec->create_table);

  auto written = SpecToJson(*spec, false);
  auto again = SpecFromJson("", written);

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(boost::json::serialize(SpecToJson(*again, false)), boost::json::serialize(written));
}

TEST(PipelineConfigTest, DefaultsNeedOnlyStreamSinkAndTable) {
  auto spec = Read(R"({"stream":"S","sink":"sqlite:x.db","table":"t"})");

  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->start.kind, StartRule::Kind::kEarliest);
  EXPECT_EQ(spec->stop.kind, StopRule::Kind::kNever);
  EXPECT_EQ(spec->on_bad_row, BadRowPolicy::kDlq);
  EXPECT_EQ(spec->batch_rows, 20'000u);
}

TEST(PipelineConfigTest, MistakesAreNamedWithAGuess) {
  std::string base = R"("stream":"S","sink":"sqlite:x","table":"t")";
  EXPECT_THAT(Error(Cat("{", base, R"(,"strem":"x"})")), HasSubstr("did you mean \"stream\"?"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"batch":{"row":1}})")),
              HasSubstr("unknown key \"batch.row\", did you mean \"rows\"?"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"stop":"sometimes"})")), HasSubstr("never latest"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"start":"time:yesterday"})")), HasSubstr("needs a time"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"layout":"flatten"})")), HasSubstr("not supported yet"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"strategy":"replace"})")), HasSubstr("not supported yet"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"strategy":"merge"})")), HasSubstr("primary_key"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"batch":{"interval":"5"}})")), HasSubstr("with its unit"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"subjects":["a.>","a.b"]})")), HasSubstr("overlap"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"type_hints":{"a":"nmber"}})")), HasSubstr("unknown type"));
  EXPECT_THAT(Error(R"({"stream":"S","table":"t"})"), HasSubstr("sink is missing"));
  EXPECT_THAT(Error(Cat("{", base, R"(,"name":"a.b"})")), HasSubstr("letters, digits"));
}

TEST(PipelineConfigTest, MaskedSpecsShowNoSecrets) {
  auto spec = Read(R"({"stream":"S","sink":"sqlite://u:canary@h/x?token=canary","table":"t",
                       "address":"nats://canary@h"})");
  ASSERT_TRUE(spec.ok());

  EXPECT_THAT(boost::json::serialize(SpecToJson(*spec, true)), Not(HasSubstr("canary")));
}

TEST(ParseSizeTest, UnitsOfTheServersConfiguration) {
  EXPECT_EQ(ParseSize("123"), 123u);
  EXPECT_EQ(ParseSize("2k"), 2000u);
  EXPECT_EQ(ParseSize("2KB"), 2048u);
  EXPECT_EQ(ParseSize("1GiB"), uint64_t{1} << 30);
  EXPECT_EQ(ParseSize("x"), std::nullopt);
  EXPECT_EQ(ParseSize("5q"), std::nullopt);
  EXPECT_EQ(ParseSize("99999999999999999999"), std::nullopt);
  EXPECT_EQ(ParseSize("18446744073709551615t"), std::nullopt);
}

}  // namespace
}  // namespace weir::ingest

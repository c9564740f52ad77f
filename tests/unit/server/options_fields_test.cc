#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/read_options.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(OptionsFieldsTest, ListenSetsHostAndPort) {
  auto read = tests::ReadOptions("listen: \"127.0.0.1:-1\"");

  EXPECT_EQ(read.options.client.host, "127.0.0.1");
  EXPECT_EQ(read.options.client.port, -1);
}

TEST(OptionsFieldsTest, NamesOfFieldsKnowNoCase) {
  EXPECT_EQ(tests::ReadOptions("Max_PAYLOAD: 10").options.limits.max_payload, 10);
}

TEST(OptionsFieldsTest, TraceKindsTurnTraceOn) {
  auto read = tests::ReadOptions("trace_verbose: true");

  EXPECT_TRUE(read.options.log.trace);
  EXPECT_TRUE(read.options.log.trace_verbose);
  EXPECT_FALSE(read.options.log.debug);
}

TEST(OptionsFieldsTest, LogFieldsHaveTwoNames) {
  auto read = tests::ReadOptions("logfile: a\nlog_size_limit: 1k\nlogfile_max_num: 3");

  EXPECT_EQ(read.options.log.file, "a");
  EXPECT_EQ(read.options.log.file_size_limit, 1000);
  EXPECT_EQ(read.options.log.file_max_num, 3);
}

TEST(OptionsFieldsTest, NegatedFieldsTurnThingsOff) {
  auto read = tests::ReadOptions("no_fast_producer_stall: true\nno_header_support: true");

  EXPECT_FALSE(read.options.limits.fast_producer_stall);
  EXPECT_FALSE(read.options.limits.headers);
}

TEST(OptionsFieldsTest, DurationsAreNanoseconds) {
  auto read = tests::ReadOptions("write_deadline: \"1m30s\"\nlame_duck_duration: \"45s\"");

  EXPECT_EQ(read.options.limits.write_deadline_ns, 90 * kSecondNs);
  EXPECT_EQ(read.options.lame_duck.duration_ns, 45 * kSecondNs);
}

TEST(OptionsFieldsTest, TagsMetadataAndFlagsKeepTheirOrder) {
  auto read = tests::ReadOptions(
      "server_tags: [ b, a ]\nserver_metadata { z: 1s, y: 2s }\nfeature_flags { b: true, a: off }");

  EXPECT_THAT(read.options.server_tags, ElementsAre("b", "a"));
  EXPECT_THAT(read.options.server_metadata, ElementsAre(Pair("z", "1s"), Pair("y", "2s")));
  EXPECT_THAT(read.options.feature_flags, ElementsAre(Pair("b", true), Pair("a", false)));
}

TEST(OptionsFieldsTest, WriteTimeoutKnowsThreeWords) {
  EXPECT_TRUE(tests::ReadOptions("write_timeout: close").options.limits.close_on_write_timeout);
  EXPECT_FALSE(tests::ReadOptions("write_timeout: retry").options.limits.close_on_write_timeout);
  EXPECT_THAT(tests::ReadOptions("write_timeout: x").errors,
              ElementsAre("f:1:0: write_timeout must be 'default', 'close' or 'retry'"));
}

TEST(OptionsFieldsTest, AWrongTypeSpoilsItsFieldOnly) {
  auto read = tests::ReadOptions("debug: 1\ntrace: true");

  EXPECT_THAT(read.errors,
              ElementsAre("f:1:0: interface conversion: interface {} is int64, not bool"));
  EXPECT_TRUE(read.options.log.trace);
}

TEST(OptionsFieldsTest, UnknownFieldsAreErrorsUnlessUsedAsVariables) {
  EXPECT_THAT(tests::ReadOptions("what: 1").errors, ElementsAre("f:1:0: unknown field \"what\""));
  EXPECT_THAT(tests::ReadOptions("what: 1\nport: $what").errors, ElementsAre());
}

}  // namespace
}  // namespace weir::server

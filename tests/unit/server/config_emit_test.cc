#include <gtest/gtest.h>

#include "tests/support/parse_config.h"

namespace weir::server {
namespace {

using tests::ConfigJson;

TEST(ConfigEmitTest, Units) {
  EXPECT_EQ(ConfigJson("a: 1k\nb: 1Kb\nc: 1m\nd: 1MiB\ne: 2G\nf: 1gi\ng: 1t\nh: 1p\n"),
            R"({"a":1000,"b":1024,"c":1000000,"d":1048576,"e":2000000000,"f":1073741824,)"
            R"("g":1000000000000,"h":1000000000000000})");
}

TEST(ConfigEmitTest, UnitsWrapAround) {
  EXPECT_EQ(ConfigJson("a: 16EB"), R"({"a":0})");
}

TEST(ConfigEmitTest, NumbersOutOfRange) {
  EXPECT_EQ(ConfigJson("a: 9223372036854775808"),
            "integer '9223372036854775808' is out of the range");
  EXPECT_EQ(ConfigJson("a: -9223372036854775808"), R"({"a":-9223372036854775808})");
}

TEST(ConfigEmitTest, VariablesAreLookedUpFromTheInsideOut) {
  EXPECT_EQ(ConfigJson("v: 1\nm { v: 2, n { a: $v } }\nb: $v"),
            R"({"b":1,"m":{"n":{"a":2},"v":2},"v":1})");
}

TEST(ConfigEmitTest, VariablesMayBeMaps) {
  auto parsed = tests::ParseConfig("v { x: 1 }\nm: $v");
  ASSERT_TRUE(parsed.ok());

  EXPECT_TRUE(parsed->values.Find("v")->used_as_variable());
  EXPECT_FALSE(parsed->values.Find("m")->used_as_variable());
  EXPECT_EQ(parsed->values.Find("m")->Where(), "f:2:1");
}

TEST(ConfigEmitTest, TheEnvironmentIsReadAsConfiguration) {
  tests::Variables variables{{"N", "5k"}, {"S", "'a b'"}, {"M", "{ x: $N }"}, {"BAD", "a b"}};
  EXPECT_EQ(ConfigJson("a: $N\nb: $S\nc: $M", variables), R"({"a":5000,"b":"a b","c":{"x":5000}})");
  EXPECT_EQ(ConfigJson("a: $BAD", variables),
            "variable reference for 'BAD' on line 1 could not be parsed: Parse error on line 1: "
            "'Expected a top-level value to end with a new line, comment or EOF, but got 'b' "
            "instead.'");
}

TEST(ConfigEmitTest, VariablesThatNeedThemselves) {
  EXPECT_EQ(ConfigJson("a: $A", {{"A", "$B"}, {"B", "$A"}}),
            "variable reference for 'A' on line 1 could not be parsed: variable reference for 'B' "
            "on line 1 could not be parsed: variable reference for 'A' on line 1 could not be "
            "parsed: variable reference cycle for 'A'");
}

TEST(ConfigEmitTest, VariablesFromNowhere) {
  EXPECT_EQ(ConfigJson("a: 1\nb: $X"), "variable reference for 'X' on line 2 can not be found");
}

TEST(ConfigEmitTest, BcryptNeedsNoQuotes) {
  EXPECT_EQ(ConfigJson("a: $2a$11$abc"), R"({"a":"$2a$11$abc"})");
}

}  // namespace
}  // namespace weir::server

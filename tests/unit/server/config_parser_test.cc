#include <gtest/gtest.h>

#include "tests/support/parse_config.h"

namespace weir::server {
namespace {

using tests::ConfigJson;

TEST(ConfigParserTest, SeparatorsOfKeysAndValues) {
  EXPECT_EQ(ConfigJson("a=1\nb:2\nc 3\nd  =  4"), R"({"a":1,"b":2,"c":3,"d":4})");
}

TEST(ConfigParserTest, EndsOfValues) {
  EXPECT_EQ(ConfigJson("a: 1; b: 2, c: x # y\nd: z // w"), R"({"a":1,"b":2,"c":"x","d":"z"})");
}

TEST(ConfigParserTest, MapsAndArraysNest) {
  EXPECT_EQ(ConfigJson("m { n { o: [ {p: 1}, [ x, y ] ] } }"),
            R"({"m":{"n":{"o":[{"p":1},["x","y"]]}}})");
}

TEST(ConfigParserTest, TheWholeFileMayBeJson) {
  EXPECT_EQ(ConfigJson(R"({"a": {"b": [true, "c"]}, "d": 1})"), R"({"a":{"b":[true,"c"]},"d":1})");
}

TEST(ConfigParserTest, TrailingCommasAreAllowed) {
  EXPECT_EQ(ConfigJson("a: [ x, ],\nb { c: y, },"), R"({"a":["x"],"b":{"c":"y"}})");
}

TEST(ConfigParserTest, AKeyWithoutAValueTakesTheMapThatCloses) {
  EXPECT_EQ(ConfigJson("a { b }\n"), R"({"b":{}})");
}

TEST(ConfigParserTest, PositionsAreThoseOfKeysAndOfElements) {
  auto parsed = tests::ParseConfig("a: 1\n  b {\n    c: [ x,\n y ]\n}");
  ASSERT_TRUE(parsed.ok());

  const auto* b = parsed->values.Find("b");
  EXPECT_EQ(parsed->values.Find("a")->Where(), "f:1:0");
  EXPECT_EQ(b->Where(), "f:2:3");
  const auto* c = b->AsMap()->Find("c");
  EXPECT_EQ(c->Where(), "f:3:5");
  EXPECT_EQ(c->AsArray()->at(0).Where(), "f:3:10");
  EXPECT_EQ(c->AsArray()->at(1).Where(), "f:4:2");
}

TEST(ConfigParserTest, ErrorsNameTheLine) {
  EXPECT_EQ(ConfigJson("a: 1\nb: 2 3"),
            "Parse error on line 2: 'Expected a top-level value to end with a new line, comment or "
            "EOF, but got '3' instead.'");
  EXPECT_EQ(ConfigJson("a {\n : 1 }"), "Parse error on line 2: 'Unexpected key separator ':'.'");
}

TEST(ConfigParserTest, AKeyAtTheEndIsAnError) {
  EXPECT_EQ(ConfigJson("a: 1\nbcd"), "config is invalid (f:2:4)");
}

TEST(ConfigParserTest, DeepNestingIsRefusedInsteadOfExhaustingTheStack) {
  std::string text = "a: ";
  text.append(100'000, '[');
  EXPECT_EQ(ConfigJson(text), "Parse error on line 1: 'Values are nested too deeply.'");
}

}  // namespace
}  // namespace weir::server

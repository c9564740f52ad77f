#include <gtest/gtest.h>

#include "tests/support/parse_config.h"

namespace weir::server {
namespace {

using tests::ConfigJson;

std::string Value(const std::string& text) {
  return ConfigJson("a: " + text + "\n");
}

TEST(ConfigScalarsTest, Numbers) {
  EXPECT_EQ(Value("42"), R"({"a":42})");
  EXPECT_EQ(Value("-42"), R"({"a":-42})");
  EXPECT_EQ(Value("1.25"), R"({"a":1.25})");
  EXPECT_EQ(Value("-1.5"), R"({"a":-1.5})");
}

TEST(ConfigScalarsTest, NumbersThatAreText) {
  EXPECT_EQ(Value("30s"), R"({"a":"30s"})");
  EXPECT_EQ(Value("1m2"), R"({"a":"1m2"})");
  EXPECT_EQ(Value("10.0.0.1:80"), R"({"a":"10.0.0.1:80"})");
  EXPECT_EQ(Value("5e7b"), R"({"a":"5e7b"})");
}

TEST(ConfigScalarsTest, Dates) {
  EXPECT_EQ(Value("2020-02-29T23:59:59Z"), R"({"a":"2020-02-29T23:59:59Z"})");
  EXPECT_EQ(Value("2021-02-29T23:59:59Z"),
            "expected Zulu formatted DateTime, but got '2021-02-29T23:59:59Z'");
  EXPECT_EQ(Value("2020-02x"),
            "Parse error on line 1: 'Expected '-' in ISO8601 datetime, but found 'x' instead.'");
}

TEST(ConfigScalarsTest, TextAndItsEscapes) {
  EXPECT_EQ(Value(R"("a\tb\x41\"")"), R"({"a":"a\tbA\""})");
  EXPECT_EQ(Value(R"('a\tb')"), R"({"a":"a\\tb"})");
  EXPECT_EQ(Value(R"(a\x41b)"), R"({"a":"aAb"})");
}

TEST(ConfigScalarsTest, EscapedWordsAreTextAndNotBools) {
  EXPECT_EQ(Value(R"(tr\x75e)"), R"({"a":"true"})");
}

TEST(ConfigScalarsTest, Bools) {
  for (const char* word : {"true", "YES", "On"}) {
    EXPECT_EQ(Value(word), R"({"a":true})") << word;
  }
  for (const char* word : {"false", "NO", "oFF"}) {
    EXPECT_EQ(Value(word), R"({"a":false})") << word;
  }
}

TEST(ConfigScalarsTest, Blocks) {
  EXPECT_EQ(Value("(\n b\n )c\n)"), R"({"a":"\n b\n )c\n"})");
  EXPECT_EQ(Value("(\nb"), "Parse error on line 3: 'Unexpected EOF processing block.'");
}

}  // namespace
}  // namespace weir::server

#include "server/json_indent.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(JsonIndentTest, MembersAndItemsStandOnLinesOfTheirOwn) {
  EXPECT_EQ(IndentJson(R"({"a":1,"b":[true,{"c":"x"}]})"),
            "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    {\n      \"c\": \"x\"\n    }\n  ]\n}");
}

TEST(JsonIndentTest, WhatIsEmptyClosesAtOnce) {
  EXPECT_EQ(IndentJson(R"({"a":{},"b":[],"c":[[]]})"),
            "{\n  \"a\": {},\n  \"b\": [],\n  \"c\": [\n    []\n  ]\n}");
  EXPECT_EQ(IndentJson("{}"), "{}");
}

TEST(JsonIndentTest, TheWidthMayBeAnother) {
  EXPECT_EQ(IndentJson(R"({"a":1})", 3), "{\n   \"a\": 1\n}");
}

TEST(JsonIndentTest, TextsAreLeftAlone) {
  EXPECT_EQ(IndentJson(R"(["a{,:}\"]\\","b"])"), "[\n  \"a{,:}\\\"]\\\\\",\n  \"b\"\n]");
}

}  // namespace
}  // namespace weir::server

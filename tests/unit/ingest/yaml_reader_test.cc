#include "ingest/yaml_reader.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class YamlMapTest : public ::testing::Test {
 protected:
  YamlMap Map(const std::string& text) { return YamlMap("f.yaml", "part", YAML::Load(text)); }
};

TEST_F(YamlMapTest, KeysMatchInEveryStyle) {
  YamlMap map = Map("source-table: a\nrun_in_loop: yes\nlogLevel: Info\n");

  EXPECT_EQ(map.Text("source-table"), "a");
  EXPECT_TRUE(map.Flag("run-in-loop", false));
  EXPECT_EQ(map.Text("log_level"), "Info");
  EXPECT_TRUE(map.Finish().ok());
}

TEST_F(YamlMapTest, ListsComeAsListsOrWithCommas) {
  YamlMap map = Map("a: [x, y]\nb: x, y\nc: {k: v}\n");

  EXPECT_THAT(map.List("a"), ElementsAre("x", "y"));
  EXPECT_THAT(map.List("b"), ElementsAre("x", "y"));
  EXPECT_THAT(map.List("none"), ElementsAre());
  map.List("c");
  EXPECT_THAT(std::string(Message(map.status())), HasSubstr("f.yaml:3:4: part.c must be a list"));
}

TEST_F(YamlMapTest, UnreadKeysAreErrorsInTheStyleOfTheFile) {
  YamlMap map = Map("dest_tabel: x\n");
  map.Text("dest-table");

  EXPECT_EQ(Message(map.Finish()),
            "f.yaml:1:1: unknown key \"dest_tabel\" in part, did you mean \"dest_table\"?");
  EXPECT_THAT(map.Unread(), ElementsAre("dest_tabel"));
}

TEST_F(YamlMapTest, NullIsAbsentAndWrongKindsNameTheirPlace) {
  YamlMap map = Map("a:\nb: [1]\nn: -5\n");

  EXPECT_FALSE(map.Has("a"));
  map.Text("b");
  EXPECT_THAT(std::string(Message(map.status())), HasSubstr("f.yaml:2:4"));
  YamlMap other = Map("n: -5\n");
  other.Number("n");
  EXPECT_THAT(std::string(Message(other.status())), HasSubstr("whole number, not \"-5\""));
}

TEST_F(YamlMapTest, WhatIsNoMapIsSaidSo) {
  EXPECT_THAT(std::string(Message(Map("- a\n").Finish())), HasSubstr("part must be a map"));
}

}  // namespace
}  // namespace weir::ingest

#include "server/go_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

using ::testing::ElementsAre;

constexpr FlagSpec kKnown[] = {
    {"D", FlagKind::kBool}, {"p", FlagKind::kInteger}, {"name", FlagKind::kText}};

StatusOr<GivenFlags> Parse(std::vector<std::string> arguments) {
  return ParseGoFlags(arguments, kKnown);
}

std::string Error(std::vector<std::string> arguments) {
  return std::string(Message(Parse(std::move(arguments)).status()));
}

TEST(GoFlagsTest, OneDashOrTwoAndAnEqualsSignOrNone) {
  auto given = Parse({"-p", "1", "--p=2", "--name", "a", "-name=b=c"});
  ASSERT_TRUE(given.ok());

  ASSERT_EQ(given->flags.size(), 4U);
  EXPECT_EQ(given->flags[0].integer, 1);
  EXPECT_EQ(given->flags[1].integer, 2);
  EXPECT_EQ(given->flags[2].text, "a");
  EXPECT_EQ(given->flags[3].text, "b=c");
}

TEST(GoFlagsTest, ABoolTakesItsValueOnlyAfterAnEqualsSign) {
  auto given = Parse({"-D", "false"});
  ASSERT_TRUE(given.ok());
  EXPECT_TRUE(given->flags.at(0).on);
  EXPECT_THAT(given->rest, ElementsAre("false"));

  EXPECT_FALSE(Parse({"-D=false"})->flags.at(0).on);
  EXPECT_TRUE(Parse({"--D=T"})->flags.at(0).on);
}

TEST(GoFlagsTest, FlagsEndAtTheFirstArgumentThatIsNone) {
  EXPECT_THAT(Parse({"-D", "help", "-p", "1"})->rest, ElementsAre("help", "-p", "1"));
  EXPECT_THAT(Parse({"-D", "--", "-p"})->rest, ElementsAre("-p"));
  EXPECT_THAT(Parse({"-"})->rest, ElementsAre("-"));
}

TEST(GoFlagsTest, IntegersMayHaveABase) {
  EXPECT_EQ(Parse({"-p=-1"})->flags.at(0).integer, -1);
  EXPECT_EQ(Parse({"-p=0x1F"})->flags.at(0).integer, 31);
  EXPECT_EQ(Parse({"-p=010"})->flags.at(0).integer, 8);
  EXPECT_EQ(Parse({"-p=0b11"})->flags.at(0).integer, 3);
  EXPECT_EQ(Parse({"-p=0"})->flags.at(0).integer, 0);
}

TEST(GoFlagsTest, ErrorsAreGos) {
  EXPECT_EQ(Error({"-x"}), "flag provided but not defined: -x");
  EXPECT_EQ(Error({"--x=5"}), "flag provided but not defined: -x");
  EXPECT_EQ(Error({"---p"}), "bad flag syntax: ---p");
  EXPECT_EQ(Error({"-=p"}), "bad flag syntax: -=p");
  EXPECT_EQ(Error({"-p"}), "flag needs an argument: -p");
  EXPECT_EQ(Error({"-p", "abc"}), "invalid value \"abc\" for flag -p: parse error");
  EXPECT_EQ(Error({"-p", "99999999999999999999"}),
            "invalid value \"99999999999999999999\" for flag -p: value out of range");
  EXPECT_EQ(Error({"-D=maybe"}), "invalid boolean value \"maybe\" for -D: parse error");
}

}  // namespace
}  // namespace weir::server

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/read_options.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(OptionsMappingsTest, ASubjectAloneTakesEverything) {
  auto mappings = tests::ReadOptions("mappings { a: b }").options.mappings;

  ASSERT_THAT(mappings, SizeIs(1));
  EXPECT_EQ(mappings[0].source, "a");
  ASSERT_THAT(mappings[0].destinations, SizeIs(1));
  EXPECT_EQ(mappings[0].destinations[0].subject, "b");
  EXPECT_EQ(mappings[0].destinations[0].weight, 100);
}

TEST(OptionsMappingsTest, WeightsAreNumbersOrPercentages) {
  auto mappings = tests::ReadOptions(
                      "maps { a: [ { dest: b, weight: 20 }, { destination: c, weight: \"30%\", "
                      "cluster: x } ] }")
                      .options.mappings;

  ASSERT_THAT(mappings.at(0).destinations, SizeIs(2));
  EXPECT_EQ(mappings[0].destinations[0].weight, 20);
  EXPECT_EQ(mappings[0].destinations[1].weight, 30);
  EXPECT_EQ(mappings[0].destinations[1].cluster, "x");
}

TEST(OptionsMappingsTest, OneDestinationNeedsNoList) {
  auto mappings =
      tests::ReadOptions("mappings { a: { destination: b, weight: 10 } }").options.mappings;

  EXPECT_EQ(mappings.at(0).destinations.at(0).weight, 10);
}

TEST(OptionsMappingsTest, WeightsAddUpPerCluster) {
  EXPECT_THAT(tests::ReadOptions("mappings { a: [ {dest: b, weight: 60}, {dest: c, weight: 60, "
                                 "cluster: x} ] }")
                  .errors,
              ElementsAre());
  EXPECT_THAT(
      tests::ReadOptions("mappings { a: [ {dest: b, weight: 60}, {dest: c, weight: 60} ] }").errors,
      ElementsAre("f:1:11: Error adding mapping for \"a\" : total weight needs to be <= 100"));
}

TEST(OptionsMappingsTest, AWrongTypeEndsTheBlock) {
  EXPECT_THAT(tests::ReadOptions("mappings { a: { destination: 5, weight: 10 } }").errors,
              ElementsAre("f:1:11: interface conversion: interface {} is int64, not string"));
}

}  // namespace
}  // namespace weir::server

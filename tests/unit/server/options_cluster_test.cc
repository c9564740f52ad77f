#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/read_options.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(OptionsClusterTest, ABlockWithoutRoutesIsTaken) {
  auto read = tests::ReadOptions(
      "cluster { name: C, listen: \"127.0.0.1:6222\", no_advertise: true, pool_size: 3 }");

  EXPECT_THAT(read.errors, IsEmpty());
  EXPECT_THAT(read.refused, IsEmpty());
  EXPECT_TRUE(read.options.cluster.configured);
  EXPECT_EQ(read.options.cluster.name, "C");
  EXPECT_EQ(read.options.cluster.listen.port, 6222);
}

TEST(OptionsClusterTest, RoutesAreRefused) {
  EXPECT_THAT(tests::ReadOptions("cluster {\n routes: [ \"nats://a:1\" ]\n}").refused,
              ElementsAre("f:2:2: cluster routes"));
}

TEST(OptionsClusterTest, UnknownFieldsAreErrors) {
  EXPECT_THAT(tests::ReadOptions("cluster { rootes: [] }").errors,
              ElementsAre("f:1:10: unknown field \"rootes\""));
}

TEST(OptionsClusterTest, AnUnderscoreIsNoName) {
  EXPECT_THAT(tests::ReadOptions("cluster { name: \"_\" }").errors,
              ElementsAre("f:1:10: cluster name is reserved"));
}

}  // namespace
}  // namespace weir::server

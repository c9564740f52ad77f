#include "server/feature_flags.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(FeatureFlagsTest, TheConfigurationSetsThoseThatAreKnown) {
  Options options;
  EXPECT_FALSE(FeatureFlags(options).at("js_ack_fc_v2"));
  EXPECT_TRUE(FeatureFlags(options).at("js_raft_delete_range"));

  options.feature_flags = {{"js_ack_fc_v2", true}, {"js_raft_delete_range", false}, {"x", true}};

  EXPECT_TRUE(FeatureFlags(options).at("js_ack_fc_v2"));
  EXPECT_FALSE(FeatureFlags(options).at("js_raft_delete_range"));
  EXPECT_FALSE(FeatureFlags(options).contains("x"));
}

}  // namespace
}  // namespace weir::server

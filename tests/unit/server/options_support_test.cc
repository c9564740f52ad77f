#include "server/options_support.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(OptionsSupportTest, WhatIsRefusedHasAName) {
  const auto* text = FindUnsupported(Feature::kGateway);

  ASSERT_NE(text, nullptr);
  EXPECT_EQ(text->what, "gateways");
}

}  // namespace
}  // namespace weir::server

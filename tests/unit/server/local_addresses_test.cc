#include "server/local_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

TEST(LocalAddressesTest, AListenerOnOneAddressIsReachedByThatOnly) {
  EXPECT_THAT(AddressesOf("10.1.2.3"), ElementsAre("10.1.2.3"));
  EXPECT_THAT(AddressesOf("::1"), ElementsAre("::1"));
  EXPECT_THAT(AddressesOf("nats.example"), ElementsAre("nats.example"));
}

TEST(LocalAddressesTest, AWildcardIsReachedByEveryInterface) {
  for (const char* wildcard : {"", "0.0.0.0", "::"}) {
    EXPECT_THAT(AddressesOf(wildcard), Contains("127.0.0.1"));
  }
}

}  // namespace
}  // namespace weir::server

#include "jetstream/client_pin.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/strings.h"
#include "tests/support/consumer_world.h"

namespace weir::jetstream {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::Ns;

class ClientPinTest : public ::testing::Test {
 protected:
  ClientPinTest()
      : pin_(world_.env, [this](std::string_view reason) { reasons_.emplace_back(reason); }) {
    pin_.Configure(Ns(10s));
  }

  testing::ConsumerWorld world_;
  std::vector<std::string> reasons_;
  ClientPin pin_;
};

TEST_F(ClientPinTest, AnIdIsGivenOutAndLostWithoutRequests) {
  pin_.Assign();
  EXPECT_EQ(pin_.id().size(), 22u);
  EXPECT_EQ(pin_.since_ns(), world_.clock.wall_ns());

  world_.Advance(10s);

  EXPECT_TRUE(pin_.id().empty());
  EXPECT_EQ(pin_.since_ns(), kZeroTime);
  EXPECT_THAT(reasons_, ElementsAre("", "timeout"));
}

TEST_F(ClientPinTest, ARequestKeepsThePin) {
  pin_.Assign();
  world_.Advance(9s);

  pin_.Touch();
  world_.Advance(9s);
  EXPECT_FALSE(pin_.id().empty());
  world_.Advance(1s);

  EXPECT_TRUE(pin_.id().empty());
}

TEST_F(ClientPinTest, AReleasedPinDoesNotTimeOutAgain) {
  pin_.Assign();
  pin_.Release("admin");

  world_.Advance(1min);

  EXPECT_THAT(reasons_, ElementsAre("", "admin"));
}

}  // namespace
}  // namespace weir::jetstream

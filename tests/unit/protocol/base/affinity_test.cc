#include "protocol/base/affinity.h"

#include <thread>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(AffinityConcurrencyTest, TheHomeMayMoveWhenItIsTold) {
  Affinity home;
  home.AssertHeld();  // whoever asserts first is the home
  home.AssertHeld();
  std::thread other([&home] {
    home.Adopt();
    home.AssertHeld();
  });
  other.join();
  SUCCEED();
}

#ifndef NDEBUG
TEST(AffinityDeathTest, AnotherThreadIsCaught) {
  EXPECT_DEATH(
      {
        Affinity home;
        home.AssertHeld();
        std::thread([&home] { home.AssertHeld(); }).join();
      },
      "check failed");
}
#endif

}  // namespace
}  // namespace weir

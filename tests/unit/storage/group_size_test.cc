#include "storage/group_size.h"

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

using std::chrono::microseconds;

TEST(GroupSizeTest, ClientAloneHasNothingToWaitFor) {
  GroupSize size;
  for (int i = 0; i < 10; ++i) {
    size.Took(1);
    EXPECT_LE(size.expected(), 1u);
  }
}

TEST(GroupSizeTest, ExpectsTheLargestOfTheLastGroups) {
  GroupSize size;
  size.Took(9);
  size.Took(1);
  EXPECT_EQ(size.expected(), 6u);
  size.Took(10);
  EXPECT_EQ(size.expected(), 10u);
}

TEST(GroupSizeTest, ForgetsClientsThatHaveLeft) {
  GroupSize size;
  size.Took(1000);
  int groups = 0;
  for (; size.expected() > 2; ++groups) {
    size.Took(2);
  }
  EXPECT_LE(groups, 30);
}

TEST(GroupSizeTest, PatienceIsHalfASyncWithinLimits) {
  GroupSize quick;
  GroupSize slow;
  GroupSize usual;
  EXPECT_EQ(usual.patience(), microseconds(0));
  for (int i = 0; i < 100; ++i) {
    quick.Synced(microseconds(20));
    usual.Synced(microseconds(400));
    slow.Synced(microseconds(20'000));
  }
  EXPECT_EQ(quick.patience(), microseconds(0));
  EXPECT_NEAR(static_cast<double>(usual.patience().count()), 200, 10);
  EXPECT_EQ(slow.patience(), microseconds(500));
}

}  // namespace
}  // namespace weir::storage

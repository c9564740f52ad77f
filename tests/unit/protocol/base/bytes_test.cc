#include "protocol/base/bytes.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(SharedBytesTest, CopiesShareOneBlock) {
  SharedBytes a = SharedBytes::Copy("hello");
  SharedBytes b = a;
  EXPECT_EQ(b.view(), "hello");
  EXPECT_EQ(a.view().data(), b.view().data());
  a = SharedBytes();
  EXPECT_TRUE(a.empty());
  EXPECT_EQ(b.view(), "hello");
  SharedBytes c = std::move(b);
  EXPECT_EQ(c.size(), 5U);
  EXPECT_TRUE(b.empty());  // NOLINT(bugprone-use-after-move): a moved-from one is empty
}

TEST(SharedBytesTest, EmptyHoldsNothing) {
  EXPECT_EQ(SharedBytes::Copy("").view(), "");
  EXPECT_EQ(SharedBytes::Uninitialized(0).mutable_data(), nullptr);
  EXPECT_EQ(SharedBytes().size(), 0U);
}

TEST(SharedBytesTest, IsFilledByTheOneWhoMadeIt) {
  SharedBytes a = SharedBytes::Uninitialized(3);
  std::memcpy(a.mutable_data(), "xyz", 3);
  EXPECT_EQ(a.view(), "xyz");
}

TEST(SharedBytesConcurrencyTest, ThreadsTakeAndDropReferences) {
  SharedBytes shared = SharedBytes::Copy(std::string(1000, 'x'));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = shared] {
      for (int round = 0; round < 2000; ++round) {
        SharedBytes mine = copy;
        ASSERT_EQ(mine.view().back(), 'x');
      }
    });
  }
  shared = SharedBytes();
  for (auto& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace weir

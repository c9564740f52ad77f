#include "jetstream/dedupe_window.h"

#include <string>

#include <gtest/gtest.h>

#include "protocol/base/strings.h"

namespace weir::jetstream {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(DedupeWindowTest, AnIdIsFoundUntilTheWindowHasPassed) {
  DedupeWindow window(10 * kSecond);

  window.Add("a", 7, 100 * kSecond);

  EXPECT_EQ(window.Find("a", 109 * kSecond), 7U);
  EXPECT_EQ(window.Find("b", 109 * kSecond), std::nullopt);
  EXPECT_EQ(window.Find("a", 110 * kSecond), std::nullopt);
  EXPECT_EQ(window.size(), 0U);
}

TEST(DedupeWindowTest, ManyIdsComeAndGoInOrder) {
  DedupeWindow window(1000);

  for (int64_t i = 0; i < 20'000; ++i) {
    std::string id = Cat("message-with-a-long-identifier-", i);
    ASSERT_EQ(window.Find(id, i), std::nullopt) << i;
    window.Add(id, static_cast<StreamSeq>(i + 1), i);
  }

  EXPECT_EQ(window.size(), 1000U);
  EXPECT_EQ(window.Find("message-with-a-long-identifier-19000", 19'999), 19'001U);
  EXPECT_EQ(window.Find("message-with-a-long-identifier-18999", 19'999), std::nullopt);
}

TEST(DedupeWindowTest, WithoutAWindowOnlyTheLastIdIsKnown) {
  DedupeWindow window(0);

  window.Add("a", 1, 0);

  EXPECT_EQ(window.Find("a", 0), std::nullopt);
  EXPECT_EQ(window.last_id(), "a");
  window.ForgetLast();
  EXPECT_EQ(window.last_id(), "");
}

TEST(DedupeWindowTest, ANarrowerWindowLetsOldIdsGo) {
  DedupeWindow window(100);
  window.Add("a", 1, 0);
  window.Add("b", 2, 50);

  window.set_window(20);

  EXPECT_EQ(window.Find("a", 60), std::nullopt);
  EXPECT_EQ(window.Find("b", 60), 2U);
}

}  // namespace
}  // namespace weir::jetstream

#include "protocol/base/id_index.h"

#include <deque>
#include <random>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(IdIndexTest, ThingsWithTheSameTagAreToldApart) {
  IdIndex index;
  index.Insert(5, 1);
  index.Insert(5, 2);

  EXPECT_TRUE(index.Find(5, [](uint32_t number) { return number == 2; }));
  index.Erase(5, 1);
  EXPECT_TRUE(index.Find(5, [](uint32_t number) { return number == 2; }));
  EXPECT_FALSE(index.Find(5, [](uint32_t number) { return number == 1; }));
  EXPECT_FALSE(index.Find(7, [](uint32_t) { return true; }));
}

TEST(IdIndexTest, EverythingIsFoundWhileThingsComeAndGoInOrder) {
  IdIndex index;
  std::mt19937 random(1);
  std::deque<uint32_t> tags;
  uint32_t first = UINT32_MAX - 1000;  // they wrap around
  // Few places are left free at the end of the table: neighbours wrap around, too.
  auto any_tag = [&] {
    return static_cast<uint32_t>(random() % 2 == 0 ? random() : UINT32_MAX - random() % 4096) | 1;
  };
  for (int step = 0; step < 20'000; ++step) {
    bool grow = (step / 4000) % 2 == 0 ? random() % 4 != 0 : random() % 4 == 0;
    if (grow || tags.empty()) {
      tags.push_back(any_tag());
      index.Insert(tags.back(), first + static_cast<uint32_t>(tags.size()) - 1);
    } else {
      index.Erase(tags.front(), first++);
      tags.pop_front();
    }
    ASSERT_EQ(index.size(), tags.size());
    if (!tags.empty()) {
      auto at = static_cast<uint32_t>(random() % tags.size());
      ASSERT_TRUE(index.Find(tags[at], [&](uint32_t number) { return number == first + at; }));
    }
  }
  while (!tags.empty()) {
    index.Erase(tags.front(), first++);
    tags.pop_front();
  }
  EXPECT_LE(index.capacity(), 64U);
}

}  // namespace
}  // namespace weir

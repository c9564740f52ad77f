#include "jetstream/string_fifo.h"

#include <deque>
#include <string>

#include <gtest/gtest.h>

#include "protocol/base/nuid.h"

namespace weir::jetstream {
namespace {

TEST(StringFifoTest, TextsStayWhereTheyAreUntilTheyAreLetGo) {
  StringFifo fifo;
  Random random(7);
  std::deque<std::pair<std::string_view, std::string>> kept;

  for (int i = 0; i < 50'000; ++i) {
    if (kept.empty() || random.Below(100) < 52) {
      std::string text = RandomName(random, random.Below(60));
      kept.emplace_back(fifo.Push(text), text);
    } else {
      ASSERT_EQ(kept.front().first, kept.front().second) << i;
      kept.pop_front();
      fifo.Pop();
    }
  }
  for (const auto& [view, text] : kept) {
    EXPECT_EQ(view, text);
  }
}

TEST(StringFifoTest, ALongTextHasAChunkOfItsOwn) {
  StringFifo fifo;
  std::string longer(100'000, 'x');

  auto first = fifo.Push("a");
  auto second = fifo.Push(longer);
  auto third = fifo.Push("b");

  EXPECT_EQ(first, "a");
  EXPECT_EQ(second, longer);
  fifo.Pop();
  fifo.Pop();
  EXPECT_EQ(third, "b");
}

}  // namespace
}  // namespace weir::jetstream

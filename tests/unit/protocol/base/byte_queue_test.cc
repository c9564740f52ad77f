#include "protocol/base/byte_queue.h"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "protocol/base/nuid.h"

namespace weir {
namespace {

void Append(ByteQueue& queue, std::string_view text) {
  std::memcpy(queue.Reserve(text.size()), text.data(), text.size());
  queue.Commit(text.size());
}

std::string Content(const ByteQueue& queue, int capacity = 1024) {
  std::vector<iovec> parts(static_cast<size_t>(capacity));
  int count = queue.Gather(parts.data(), capacity);
  std::string out;
  for (int i = 0; i < count; ++i) {
    EXPECT_NE(parts[static_cast<size_t>(i)].iov_len, 0U);
    out.append(static_cast<const char*>(parts[static_cast<size_t>(i)].iov_base),
               parts[static_cast<size_t>(i)].iov_len);
  }
  return out;
}

TEST(ByteQueueTest, GivesBackWhatWasAppended) {
  ByteQueue queue;
  EXPECT_TRUE(queue.empty());
  Append(queue, "abc");
  Append(queue, std::string(2000, 'x'));
  EXPECT_EQ(queue.size(), 2003U);
  EXPECT_EQ(Content(queue), "abc" + std::string(2000, 'x'));
  queue.Consume(2);
  EXPECT_EQ(Content(queue), "c" + std::string(2000, 'x'));
}

TEST(ByteQueueTest, ReservedButNotCommittedIsNotThere) {
  ByteQueue queue;
  queue.Reserve(100);
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_EQ(Content(queue), "");
  std::memcpy(queue.Reserve(100), "ab", 2);
  queue.Commit(2);
  EXPECT_EQ(Content(queue), "ab");
}

TEST(ByteQueueTest, GatherStopsAtItsCapacity) {
  ByteQueue queue;
  for (int i = 0; i < 5; ++i) {
    Append(queue, std::string(70'000, static_cast<char>('a' + i)));
  }
  EXPECT_EQ(Content(queue, 2), std::string(70'000, 'a') + std::string(70'000, 'b'));
}

TEST(ByteQueueTest, ClearAndTrimStartAgain) {
  ByteQueue queue;
  Append(queue, std::string(600, 'a'));
  Append(queue, std::string(5000, 'b'));
  Append(queue, std::string(70'000, 'c'));
  queue.Consume(5700);  // the first chunks are gone
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  Append(queue, "new");
  EXPECT_EQ(Content(queue), "new");
  queue.Consume(3);
  queue.Trim();
  Append(queue, "again");
  EXPECT_EQ(Content(queue), "again");
}

TEST(ByteQueueTest, BehavesAsAStringUnderRandomUse) {
  Random random(7);
  ByteQueue queue;
  std::string model;
  for (int i = 0; i < 20'000; ++i) {
    switch (random.Below(8)) {
      case 0:
      case 1:
      case 2: {
        std::string text = RandomName(random, random.Below(random.Below(50) == 0 ? 100'000 : 300));
        Append(queue, text);
        model += text;
        break;
      }
      case 3:
        queue.Trim();
        break;
      case 4:
        if (random.Below(100) == 0) {
          queue.Clear();
          model.clear();
        }
        break;
      default: {
        size_t take = random.Below(4) == 0 ? model.size() : random.Below(model.size() + 1);
        queue.Consume(take);
        model.erase(0, take);
      }
    }
    ASSERT_EQ(queue.size(), model.size());
    if (random.Below(16) == 0) {
      ASSERT_EQ(Content(queue, 100'000), model);
    }
  }
}

}  // namespace
}  // namespace weir

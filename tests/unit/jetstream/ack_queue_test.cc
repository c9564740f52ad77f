#include "jetstream/ack_queue.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/strings.h"

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Release(AckQueue& queue, StreamSeq committed) {
  std::vector<std::string> out;
  queue.Release(committed, [&](std::string_view reply, StreamSeq seq, bool duplicate) {
    out.push_back(Cat(reply, ':', seq, duplicate ? "d" : ""));
  });
  return out;
}

TEST(AckQueueTest, ReleasesUpToTheCommittedSequence) {
  AckQueue queue;
  queue.Push(1, "a", false);
  queue.Push(2, "b", false);
  queue.Push(3, "c", false);

  EXPECT_THAT(Release(queue, 2), ElementsAre("a:1", "b:2"));
  EXPECT_THAT(Release(queue, 2), IsEmpty());
  EXPECT_THAT(Release(queue, 3), ElementsAre("c:3"));
  EXPECT_TRUE(queue.empty());
}

TEST(AckQueueTest, ADuplicateKeepsItsPlace) {
  AckQueue queue;
  queue.Push(2, "a", false);
  queue.Push(1, "b", true);

  EXPECT_THAT(Release(queue, 1), IsEmpty());
  EXPECT_THAT(Release(queue, 2), ElementsAre("a:2", "b:1d"));
}

}  // namespace
}  // namespace weir::jetstream

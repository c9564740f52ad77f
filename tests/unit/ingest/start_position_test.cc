#include "ingest/start_position.h"

#include <gtest/gtest.h>

#include "tests/support/fake_source.h"

namespace weir::ingest {
namespace {

TEST(FirstAtOrAfterTest, EveryTimeOfAStreamWithHolesFindsItsMessage) {
  FakeStream stream;
  for (int i = 1; i <= 40; ++i) {
    stream.Append("{}", "s", i * 10);
  }
  for (StreamSeq seq : {5, 6, 7, 20, 40}) {
    stream.Remove(seq);
  }
  stream.TrimTo(3);
  FakeSource source(stream);

  for (int64_t time = 0; time <= 420; ++time) {
    StreamSeq expected = 41;
    {
      MutexLock lock(stream.mu);
      for (const auto& [seq, message] : stream.messages) {
        if (message.view.time_ns >= time) {
          expected = seq;
          break;
        }
      }
    }
    auto found = FirstAtOrAfter(source, *source.bounds(), time);
    ASSERT_TRUE(found.ok());
    // A hole in front of the message is as good: nothing is there to be exported.
    EXPECT_LE(*found, expected) << time;
    MutexLock lock(stream.mu);
    auto first = stream.messages.lower_bound(*found);
    EXPECT_EQ(first == stream.messages.end() ? 41 : first->first, expected) << time;
  }
}

TEST(FirstAtOrAfterTest, AnEmptyStreamBeginsBehindItsEnd) {
  FakeStream stream;
  FakeSource source(stream);

  EXPECT_EQ(*FirstAtOrAfter(source, *source.bounds(), 5), 1u);
}

}  // namespace
}  // namespace weir::ingest

#include "ingest/log_source.h"

#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_source.h"

namespace weir::ingest {
namespace {

using ::testing::ElementsAre;

class FakeCursor : public jetstream::LogCursor {
 public:
  const Identity& identity() const override { return identity_; }
  StatusOr<Bounds> bounds() override { return Bounds{3, 9, 7, 2}; }
  StatusOr<storage::MessageRun> Read(StreamSeq from, StreamSeq upto, size_t, size_t,
                                     std::chrono::milliseconds) override {
    storage::MessageRun run;
    run.first = from;
    run.last = upto;
    for (StreamSeq seq = from; seq <= upto; ++seq) {
      run.messages.push_back(MakeMessage(seq, "{}", seq % 2 == 0 ? "a.even" : "a.odd"));
    }
    return run;
  }
  Status MoveFloor(StreamSeq seq) override {
    floor = seq;
    return OkStatus();
  }
  void Cancel() override { cancelled = true; }

  StreamSeq floor = 0;
  bool cancelled = false;

 private:
  Identity identity_{StreamId(4), 1234};
};

TEST(LogSourceTest, MessagesOfOtherSubjectsAreLeftOutOfTheirInterval) {
  LogSource source(std::make_unique<FakeCursor>(), {"b.>", "*.even"});

  auto run = source.Read(3, 6, 100, 100, std::chrono::milliseconds(0));

  ASSERT_TRUE(run.ok());
  std::vector<StreamSeq> seqs;
  for (const auto& message : run->messages) {
    seqs.push_back(message.view.seq);
  }
  EXPECT_THAT(seqs, ElementsAre(4, 6));
  EXPECT_EQ(run->first, 3u);
  EXPECT_EQ(run->last, 6u);
  EXPECT_EQ(run->skipped, 2u);
}

TEST(LogSourceTest, TheRestIsTheCursors) {
  auto made = std::make_unique<FakeCursor>();
  FakeCursor& cursor = *made;
  LogSource source(std::move(made), {});

  EXPECT_EQ(source.identity(), "4:1234");
  EXPECT_EQ(source.bounds()->first, 3u);
  EXPECT_EQ(source.bounds()->last, 9u);
  EXPECT_EQ(source.Read(1, 4, 9, 9, std::chrono::milliseconds(0))->messages.size(), 4u);
  EXPECT_TRUE(source.MoveFloor(7).ok());
  EXPECT_EQ(cursor.floor, 7u);
  source.Cancel();
  EXPECT_TRUE(cursor.cancelled);
}

}  // namespace
}  // namespace weir::ingest

#include "jetstream/log_cursor.h"

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The cursor's calls block, so they run on a thread of their own while this one is the home.
class LogCursorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.Boot();
    home_.CreateStream(R"("subjects":["a.*"])");
  }

  template <typename F>
  auto Off(F&& call) {
    auto result = std::async(std::launch::async, std::forward<F>(call));
    while (result.wait_for(milliseconds(0)) != std::future_status::ready) {
      home_.RunTurns();
      std::this_thread::yield();
    }
    return result.get();
  }
  std::unique_ptr<LogCursor> Open(LogCursor::Options options = {}) {
    options.stream = "S";
    options.name = "e";
    auto cursor = Off([&] { return LogCursor::Open(home_.js->catalog(), options); });
    WEIR_CHECK(cursor.ok());
    return *std::move(cursor);
  }
  void Publish(int count) {
    for (int i = 0; i < count; ++i) {
      home_.Send("a.1", "", Cat("m", ++published_));
    }
    home_.RunTurns();
  }
  static std::vector<std::string> Payloads(const storage::MessageRun& run) {
    std::vector<std::string> out;
    for (const auto& message : run.messages) {
      out.emplace_back(message.view.payload);
    }
    return out;
  }

  testing::JsHome home_;
  int published_ = 0;
};

TEST_F(LogCursorTest, ReadsWhatIsCommittedInOrder) {
  auto cursor = Open();
  Publish(3);

  auto run = Off([&] { return cursor->Read(1, 0, 100, 1 << 20, milliseconds(1000)); });

  ASSERT_TRUE(run.ok());
  EXPECT_THAT(Payloads(*run), ElementsAre("m1", "m2", "m3"));
  EXPECT_EQ(run->first, 1U);
  EXPECT_EQ(run->last, 3U);
}

TEST_F(LogCursorTest, ReadsUpToTheBoundOnly) {
  auto cursor = Open();
  Publish(5);

  auto run = Off([&] { return cursor->Read(2, 3, 100, 1 << 20, milliseconds(1000)); });

  ASSERT_TRUE(run.ok());
  EXPECT_THAT(Payloads(*run), ElementsAre("m2", "m3"));
}

TEST_F(LogCursorTest, StagedMessagesAreNotRead) {
  auto cursor = Open();
  home_.commits.immediate = false;
  Publish(1);

  auto run = Off([&] { return cursor->Read(1, 0, 100, 1 << 20, milliseconds(20)); });

  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->last, 0U);
}

TEST_F(LogCursorTest, AWaitingReadIsWokenByTheCommit) {
  auto cursor = Open();
  auto waiting = std::async(std::launch::async, [&] {
    return cursor->Read(1, 0, 100, 1 << 20, std::chrono::minutes(1));
  });
  while (home_.executor.RunAll() == 0) {
    std::this_thread::yield();
  }

  Publish(1);

  auto run = waiting.get();
  ASSERT_TRUE(run.ok());
  EXPECT_THAT(Payloads(*run), ElementsAre("m1"));
}

TEST_F(LogCursorTest, TheFloorShowsInTheConsumer) {
  auto cursor = Open();
  Publish(5);

  EXPECT_TRUE(Off([&] { return cursor->MoveFloor(3); }).ok());

  auto bounds = Off([&] { return cursor->bounds(); });
  ASSERT_TRUE(bounds.ok());
  EXPECT_EQ(bounds->first, 1U);
  EXPECT_EQ(bounds->last, 5U);
  EXPECT_EQ(bounds->floor, 3U);
  std::string info = home_.Ask("$JS.API.CONSUMER.INFO.S.exp_e");
  EXPECT_THAT(info, HasSubstr(R"("num_pending":2)"));
  EXPECT_THAT(info, HasSubstr(R"("_export":"true")"));
}

TEST_F(LogCursorTest, OpeningAgainTakesTheConsumerOver) {
  {
    auto cursor = Open();
    Publish(5);
    ASSERT_TRUE(Off([&] { return cursor->MoveFloor(2); }).ok());
  }

  auto again = Open();

  EXPECT_EQ(Off([&] { return again->bounds(); })->floor, 2U);
}

TEST_F(LogCursorTest, AWorkQueueLetsGoWhatIsExported) {
  home_.CreateStream(R"("subjects":["w.*"],"retention":"workqueue")", "W");
  auto cursor = Off([&] {
    return LogCursor::Open(home_.js->catalog(),
                           {.account = kGlobalAccount, .stream = "W", .name = "w", .filters = {}});
  });
  ASSERT_TRUE(cursor.ok());
  for (int i = 0; i < 4; ++i) {
    home_.Send("w.1", "", "x");
  }
  home_.RunTurns();

  EXPECT_TRUE(Off([&] { return (*cursor)->MoveFloor(3); }).ok());

  EXPECT_EQ(home_.stream("W").store().state().messages, 1U);
  EXPECT_EQ(home_.stream("W").store().state().first_seq, 4U);
}

TEST_F(LogCursorTest, AnUnknownStreamIsNotFound) {
  auto cursor = Off([&] {
    return LogCursor::Open(home_.js->catalog(),
                           {.account = kGlobalAccount, .stream = "X", .name = "e", .filters = {}});
  });

  EXPECT_EQ(cursor.status().code(), StatusCode::kNotFound);
}

TEST_F(LogCursorTest, DeletingTheStreamEndsAWait) {
  auto cursor = Open();
  auto waiting = std::async(std::launch::async, [&] {
    return cursor->Read(1, 0, 100, 1 << 20, std::chrono::minutes(1));
  });
  while (home_.executor.RunAll() == 0) {
    std::this_thread::yield();
  }

  home_.Ask("$JS.API.STREAM.DELETE.S");

  EXPECT_EQ(waiting.get().status().code(), StatusCode::kNotFound);
}

TEST_F(LogCursorTest, CancelEndsAWait) {
  auto cursor = Open();
  auto waiting = std::async(std::launch::async, [&] {
    return cursor->Read(1, 0, 100, 1 << 20, std::chrono::minutes(1));
  });
  while (home_.executor.RunAll() == 0) {
    std::this_thread::yield();
  }

  cursor->Cancel();

  EXPECT_EQ(waiting.get().status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace weir::jetstream

#include "jetstream/scheduler.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

class SchedulerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.Boot();
    home_.CreateStream(R"("subjects":["a.>"],"allow_msg_schedules":true)");
  }

  std::string Put(std::string_view schedule, std::string_view more = {}) {
    return home_.Ask("a.s", "payload",
                     Cat("NATS/1.0\r\nNats-Schedule: ", schedule,
                         "\r\nNats-Schedule-Target: a.t\r\n", more, "\r\n"));
  }
  uint64_t Count(std::string_view subject) {
    auto state = home_.stream().store().LastOf(subject);
    return state ? state->messages : 0;
  }
  std::string LastHeaders() {
    storage::StoredMessage message;
    auto& store = home_.stream().store();
    store.Get(store.LastOf("a.t")->last, message);
    return std::string(message.view.headers);
  }

  testing::JsHome home_;
};

TEST_F(SchedulerTest, ATimeFiresOnceAndIsGone) {
  Put("@at 2026-01-01T00:00:10Z", "X: y\r\n");
  home_.Advance(5 * kSecond);
  EXPECT_EQ(Count("a.t"), 0U);

  home_.Advance(6 * kSecond);

  EXPECT_EQ(Count("a.t"), 1U);
  EXPECT_EQ(Count("a.s"), 0U);
  EXPECT_EQ(LastHeaders(),
            "NATS/1.0\r\nX: y\r\nNats-Scheduler: a.s\r\nNats-Schedule-Next: purge\r\n\r\n");
}

TEST_F(SchedulerTest, AnIntervalGoesOn) {
  Put("@every 5s");
  home_.Advance(6 * kSecond);
  home_.Advance(5 * kSecond);

  EXPECT_EQ(Count("a.t"), 2U);
  EXPECT_EQ(Count("a.s"), 1U);
  EXPECT_THAT(LastHeaders(), HasSubstr("Nats-Schedule-Next: 2026-01-01T00:00:1"));
}

TEST_F(SchedulerTest, TheLatestScheduleOfASubjectCounts) {
  Put("@at 2026-01-01T00:00:10Z");
  Put("@at 2026-01-01T00:00:30Z");
  EXPECT_EQ(Count("a.s"), 1U);

  home_.Advance(20 * kSecond);
  EXPECT_EQ(Count("a.t"), 0U);
  home_.Advance(20 * kSecond);
  EXPECT_EQ(Count("a.t"), 1U);
}

TEST_F(SchedulerTest, APurgedScheduleDoesNotFire) {
  Put("@every 5s");
  home_.Ask("$JS.API.STREAM.PURGE.S", R"({"filter":"a.s"})");

  home_.Advance(10 * kSecond);

  EXPECT_EQ(Count("a.t"), 0U);
}

TEST_F(SchedulerTest, TheContentMayComeFromAnotherSubject) {
  home_.Ask("a.source", "fresh", "NATS/1.0\r\nZ: 1\r\n\r\n");
  Put("@at 2026-01-01T00:00:10Z", "Nats-Schedule-Source: a.source\r\n");

  home_.Advance(11 * kSecond);

  EXPECT_THAT(LastHeaders(), HasSubstr("\r\nZ: 1\r\n"));
}

}  // namespace
}  // namespace weir::jetstream

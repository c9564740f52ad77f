#include "protocol/base/timer_queue.h"

#include <string>

#include <gtest/gtest.h>

namespace weir {
namespace {

class TimerQueueTest : public testing::Test {
 protected:
  TimerQueue::TimerId Add(int64_t due, char name) {
    return timers_.Schedule(due, [this, name] { ran_.push_back(name); });
  }
  TimerQueue timers_;
  std::string ran_;
};

TEST_F(TimerQueueTest, RunsWhatIsDueInOrderOfDeadlineThenOfScheduling) {
  Add(30, 'c');
  Add(10, 'a');
  Add(20, 'b');
  Add(10, 'A');
  EXPECT_EQ(timers_.next_due_ns(), 10);
  timers_.RunDue(9);
  EXPECT_EQ(ran_, "");
  timers_.RunDue(20);
  EXPECT_EQ(ran_, "aAb");
  EXPECT_EQ(timers_.next_due_ns(), 30);
  timers_.RunDue(1000);
  EXPECT_EQ(ran_, "aAbc");
  EXPECT_EQ(timers_.next_due_ns(), INT64_MAX);
  EXPECT_EQ(timers_.size(), 0U);
}

TEST_F(TimerQueueTest, ACancelledTimerDoesNotRun) {
  auto a = Add(10, 'a');
  auto b = Add(10, 'b');
  timers_.Cancel(a);
  EXPECT_FALSE(a);
  timers_.Cancel(a);  // again: nothing
  timers_.RunDue(10);
  EXPECT_EQ(ran_, "b");
  timers_.Cancel(b);  // has run: nothing
  EXPECT_FALSE(b);
}

TEST_F(TimerQueueTest, ATaskMayCancelAnotherThatIsDueToo) {
  TimerQueue::TimerId victim;
  timers_.Schedule(10, [&] {
    ran_.push_back('a');
    timers_.Cancel(victim);
  });
  victim = Add(10, 'v');
  Add(10, 'b');
  timers_.RunDue(10);
  EXPECT_EQ(ran_, "ab");
}

TEST_F(TimerQueueTest, ATaskThatArmsItselfForNowRunsInTheNextCall) {
  int runs = 0;
  std::function<void()> again = [&] {
    ++runs;
    timers_.Schedule(0, [&] { again(); });
  };
  timers_.Schedule(5, [&] { again(); });
  Add(6, 'z');
  timers_.RunDue(10);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(ran_, "z");
  timers_.RunDue(10);
  EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace weir

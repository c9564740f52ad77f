#include "storage/blocking_pool.h"

#include <atomic>

#include "gtest/gtest.h"

#include "tests/support/queue_executor.h"

namespace weir::storage {
namespace {

TEST(BlockingPoolTest, TaskRunsElsewhereAndItsResultComesHome) {
  testing_support::QueueExecutor home;
  BlockingPool pool("test", 2);
  std::thread::id ran_on;

  pool.Run([&] {
    std::thread::id here = std::this_thread::get_id();
    home.Post([&, here] { ran_on = here; });
  });
  home.RunOne();

  EXPECT_NE(ran_on, std::thread::id{});
  EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST(BlockingPoolTest, OneThreadKeepsTheOrder) {
  testing_support::QueueExecutor home;
  BlockingPool pool("test", 1);
  std::vector<int> order;

  for (int i = 0; i < 100; ++i) {
    pool.Run([&, i] { home.Post([&, i] { order.push_back(i); }); });
  }
  while (order.size() < 100) {
    home.RunOne();
  }

  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(order[static_cast<size_t>(i)], i);
  }
}

TEST(BlockingPoolTest, RunningTasksEndBeforeThePoolDoes) {
  std::atomic<bool> ended{false};
  testing_support::QueueExecutor started;
  {
    BlockingPool pool("test", 1);
    pool.Run([&] {
      started.Post([] {});
      std::this_thread::yield();
      ended = true;
    });
    started.RunOne();
  }

  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace weir::storage

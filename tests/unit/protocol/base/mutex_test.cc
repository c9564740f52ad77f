#include "protocol/base/mutex.h"

#include <condition_variable>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(LockedConcurrencyTest, ChangesOfManyThreadsAreAllThere) {
  Locked<int> value(0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&value] {
      for (int round = 0; round < 1000; ++round) {
        value.With([](int& v) { ++v; });
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(value.With([](int& v) { return v; }), 4000);
}

TEST(MutexConcurrencyTest, WaitingGivesTheLockAway) {
  Mutex mu;
  std::condition_variable wake;
  bool ready = false;
  std::thread other([&] {
    {
      MutexLock lock(mu);
      ready = true;
    }
    wake.notify_one();
  });
  {
    MutexLock lock(mu);
    while (!ready) {
      lock.Wait(wake);
    }
  }
  other.join();
  EXPECT_TRUE(ready);
}

TEST(SharedMutexConcurrencyTest, ReadersNeverSeeHalfAChange) {
  SharedMutex mu;
  int a = 0;
  int b = 0;
  std::thread writer([&] {
    for (int round = 0; round < 2000; ++round) {
      WriterLock lock(mu);
      ++a;
      ++b;
    }
  });
  bool whole = true;
  for (int round = 0; round < 2000; ++round) {
    ReaderLock lock(mu);
    whole &= a == b;
  }
  writer.join();
  EXPECT_TRUE(whole);
}

}  // namespace
}  // namespace weir

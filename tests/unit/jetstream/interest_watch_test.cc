#include "jetstream/interest_watch.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/consumer_world.h"

namespace weir::jetstream {
namespace {

using namespace std::chrono_literals;
using testing::ConsumerWorld;

class CountingRouter : public testing::FakeRouter {
 public:
  uint64_t InterestVersion(AccountId) override { return version; }
  uint64_t version = 1;
};

struct Watcher : InterestWatcher {
  void CheckInterest() override { ++told; }
  int told = 0;
};

class InterestWatchTest : public ::testing::Test {
 protected:
  void PassTime() { world_.Advance(100ms); }

  ConsumerWorld world_;
  CountingRouter router_;
  Environment env_{world_.executor,
                   world_.clock,
                   world_.timers,
                   world_.random,
                   router_,
                   world_.log,
                   world_.commits,
                   world_.meta,
                   world_.stores,
                   world_.accounts,
                   world_.options,
                   world_.server,
                   [] {
                   }};
  InterestWatch watch_{env_};
};

TEST_F(InterestWatchTest, WatchersAreToldWhenSubscriptionsHaveChanged) {
  Watcher watcher;
  watch_.Add(watcher, kGlobalAccount);
  PassTime();
  EXPECT_EQ(watcher.told, 1);
  PassTime();
  EXPECT_EQ(watcher.told, 1);

  ++router_.version;
  PassTime();
  PassTime();
  EXPECT_EQ(watcher.told, 2);

  watch_.Doubt(watcher);
  PassTime();
  PassTime();
  EXPECT_EQ(watcher.told, 3);
  watch_.Remove(watcher);
}

TEST_F(InterestWatchTest, SoonAfterAConsumerCameSubscriptionsAreNoticedAtOnce) {
  Watcher watcher;
  watch_.Add(watcher, kGlobalAccount);
  world_.Advance(2ms);
  ++router_.version;
  world_.Advance(2ms);
  EXPECT_EQ(watcher.told, 2);

  world_.Advance(3s);
  ++router_.version;
  world_.Advance(10ms);
  EXPECT_EQ(watcher.told, 2);
  PassTime();
  EXPECT_EQ(watcher.told, 3);
  watch_.Remove(watcher);
}

TEST_F(InterestWatchTest, WhoeverIsRemovedIsToldNothingMore) {
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 3; ++i) {
    watchers.push_back(std::make_unique<Watcher>());
    watch_.Add(*watchers.back(), kGlobalAccount);
  }
  watch_.Remove(*watchers[0]);
  watch_.Remove(*watchers[0]);
  PassTime();

  EXPECT_EQ(watchers[0]->told, 0);
  EXPECT_EQ(watchers[1]->told, 1);
  EXPECT_EQ(watchers[2]->told, 1);
  for (auto& watcher : watchers) {
    watch_.Remove(*watcher);
  }
}

TEST_F(InterestWatchTest, ManyAreToldSomeAtATime) {
  std::vector<Watcher> watchers(10'000);
  for (auto& watcher : watchers) {
    watch_.Add(watcher, kGlobalAccount);
  }
  auto told = [&] {
    return std::count_if(watchers.begin(), watchers.end(), [](auto& w) { return w.told == 1; });
  };
  world_.Advance(2ms);
  EXPECT_EQ(told(), 200);
  world_.Advance(2ms);
  EXPECT_EQ(told(), 400);
  for (int i = 0; i < 50; ++i) {
    world_.Advance(2ms);
  }
  EXPECT_EQ(told(), 10'000);
  for (auto& watcher : watchers) {
    watch_.Remove(watcher);
  }
}

}  // namespace
}  // namespace weir::jetstream

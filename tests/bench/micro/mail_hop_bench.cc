// What a hop between two workers costs (THREADING.md 8.2): a task posted to and fro, with both
// workers idle in between (wake-up included), and a mailbox under load (no wake-up).

#include <condition_variable>
#include <memory>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "protocol/base/mutex.h"
#include "server/server.h"

namespace weir::server {
namespace {

class NullClock : public Clock {
 public:
  int64_t steady_ns() const override { return 0; }
  int64_t wall_ns() const override { return 0; }
};

struct TwoWorkers {
  TwoWorkers() {
    for (uint8_t i = 0; i < 2; ++i) {
      workers.push_back(std::make_unique<Worker>(i, context));
    }
    for (auto& worker : workers) {
      worker->SetPeers(workers);
    }
    for (auto& worker : workers) {
      threads.emplace_back([&worker] { worker->Run(); });
    }
  }
  ~TwoWorkers() {
    for (auto& worker : workers) {
      worker->Stop();
    }
    for (auto& thread : threads) {
      thread.join();
    }
  }

  Options options;
  Identity identity;
  Log log;
  NullClock clock;
  AccountRegistry accounts;
  Authenticator authenticator{options.auth, accounts};
  ServerCounters counters;
  ServerContext context{options, identity, log, clock, accounts, authenticator, counters};
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
};

// One round trip: 0 → 1 → 0, each side asleep when its task arrives.
void IdleRoundTrip(benchmark::State& state) {
  TwoWorkers two;
  Mutex mu;
  std::condition_variable done;
  constexpr int kTrips = 1000;
  for (auto _ : state) {
    int left = kTrips;
    bool finished = false;
    std::function<void()> hop = [&] {
      two.workers[1]->Post([&] {
        two.workers[0]->Post([&] {
          if (--left > 0) {
            hop();
            return;
          }
          MutexLock lock(mu);
          finished = true;
          done.notify_one();
        });
      });
    };
    two.workers[0]->Post([&] { hop(); });
    MutexLock lock(mu);
    while (!finished) {
      lock.Wait(done);
    }
  }
  state.SetItemsProcessed(state.iterations() * kTrips);
}
BENCHMARK(IdleRoundTrip)->UseRealTime()->Unit(benchmark::kMillisecond);

// Push and drain on one thread: the price of the mailbox itself, per batch.
void PushAndDrain(benchmark::State& state) {
  Mailbox mailbox;
  for (auto _ : state) {
    auto batch = std::make_unique<MailBatch>();
    batch->AddTask([] {});
    mailbox.Push(std::move(batch));
    benchmark::DoNotOptimize(mailbox.Drain());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(PushAndDrain);

}  // namespace
}  // namespace weir::server

BENCHMARK_MAIN();

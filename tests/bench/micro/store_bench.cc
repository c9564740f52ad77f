// What a store costs: CPU seconds per million messages of 128 bytes, appended and committed in
// blocks of 1, 100 and 500, and read back. WEIR_BENCH_DIR names the directory (default: the
// system's for temporary files); syncs are only as real as its file system.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include <sys/resource.h>

#include "protocol/base/strings.h"
#include "storage/blocking_pool.h"
#include "storage/memory_stream_store.h"
#include "storage/rocks_commit_queue.h"
#include "storage/rocks_stream_store.h"
#include "tests/support/queue_executor.h"

namespace weir::storage {
namespace {

using testing_support::QueueExecutor;

// CPU of the whole process: flushes, compactions and the commit thread count too.
double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double ResidentMiB() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmRSS:")) {
      return std::strtod(line.c_str() + 6, nullptr) / 1024;
    }
  }
  return 0;
}

class Measured {
 public:
  explicit Measured(benchmark::State& state) : state_(state), cpu_(CpuSeconds()) {}
  ~Measured() {
    auto messages = static_cast<double>(state_.items_processed());
    state_.counters["cpu_s_per_M"] = (CpuSeconds() - cpu_) / messages * 1e6;
    state_.counters["rss_MiB"] = ResidentMiB();
  }

 private:
  benchmark::State& state_;
  double cpu_;
};

class Fixture {
 public:
  explicit Fixture(RocksCommitQueue::SyncPolicy policy) {
    const char* named = std::getenv("WEIR_BENCH_DIR");
    std::filesystem::path parent =
        named != nullptr ? named : std::filesystem::temp_directory_path();
    directory_ = (parent / "weir-bench-XXXXXX").string();
    WEIR_CHECK(::mkdtemp(directory_.data()) != nullptr);
    Database::Options options;
    options.directory = directory_;
    auto db = Database::Open(options);
    WEIR_CHECK(db.ok());
    db_ = std::move(*db);
    RocksCommitQueue::Options queue;
    queue.policy = policy;
    commits_ = std::make_unique<RocksCommitQueue>(*db_, queue);
    store_ = RocksStreamStore::Create(context(), StreamId(1), 0);
  }
  ~Fixture() {
    store_.reset();
    commits_.reset();
    pool_.reset();
    db_.reset();
    std::filesystem::remove_all(directory_);
  }

  RocksStreamStore& store() { return *store_; }

  // At most so many commits are on their way: a pipelining publisher's window.
  void Commit(size_t window) {
    auto batch = std::make_unique<StagedBatch>();
    store_->Flush(*batch);
    ++under_way_;
    commits_->Submit(std::move(batch), home_, [this](const Status& status) {
      WEIR_CHECK(status.ok());
      --under_way_;
    });
    Await(window);
  }
  void Await(size_t window) {
    home_.RunReady();
    while (under_way_ > window) {
      home_.RunOne();
    }
  }

  std::unique_ptr<RocksStreamStore> Reopen() {
    std::vector<std::string> damage;
    auto store = RocksStreamStore::Open(context(), StreamId(1), damage);
    WEIR_CHECK(store.ok() && damage.empty());
    return std::move(*store);
  }

 private:
  RocksStreamStore::Context context() {
    RocksStreamStore::Context context;
    context.db = db_.get();
    context.pool = pool_.get();
    context.home = &home_;
    return context;
  }

  std::string directory_;
  QueueExecutor home_;
  size_t under_way_ = 0;
  std::unique_ptr<BlockingPool> pool_ = std::make_unique<BlockingPool>("bench-pool", 1);
  std::unique_ptr<Database> db_;
  std::unique_ptr<RocksCommitQueue> commits_;
  std::unique_ptr<RocksStreamStore> store_;
};

const std::string kPayload(128, 'x');

void AppendBlock(StreamStore& store, StreamSeq& seq, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    ++seq;
    store.Append({seq, static_cast<int64_t>(seq) * 1000, "bench.subject", "", kPayload});
  }
}

void Append(benchmark::State& state, RocksCommitQueue::SyncPolicy policy, size_t window) {
  Fixture fixture(policy);
  StreamSeq seq = 0;
  int64_t per_block = state.range(0);
  Measured measured(state);
  for (auto _ : state) {
    AppendBlock(fixture.store(), seq, per_block);
    fixture.Commit(window);
  }
  fixture.Await(0);
  state.SetItemsProcessed(static_cast<int64_t>(seq));
}

void FileBuffered(benchmark::State& state) {
  Append(state, RocksCommitQueue::SyncPolicy::kBuffered, 0);
}
void FileSynced(benchmark::State& state) {
  Append(state, RocksCommitQueue::SyncPolicy::kAlways, 0);
}
void FileSyncedPipelined(benchmark::State& state) {
  Append(state, RocksCommitQueue::SyncPolicy::kAlways, 10);
}
BENCHMARK(FileBuffered)->Arg(1)->Iterations(1'000'000);
BENCHMARK(FileBuffered)->Arg(100)->Iterations(50'000);
BENCHMARK(FileBuffered)->Arg(500)->Iterations(10'000);
BENCHMARK(FileSynced)->Arg(1)->Iterations(3000);
BENCHMARK(FileSynced)->Arg(100)->Iterations(3000);
BENCHMARK(FileSynced)->Arg(500)->Iterations(3000);
BENCHMARK(FileSyncedPipelined)->Arg(1)->Iterations(20'000);
BENCHMARK(FileSyncedPipelined)->Arg(100)->Iterations(20'000);

void FileManySubjects(benchmark::State& state) {
  Fixture fixture(RocksCommitQueue::SyncPolicy::kBuffered);
  StreamSeq seq = 0;
  std::string payload(64, 'x');
  Measured measured(state);
  for (auto _ : state) {
    for (int i = 0; i < 100; ++i) {
      ++seq;
      fixture.store().Append(
          {seq, static_cast<int64_t>(seq) * 1000, Cat("subject.", seq), "", payload});
    }
    fixture.Commit(0);
  }
  state.SetItemsProcessed(static_cast<int64_t>(seq));
}
BENCHMARK(FileManySubjects)->Iterations(10'000);

void FileTrimmed(benchmark::State& state) {
  Fixture fixture(RocksCommitQueue::SyncPolicy::kBuffered);
  StreamSeq seq = 0;
  Measured measured(state);
  for (auto _ : state) {
    AppendBlock(fixture.store(), seq, 100);
    if (seq > 100'000) {
      fixture.store().TrimTo(seq - 100'000);
    }
    fixture.Commit(0);
  }
  state.SetItemsProcessed(static_cast<int64_t>(seq));
}
BENCHMARK(FileTrimmed)->Iterations(20'000);

void FileWorkQueue(benchmark::State& state) {
  Fixture fixture(RocksCommitQueue::SyncPolicy::kBuffered);
  StreamSeq seq = 0;
  StreamSeq done = 0;
  Measured measured(state);
  for (auto _ : state) {
    AppendBlock(fixture.store(), seq, 100);
    for (; done + 1000 < seq; ++done) {
      fixture.store().Remove(done + 1, false);
    }
    fixture.Commit(0);
  }
  state.SetItemsProcessed(static_cast<int64_t>(seq));
}
BENCHMARK(FileWorkQueue)->Iterations(20'000);

void FileOpen(benchmark::State& state) {
  Fixture fixture(RocksCommitQueue::SyncPolicy::kBuffered);
  StreamSeq seq = 0;
  while (seq < 5'000'000) {
    AppendBlock(fixture.store(), seq, state.range(0));
    fixture.Commit(0);
  }
  Measured measured(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(fixture.Reopen()->state().messages);
  }
  state.SetItemsProcessed(static_cast<int64_t>(seq * state.iterations()));
}
BENCHMARK(FileOpen)->Arg(100)->Iterations(3)->Unit(benchmark::kMillisecond);

void FileRuns(benchmark::State& state) {
  Fixture fixture(RocksCommitQueue::SyncPolicy::kBuffered);
  StreamSeq seq = 0;
  while (seq < 5'000'000) {
    AppendBlock(fixture.store(), seq, 100);
    fixture.Commit(0);
  }
  Measured measured(state);
  int64_t read = 0;
  for (auto _ : state) {
    for (StreamSeq from = 1; from <= seq;) {
      auto run = fixture.store().PrepareRun(from, seq, 10'000, 4 << 20)();
      WEIR_CHECK(run.ok() && run->last >= from);
      read += static_cast<int64_t>(run->messages.size());
      from = run->last + 1;
    }
  }
  state.SetItemsProcessed(read);
}
BENCHMARK(FileRuns)->Iterations(2)->Unit(benchmark::kMillisecond);

void ReadAll(benchmark::State& state, StreamStore& store, StreamSeq from) {
  StreamSeq last = store.state().last_seq;
  Measured measured(state);
  int64_t read = 0;
  std::vector<std::string> filters;
  for (auto _ : state) {
    StoredMessage message;
    for (StreamSeq seq = from; seq <= last; seq = message.view.seq + 1) {
      WEIR_CHECK(store.Next(seq, filters, message) == ReadOutcome::kFound);
      ++read;
    }
  }
  state.SetItemsProcessed(read);
}

void FileNextFromTail(benchmark::State& state) {
  Fixture fixture(RocksCommitQueue::SyncPolicy::kBuffered);
  StreamSeq seq = 0;
  while (seq < 20'000) {
    AppendBlock(fixture.store(), seq, 100);
    fixture.Commit(0);
  }
  ReadAll(state, fixture.store(), 1);
}
BENCHMARK(FileNextFromTail)->Iterations(50);

void MemoryAppend(benchmark::State& state) {
  Measured measured(state);
  MemoryStreamStore store(0);
  StreamSeq seq = 0;
  for (auto _ : state) {
    AppendBlock(store, seq, 100);
  }
  state.SetItemsProcessed(static_cast<int64_t>(seq));
  state.counters["bytes_per_message"] = ResidentMiB() * 1048576 / static_cast<double>(seq);
}
BENCHMARK(MemoryAppend)->Iterations(6500);

void MemoryNext(benchmark::State& state) {
  MemoryStreamStore store(0);
  StreamSeq seq = 0;
  AppendBlock(store, seq, 100'000);
  ReadAll(state, store, 1);
}
BENCHMARK(MemoryNext)->Iterations(20);

}  // namespace
}  // namespace weir::storage

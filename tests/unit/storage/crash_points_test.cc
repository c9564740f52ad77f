#include <array>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "protocol/base/strings.h"
#include "storage/blocking_pool.h"
#include "storage/database.h"
#include "storage/rocks_commit_queue.h"
#include "storage/rocks_stream_store.h"
#include "tests/support/queue_executor.h"
#include "tests/support/sim_disk.h"
#include "tests/support/temp_dir.h"

namespace weir::storage {
namespace {

using testing_support::QueueExecutor;
using testing_support::SimDisk;
using testing_support::TempDir;

constexpr int kStreams = 2;

struct ModelStream {
  std::map<StreamSeq, std::string> messages;
  StreamSeq last_seq = 0;
  bool operator==(const ModelStream&) const = default;
};
using ModelState = std::array<ModelStream, kStreams>;

std::string SubjectOf(StreamSeq seq) {
  return Cat("s.", seq % 5);
}

// A store on a disk that loses its power, at any write and between them.
class Machine {
 public:
  Machine(std::shared_ptr<SimDisk> disk, const std::string& directory,
          RocksCommitQueue::SyncPolicy policy, bool is_new)
      : disk_(std::move(disk)) {
    Database::Options options;
    options.directory = directory;
    options.file_system = disk_;
    options.memtable_bytes = 24 * 1024;
    auto db = Database::Open(options);
    opened_ = db.status();
    if (!db.ok()) {
      return;
    }
    db_ = std::move(*db);
    pool_ = std::make_unique<BlockingPool>("test-pool", 1);
    RocksCommitQueue::Options queue;
    queue.policy = policy;
    queue.sync_interval = std::chrono::milliseconds(5);
    commits_ = std::make_unique<RocksCommitQueue>(*db_, queue);
    for (uint32_t i = 0; i < kStreams; ++i) {
      StreamId id{i + 1};
      RocksStreamStore::Context context;
      context.db = db_.get();
      context.pool = pool_.get();
      context.home = &home_;
      // Of one stream everything is read back, and sparse blocks are written anew soon.
      if (i == 1) {
        context.tail_bytes = 1;
        context.sparse_patience_bytes = 0;
      }
      if (is_new) {
        streams_[i] = RocksStreamStore::Create(context, id, 0);
        continue;
      }
      auto stream = RocksStreamStore::Open(context, id, damage_);
      opened_ = stream.status();
      if (stream.ok()) {
        streams_[i] = std::move(*stream);
      }
    }
  }
  ~Machine() {
    for (auto& stream : streams_) {
      stream.reset();
    }
    commits_.reset();
    pool_.reset();
    db_.reset();
  }

  const Status& opened() const { return opened_; }
  std::vector<std::string> damage() const {
    std::vector<std::string> all = damage_;
    if (db_ != nullptr) {
      for (std::string& line : db_->damage().lines()) {
        all.push_back(std::move(line));
      }
    }
    return all;
  }
  RocksStreamStore& stream(size_t i) { return *streams_[i]; }
  RocksCommitQueue& commits() { return *commits_; }
  Database& db() { return *db_; }
  QueueExecutor& home() { return home_; }

  // What is in the streams, by reading it.
  ModelState Read() {
    ModelState state;
    for (size_t i = 0; i < kStreams; ++i) {
      const StoreState& counters = stream(i).state();
      state[i].last_seq = counters.last_seq;
      auto run = stream(i).PrepareRun(1, counters.last_seq, 100'000, 1 << 30)();
      if (counters.messages > 0 && run.ok()) {
        for (const StoredMessage& message : run->messages) {
          state[i].messages[message.view.seq] = std::string(message.view.payload);
          EXPECT_EQ(message.view.subject, SubjectOf(message.view.seq));
        }
      }
      EXPECT_EQ(counters.messages, state[i].messages.size());
      uint64_t by_subject = 0;
      stream(i).ForEachSubject("", [&](std::string_view, const SubjectState& subject) {
        by_subject += subject.messages;
        return true;
      });
      EXPECT_EQ(by_subject, counters.messages);
    }
    return state;
  }

 private:
  std::shared_ptr<SimDisk> disk_;
  Status opened_;
  std::vector<std::string> damage_;
  QueueExecutor home_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<BlockingPool> pool_;
  std::unique_ptr<RocksCommitQueue> commits_;
  std::array<std::unique_ptr<RocksStreamStore>, kStreams> streams_;
};

class CrashPointsTest : public ::testing::Test {
 protected:
  struct Image {
    std::shared_ptr<SimDisk> disk;
    size_t acked;  // commits that had been acknowledged before
  };

  // Random work in `commits` commits; takes images of the disk on the way.
  void Work(uint64_t seed, int commits, RocksCommitQueue::SyncPolicy policy, size_t images) {
    random_.seed(seed);
    auto disk = std::make_shared<SimDisk>();
    Machine machine(disk, dir_.path(), policy, /*is_new=*/true);
    ASSERT_TRUE(machine.opened().ok()) << machine.opened();
    history_.assign(1, ModelState());
    images_.clear();
    std::atomic<size_t> acked{0};
    std::mt19937_64 crashes(seed + 1);
    // A store of this kind does some 15 operations a commit.
    disk->set_hook([&, disk = disk.get()](uint64_t) {
      std::lock_guard lock(images_mu_);
      if (images_.size() < images && crashes() % 16 == 0) {
        size_t before = acked.load();
        images_.push_back({disk->Crash(crashes), before});
      }
    });
    size_t submitted = 0;
    for (int i = 0; i < commits; ++i) {
      auto batch = std::make_unique<StagedBatch>();
      ModelState state = history_.back();
      for (size_t s = 0; s < kStreams; ++s) {
        Change(machine.stream(s), state[s]);
        machine.stream(s).Flush(*batch);
      }
      history_.push_back(std::move(state));
      ++submitted;
      machine.commits().Submit(std::move(batch), machine.home(), [&acked](const Status& status) {
        EXPECT_TRUE(status.ok()) << status;
        acked.fetch_add(1);
      });
      while (acked.load() + random_() % 4 < submitted) {
        machine.home().RunOne();
      }
    }
    while (acked.load() < submitted) {
      machine.home().RunOne();
    }
    disk->set_hook(nullptr);
  }

  void Change(RocksStreamStore& store, ModelStream& model) {
    for (uint64_t n = random_() % 12 == 0 ? 80 : random_() % 6; n > 0; --n) {
      StreamSeq seq = model.last_seq + 1 + (random_() % 40 == 0 ? random_() % 50 : 0);
      std::string payload(random_() % 30 == 0 ? random_() % 80'000 : random_() % 300,
                          static_cast<char>('a' + seq % 26));
      payload += Cat(" number ", seq);
      store.Append({seq, static_cast<int64_t>(1000 + seq), SubjectOf(seq), "", payload});
      model.messages[seq] = payload;
      model.last_seq = seq;
    }
    for (uint64_t n = random_() % 3; n > 0 && !model.messages.empty(); --n) {
      auto at = model.messages.lower_bound(random_() % (model.last_seq + 1));
      if (at != model.messages.end()) {
        EXPECT_TRUE(store.Remove(at->first, random_() % 4 == 0));
        model.messages.erase(at);
      }
    }
    if (random_() % 10 == 0) {
      std::erase_if(model.messages, [&](const auto& message) {
        return random_() % 8 != 0 && store.Remove(message.first, false);
      });
    }
    if (random_() % 8 == 0 && model.last_seq > 0) {
      StreamSeq seq = model.last_seq > 60 ? model.last_seq - 60 + random_() % 61 : 1;
      store.TrimTo(seq);
      model.messages.erase(model.messages.begin(), model.messages.lower_bound(seq));
    }
    if (random_() % 50 == 0) {
      store.Purge("", 0, 0);
      model.messages.clear();
    }
  }

  // The disk must hold what some commit left, no earlier one than the last acknowledged.
  void Check(const Image& image, RocksCommitQueue::SyncPolicy policy) {
    Machine machine(image.disk, dir_.path(), policy, /*is_new=*/false);
    ASSERT_TRUE(machine.opened().ok()) << machine.opened();
    EXPECT_THAT(machine.damage(), ::testing::IsEmpty()) << "a power cut is no damage";
    ModelState found = machine.Read();
    size_t floor = policy == RocksCommitQueue::SyncPolicy::kAlways ? image.acked : 0;
    for (size_t commit = history_.size(); commit-- > floor;) {
      if (history_[commit] == found) {
        return;
      }
    }
    for (size_t s = 0; s < kStreams; ++s) {
      ADD_FAILURE() << "stream " << s << ": " << found[s].messages.size() << " messages up to "
                    << found[s].last_seq
                    << "; acknowledged: " << history_[image.acked][s].messages.size() << " up to "
                    << history_[image.acked][s].last_seq;
    }
  }

  void Run(RocksCommitQueue::SyncPolicy policy, uint64_t first_seed, int seeds, size_t images) {
    size_t checked = 0;
    for (int i = 0; i < seeds && !HasFailure(); ++i) {
      uint64_t seed = first_seed + static_cast<uint64_t>(i);
      SCOPED_TRACE(Cat("seed ", seed));
      ASSERT_NO_FATAL_FAILURE(Work(seed, 60, policy, images));
      for (const Image& image : images_) {
        SCOPED_TRACE(Cat("image ", checked));
        ASSERT_NO_FATAL_FAILURE(Check(image, policy));
        ++checked;
      }
    }
    std::cout << checked << " crash points, seeds " << first_seed << " to "
              << first_seed + static_cast<uint64_t>(seeds) - 1 << "\n";
  }

  // WEIR_CRASH_SEEDS=100 and WEIR_CRASH_FIRST_SEED=… for more and for others.
  static int Seeds(int usual) {
    const char* text = std::getenv("WEIR_CRASH_SEEDS");
    return text == nullptr ? usual : std::atoi(text);
  }
  static uint64_t FirstSeed() {
    const char* text = std::getenv("WEIR_CRASH_FIRST_SEED");
    return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
  }

  TempDir dir_;
  std::mt19937_64 random_;
  std::vector<ModelState> history_;
  std::mutex images_mu_;
  std::vector<Image> images_;
};

TEST_F(CrashPointsTest, NothingAcknowledgedIsLostAndNothingElseAppears) {
  Run(RocksCommitQueue::SyncPolicy::kAlways, FirstSeed(), Seeds(6), 40);
}

TEST_F(CrashPointsTest, WithoutSyncsWhatIsLeftIsStillWhatSomeCommitLeft) {
  Run(RocksCommitQueue::SyncPolicy::kBuffered, FirstSeed() + 1'000'000, Seeds(4), 40);
}

class FailingDiskTest : public ::testing::Test {
 protected:
  FailingDiskTest()
      : machine_(disk_, dir_.path(), RocksCommitQueue::SyncPolicy::kAlways, /*is_new=*/true) {}

  Status Append(StreamSeq seq, size_t bytes = 100) {
    machine_.stream(0).Append({seq, 1, "s", "", std::string(bytes, 'x')});
    auto batch = std::make_unique<StagedBatch>();
    machine_.stream(0).Flush(*batch);
    Status result;
    bool done = false;
    machine_.commits().Submit(std::move(batch), machine_.home(), [&](Status status) {
      result = std::move(status);
      done = true;
    });
    while (!done) {
      machine_.home().RunOne();
    }
    return result;
  }

  TempDir dir_;
  std::shared_ptr<SimDisk> disk_ = std::make_shared<SimDisk>();
  Machine machine_;
};

TEST_F(FailingDiskTest, FailedSyncIsTheAnswerToEverythingThatFollows) {
  ASSERT_TRUE(Append(1).ok());
  disk_->FailSyncs(true);
  EXPECT_FALSE(Append(2).ok());
  disk_->FailSyncs(false);

  EXPECT_FALSE(Append(3).ok());
  EXPECT_FALSE(machine_.commits().health().ok());
  StoredMessage message;
  EXPECT_EQ(machine_.stream(0).Get(1, message), ReadOutcome::kFound);
}

TEST_F(FailingDiskTest, FailedWriteIsTheAnswerToEverythingThatFollows) {
  ASSERT_TRUE(Append(1).ok());
  disk_->FailWrites(true);
  EXPECT_FALSE(Append(2).ok());
  disk_->FailWrites(false);

  EXPECT_FALSE(Append(3).ok());
  EXPECT_FALSE(machine_.commits().health().ok());
}

}  // namespace
}  // namespace weir::storage

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/blocking_pool.h"
#include "storage/database.h"
#include "storage/rocks_commit_queue.h"
#include "tests/support/queue_executor.h"
#include "tests/support/temp_dir.h"

namespace weir::testing_support {

// A database in a directory of its own, with what stores need around it.
class TempStore {
 public:
  explicit TempStore(storage::RocksCommitQueue::SyncPolicy policy =
                         storage::RocksCommitQueue::SyncPolicy::kBuffered)
      : policy_(policy) {
    Open(dir_.path());
  }

  // Closes and opens again, the same directory or a copy of it.
  void Reopen() { Open(directory_); }
  void Open(const std::string& directory) {
    Close();
    directory_ = directory;
    storage::Database::Options options;
    options.directory = directory;
    options.memtable_bytes = 256 * 1024;
    auto opened = storage::Database::Open(options);
    WEIR_CHECK(opened.ok());
    db = std::move(*opened);
    pool = std::make_unique<storage::BlockingPool>("test-pool", 1);
    storage::RocksCommitQueue::Options queue;
    queue.policy = policy_;
    commits = std::make_unique<storage::RocksCommitQueue>(*db, queue);
  }
  void Close() {
    commits.reset();
    pool.reset();
    db.reset();
  }

  // Commits and waits for the answer.
  Status Commit(std::unique_ptr<storage::StagedBatch> batch) {
    bool done = false;
    Status result;
    commits->Submit(std::move(batch), home, [&](Status status) {
      result = std::move(status);
      done = true;
    });
    while (!done) {
      home.RunOne();
    }
    return result;
  }

  const std::string& directory() const { return directory_; }

 private:
  const storage::RocksCommitQueue::SyncPolicy policy_;
  TempDir dir_;
  std::string directory_;

 public:
  QueueExecutor home;
  std::unique_ptr<storage::Database> db;
  std::unique_ptr<storage::BlockingPool> pool;
  std::unique_ptr<storage::RocksCommitQueue> commits;
};

}  // namespace weir::testing_support

#pragma once

#include <deque>
#include <memory>
#include <utility>

#include "storage/commit_queue.h"

namespace weir::testing {

// Commits when a test says so, or at once; fails on purpose. What the batches hold is dropped.
class ManualCommitQueue : public storage::CommitQueue {
 public:
  void Submit(std::unique_ptr<storage::StagedBatch> batch, Executor& home, Done done) override {
    ++submitted;
    waiting_.push_back({std::move(batch), &home, std::move(done)});
    if (immediate) {
      CommitAll();
    }
  }

  // Answers the oldest batch, inside this call. False when none waits.
  bool CommitOne() {
    if (waiting_.empty()) {
      return false;
    }
    Waiting one = std::move(waiting_.front());
    waiting_.pop_front();
    synced += one.batch->require_sync() ? 1 : 0;
    unsynced += one.batch->allow_unsynced() && !one.batch->require_sync() ? 1 : 0;
    std::move(one.done)(first_error_);
    return true;
  }
  void CommitAll() {
    while (CommitOne()) {
    }
  }

  // This and every later batch fails.
  void Fail(Status error) { first_error_ = std::move(error); }

  void Drain() override { CommitAll(); }
  Status health() const override { return first_error_; }
  size_t waiting() const { return waiting_.size(); }

  bool immediate = true;
  size_t submitted = 0;
  size_t synced = 0;    // committed batches that had to be synced
  size_t unsynced = 0;  // committed batches that did not need it under any policy

 private:
  struct Waiting {
    std::unique_ptr<storage::StagedBatch> batch;
    Executor* home;
    Done done;
  };

  std::deque<Waiting> waiting_;
  Status first_error_;
};

}  // namespace weir::testing

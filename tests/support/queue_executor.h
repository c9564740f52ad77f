#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "protocol/base/executor.h"

namespace weir::testing_support {

// A home whose tasks wait until the test runs them.
class QueueExecutor : public Executor {
 public:
  void Post(Task task) override {
    std::lock_guard lock(mu_);
    tasks_.push_back(std::move(task));
    wake_.notify_one();
  }

  // Runs the next task; waits for one to be posted from another thread.
  void RunOne() {
    Task task;
    {
      std::unique_lock lock(mu_);
      wake_.wait(lock, [this] { return !tasks_.empty(); });
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    std::move(task)();
  }

  // Runs what is there, and returns how many tasks that were.
  size_t RunReady() {
    size_t count = 0;
    for (; size() > 0; ++count) {
      RunOne();
    }
    return count;
  }

  size_t size() {
    std::lock_guard lock(mu_);
    return tasks_.size();
  }

 private:
  std::mutex mu_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
};

}  // namespace weir::testing_support

#pragma once

#include <deque>
#include <mutex>
#include <utility>

#include "protocol/base/executor.h"

namespace weir::testing {

// Runs what was posted when a test says so. Post() may be called from any thread.
class ManualExecutor : public Executor {
 public:
  void Post(Task task) override {
    std::lock_guard lock(mu_);
    tasks_.push_back(std::move(task));
  }

  // Runs tasks until there are none, those included that the tasks post. Returns how many ran.
  size_t RunAll() {
    size_t ran = 0;
    while (RunOne()) {
      ++ran;
    }
    return ran;
  }

  bool RunOne() {
    Task task;
    {
      std::lock_guard lock(mu_);
      if (tasks_.empty()) {
        return false;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    std::move(task)();
    return true;
  }

 private:
  std::mutex mu_;
  std::deque<Task> tasks_;
};

}  // namespace weir::testing

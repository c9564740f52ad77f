#pragma once

#include <condition_variable>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "protocol/base/executor.h"
#include "protocol/base/mutex.h"

namespace weir::storage {

// A few threads for calls that may block (I7): disk reads, DNS, bcrypt, database clients. Results
// go back by posting to an Executor inside the task. Thread-safe. Tasks run in submission order as
// far as threads are free; those not started when the pool stops are dropped.
class BlockingPool {
 public:
  // `name` becomes the threads' name (15 characters at most).
  BlockingPool(std::string name, int threads);
  ~BlockingPool();  // waits for running tasks
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  void Run(Task task);

 private:
  void ThreadMain();

  const std::string name_;
  Mutex mu_;
  std::condition_variable wake_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;  // last: start when all of the above exists
};

}  // namespace weir::storage

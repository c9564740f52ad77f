#pragma once

#include <deque>
#include <string_view>

#include "absl/functional/any_invocable.h"

#include "jetstream/environment.h"

namespace weir::jetstream {

// API requests that wait for their turn, on the meta shard (jetstream-api.md 1). Two queues: what
// only asks (INFO, NAMES, LIST) waits until everything else has been done, and each has a limit of
// its own. A queue that reaches it is dropped whole: the clients get no answer, the log and an
// advisory in the system account tell how many there were.
//
// Requests are taken a few at a time, so that deliveries go on under a flood of them.
class ApiQueue {
 public:
  using Work = absl::AnyInvocable<void() &&>;

  explicit ApiQueue(Environment& env);
  ApiQueue(const ApiQueue&) = delete;
  ApiQueue& operator=(const ApiQueue&) = delete;

  void Push(bool only_asks, Work work);

 private:
  void RunLater();
  void Run();
  void Drop(std::deque<Work>& queue, std::string_view name);

  Environment& env_;
  std::deque<Work> requests_;
  std::deque<Work> infos_;
  bool posted_ = false;
};

}  // namespace weir::jetstream

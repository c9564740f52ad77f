#pragma once

#include <cstdint>
#include <utility>

#include "absl/container/btree_map.h"

#include "protocol/base/executor.h"

namespace weir {

// Timers of one home: pings, ack waits, TTLs, pull expiries. An ordered map, not a wheel: the next
// deadline is exact, so an idle server with ten thousand armed timers sleeps until one is due, and
// owners keep one timer each (a connection, a consumer), not one per message. Never early. Timers
// of the same deadline run in the order in which they were scheduled.
//
// Not thread-safe: belongs to the home that runs it. One OS timer per worker drives it, armed for
// next_due_ns().
class TimerQueue {
 public:
  struct TimerId {
    int64_t due_ns = 0;
    uint64_t serial = 0;  // 0: no timer
    explicit operator bool() const { return serial != 0; }
    auto operator<=>(const TimerId&) const = default;
  };

  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  // Runs `task` once, in RunDue(), when `due_ns` (steady clock) has been reached.
  TimerId Schedule(int64_t due_ns, Task task) {
    TimerId id{due_ns, ++last_serial_};
    timers_.emplace(id, std::move(task));
    return id;
  }

  // No effect when the timer has fired or was cancelled. Clears `id`.
  void Cancel(TimerId& id) {
    if (id) {
      timers_.erase(std::exchange(id, TimerId{}));
    }
  }

  // Runs what is due at `now_ns`. Tasks may schedule and cancel freely; what they schedule runs in
  // the next call at the earliest, so that a task re-arming itself for now cannot spin.
  void RunDue(int64_t now_ns) {
    uint64_t last_at_entry = last_serial_;
    auto at = timers_.begin();
    while (at != timers_.end() && at->first.due_ns <= now_ns) {
      if (at->first.serial > last_at_entry) {
        ++at;
        continue;
      }
      Task task = std::move(at->second);
      timers_.erase(at);
      std::move(task)();
      at = timers_.begin();
    }
  }

  // When RunDue() should be called next; INT64_MAX without timers.
  int64_t next_due_ns() const {
    return timers_.empty() ? INT64_MAX : timers_.begin()->first.due_ns;
  }

  size_t size() const { return timers_.size(); }

 private:
  absl::btree_map<TimerId, Task> timers_;
  uint64_t last_serial_ = 0;
};

}  // namespace weir

#pragma once

#include <atomic>
#include <thread>

#include "absl/base/thread_annotations.h"

#include "protocol/base/status.h"

namespace weir {

// A capability without a lock, for state that belongs to one thread (invariant I1). Fields are
// ABSL_GUARDED_BY(home_), public methods start with home_.AssertHeld(); clang then checks the
// discipline as it checks mutexes, and debug builds check the thread at run time. The home is the
// thread that asserts first, or that calls Adopt().
class ABSL_LOCKABLE Affinity {
 public:
  void Adopt() const { owner_.store(std::this_thread::get_id(), std::memory_order_relaxed); }

  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() {
#ifndef NDEBUG
    auto none = std::thread::id{};
    if (!owner_.compare_exchange_strong(none, std::this_thread::get_id(),
                                        std::memory_order_relaxed)) {
      WEIR_CHECK(none == std::this_thread::get_id());
    }
#endif
  }

 private:
  mutable std::atomic<std::thread::id> owner_{};
};

}  // namespace weir

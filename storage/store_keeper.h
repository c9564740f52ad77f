#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <thread>

#include "protocol/base/mutex.h"
#include "storage/database.h"

namespace weir::storage {

// Looks after an open store from a thread of its own: reads all of it again and again, slowly, so
// that flipped bits are set right before there are two of them, and watches how much room the disk
// has, so that publishers are refused before a write fails.
class StoreKeeper {
 public:
  struct Options {
    uint64_t scrub_bytes_per_second = 8 << 20;  // 0: never
    std::chrono::seconds scrub_after{600};      // the start, and
    std::chrono::seconds scrub_every{24 * 3600};
    std::chrono::milliseconds look_every{250};
    // Less room than this, or than a quarter of a small disk, is none.
    uint64_t reserve_bytes = 128 << 20;
    // Told at every change, on the keeper's thread.
    std::function<void(bool full)> on_full;
  };

  StoreKeeper(Database& db, Options options);
  ~StoreKeeper();
  StoreKeeper(const StoreKeeper&) = delete;
  StoreKeeper& operator=(const StoreKeeper&) = delete;

  // Ends the thread; what is known stays.
  void Stop();

  bool full() const { return full_.load(std::memory_order_relaxed); }
  uint64_t scrubbed_bytes() const { return scrubbed_.load(std::memory_order_relaxed); }
  uint64_t scrubs() const { return scrubs_.load(std::memory_order_relaxed); }

 private:
  void Main();
  void Look();
  // Sleeps and looks; false when the keeper is to end.
  bool Wait(std::chrono::milliseconds time);

  Database& db_;
  const Options options_;
  std::atomic<bool> full_{false};
  std::atomic<uint64_t> scrubbed_{0};
  std::atomic<uint64_t> scrubs_{0};
  Mutex mu_;
  std::condition_variable wake_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: starts when all of the above exists
};

}  // namespace weir::storage

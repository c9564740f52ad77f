#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace weir::storage {

// Keeps zeros on the disk ahead of a log's end. A sync of a file that grows must also write where
// its blocks lie and how long it is: on ext4 a commit of the journal, which waits for whatever
// other processes have written to the file system. With the zeros there already, it writes the data
// alone.
//
// Only where syncs are small and many: what is synced by the megabyte would be written twice for
// nothing. The zeros are cut off when the log is closed; after a crash they stay behind the last
// write, and readers take them for an end (FORMAT.md).
//
// Appended() and CutOff() where the log is written, Synced() on any thread. Best effort: where the
// disk refuses, the log just grows.
class LogAhead {
 public:
  explicit LogAhead(const std::string& path);
  ~LogAhead();
  LogAhead(const LogAhead&) = delete;
  LogAhead& operator=(const LogAhead&) = delete;

  // The log has `size` bytes now.
  void Appended(uint64_t size) {
    if (wanted_.load(std::memory_order_relaxed) && size + kSmall > zeroed_) {
      Extend(size);
    }
  }
  // `bytes` were synced at once.
  void Synced(uint64_t bytes) {
    if (bytes < kSmall) {
      wanted_.store(true, std::memory_order_relaxed);
    }
  }
  void CutOff(uint64_t size);

  static constexpr uint64_t kSmall = 64 << 10;
  static constexpr uint64_t kAhead = 512 << 10;

 private:
  void Extend(uint64_t size);

  int fd_;
  uint64_t zeroed_ = 0;  // there are zeros from the log's end up to here
  std::atomic<bool> wanted_{false};
};

}  // namespace weir::storage

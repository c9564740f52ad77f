#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <sys/uio.h>

namespace weir {

// Bytes on their way out: appended at the back, written from the front in gather lists. Chunks grow
// from 512 B to 64 KiB with the load and are given back when they are empty, so that an idle
// connection holds nothing. Not thread-safe.
class ByteQueue {
 public:
  ByteQueue() = default;
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;

  // `size` contiguous bytes to fill; valid until the next call. Commit() says how many were used.
  char* Reserve(size_t size) {
    if (chunks_.empty() || chunks_.back().capacity - chunks_.back().end < size) {
      Grow(size);
    }
    Chunk& tail = chunks_.back();
    return tail.data.get() + tail.end;
  }
  void Commit(size_t size) {
    chunks_.back().end += static_cast<uint32_t>(size);
    size_ += size;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Pieces of memory that hold them.
  size_t chunks() const { return chunks_.size() - head_; }

  // Fills at most `capacity` entries from the front; returns how many.
  int Gather(iovec* out, int capacity) const;

  // Drops `size` bytes from the front. Keeps one small chunk for the next use only while more is
  // pending; an empty queue that stays empty is freed by Trim().
  void Consume(size_t size);

  // Gives back the memory of an empty queue.
  void Trim() {
    if (size_ == 0) {
      Clear();
      chunks_.shrink_to_fit();
      next_capacity_ = kMinChunk;
    }
  }
  void Clear() {
    chunks_.clear();
    head_ = 0;
    size_ = 0;
  }

 private:
  struct Chunk {
    std::unique_ptr<char[]> data;
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t capacity = 0;
  };
  static constexpr uint32_t kMinChunk = 512;
  static constexpr uint32_t kMaxChunk = 64 << 10;

  void Grow(size_t size);

  std::vector<Chunk> chunks_;  // the front ones may be empty: see head_
  size_t head_ = 0;            // index of the first chunk with bytes
  size_t size_ = 0;
  uint32_t next_capacity_ = kMinChunk;
};

}  // namespace weir

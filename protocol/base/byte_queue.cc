#include "protocol/base/byte_queue.h"

#include <algorithm>

namespace weir {

void ByteQueue::Grow(size_t size) {
  if (size_ == 0 && !chunks_.empty() && chunks_.back().capacity >= size) {
    // Everything was written: start again at the front of the last chunk.
    chunks_.erase(chunks_.begin(), chunks_.end() - 1);
    head_ = 0;
    chunks_.back().begin = chunks_.back().end = 0;
    return;
  }
  uint32_t capacity = std::max(next_capacity_, static_cast<uint32_t>(size));
  next_capacity_ = std::min(kMaxChunk, next_capacity_ * 4);
  chunks_.push_back(Chunk{std::make_unique_for_overwrite<char[]>(capacity), 0, 0, capacity});
}

int ByteQueue::Gather(iovec* out, int capacity) const {
  int count = 0;
  for (size_t i = head_; i < chunks_.size() && count < capacity; ++i) {
    const Chunk& chunk = chunks_[i];
    if (chunk.begin != chunk.end) {
      out[count].iov_base = chunk.data.get() + chunk.begin;
      out[count].iov_len = chunk.end - chunk.begin;
      ++count;
    }
  }
  return count;
}

void ByteQueue::Consume(size_t size) {
  size_ -= size;
  while (size > 0) {
    Chunk& chunk = chunks_[head_];
    auto part = static_cast<uint32_t>(std::min<size_t>(size, chunk.end - chunk.begin));
    chunk.begin += part;
    size -= part;
    if (chunk.begin != chunk.end) {
      break;
    }
    if (head_ + 1 == chunks_.size()) {
      chunk.begin = chunk.end = 0;  // the tail is used again
      break;
    }
    chunk.data.reset();
    ++head_;
  }
  if (size_ == 0 && chunks_.size() > 1) {
    chunks_.erase(chunks_.begin(), chunks_.end() - 1);
    head_ = 0;
    chunks_.back().begin = chunks_.back().end = 0;
  } else if (head_ > 64 && head_ * 2 > chunks_.size()) {
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

}  // namespace weir

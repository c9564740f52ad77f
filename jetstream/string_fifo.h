#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>

namespace weir::jetstream {

// Texts that are let go in the order in which they came: reply subjects that wait for a commit,
// message ids of a dedupe window. They are copied into chunks, so that a text costs no allocation.
class StringFifo {
 public:
  // The copy stays where it is until Pop() has let it go.
  std::string_view Push(std::string_view text) {
    if (chunks_.empty() || chunks_.back().size - chunks_.back().used < text.size()) {
      AddChunk(text.size());
    }
    Chunk& chunk = chunks_.back();
    char* at = chunk.bytes.get() + chunk.used;
    if (!text.empty()) {
      std::memcpy(at, text.data(), text.size());
    }
    chunk.used += text.size();
    ++chunk.texts;
    return {at, text.size()};
  }

  // Lets the oldest text go.
  void Pop() {
    while (chunks_.front().texts == 0) {
      DropFront();
    }
    if (--chunks_.front().texts == 0) {
      if (chunks_.size() == 1) {
        chunks_.front().used = 0;
      } else {
        DropFront();
      }
    }
  }

  void Clear() { chunks_.clear(); }

 private:
  static constexpr size_t kChunkBytes = 16 << 10;
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
    size_t used = 0;
    size_t texts = 0;
  };

  void AddChunk(size_t at_least) {
    if (spare_.size >= at_least) {
      spare_.used = 0;
      spare_.texts = 0;
      chunks_.push_back(std::exchange(spare_, Chunk{}));
      return;
    }
    size_t size = std::max(kChunkBytes, at_least);
    chunks_.push_back(Chunk{std::make_unique<char[]>(size), size, 0, 0});
  }
  void DropFront() {
    spare_ = std::move(chunks_.front());
    chunks_.pop_front();
  }

  std::deque<Chunk> chunks_;
  Chunk spare_;
};

}  // namespace weir::jetstream

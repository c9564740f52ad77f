#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::storage {

// Holds many short texts with two bytes of overhead each, named by 32-bit references. Freed texts
// are only counted: the owner copies the living ones into a fresh object when wasteful() says so.
// Texts of at most kMaxBytes. Not thread-safe.
class SubjectText {
 public:
  using Ref = uint32_t;
  static constexpr size_t kMaxBytes = 65'000;

  Ref Add(std::string_view text);
  void Free(Ref ref) { dead_bytes_ += At(ref).size() + sizeof(uint16_t); }
  std::string_view At(Ref ref) const;
  // Calls visit(ref, text) for every text, freed ones too, in the order in which they lie in
  // memory, until it returns false.
  template <typename F>
  void ForEach(F&& visit) const {
    for (size_t chunk = 0; chunk < chunks_.size(); ++chunk) {
      const bool last = chunk + 1 == chunks_.size();
      const size_t used = last ? chunk_used_ : full_[chunk];
      const char* const bytes = chunks_[chunk].get();
      for (size_t at = 0; at < used;) {
        uint16_t length = 0;
        std::memcpy(&length, bytes + at, sizeof length);
        const std::string_view text(bytes + at + sizeof length, length);
        if (!visit(static_cast<Ref>(chunk << 16 | at), text)) {
          return;
        }
        at += sizeof length + length;
      }
    }
  }

  bool wasteful() const { return dead_bytes_ > 64 * 1024 && dead_bytes_ > used_bytes_ / 2; }
  size_t memory_bytes() const { return allocated_bytes_; }

 private:
  static constexpr size_t kChunkBytes = 64 * 1024;

  std::vector<std::unique_ptr<char[]>> chunks_;
  std::vector<uint32_t> full_;  // how much of each chunk but the last is used
  size_t chunk_size_ = 0;       // of the last chunk
  size_t chunk_used_ = 0;
  size_t used_bytes_ = 0;
  size_t dead_bytes_ = 0;
  size_t allocated_bytes_ = 0;
};

}  // namespace weir::storage

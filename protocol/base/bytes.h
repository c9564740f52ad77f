#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace weir {

// Immutable bytes shared by reference count: a payload on its way to many places, a block in a
// cache. Copying costs one atomic increment; empty bytes cost nothing. Thread-safe like shared_ptr.
class SharedBytes {
 public:
  SharedBytes() = default;

  static SharedBytes Copy(std::string_view bytes) {
    SharedBytes out = Uninitialized(bytes.size());
    if (!bytes.empty()) {
      std::memcpy(out.mutable_data(), bytes.data(), bytes.size());
    }
    return out;
  }

  // For the one who fills the bytes before anybody else sees them.
  static SharedBytes Uninitialized(size_t size) {
    SharedBytes out;
    if (size > 0) {
      void* memory = ::operator new(sizeof(Block) + size);
      out.block_ = new (memory) Block{};
      out.size_ = size;
    }
    return out;
  }

  SharedBytes(const SharedBytes& other) : block_(other.block_), size_(other.size_) {
    if (block_ != nullptr) {
      block_->references.fetch_add(1, std::memory_order_relaxed);
    }
  }
  SharedBytes(SharedBytes&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  SharedBytes& operator=(SharedBytes other) noexcept {
    std::swap(block_, other.block_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~SharedBytes() {
    if (block_ != nullptr && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      block_->~Block();
      ::operator delete(static_cast<void*>(block_));
    }
  }

  std::string_view view() const {
    return block_ == nullptr ? std::string_view{} : std::string_view{block_->data(), size_};
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  char* mutable_data() { return block_ == nullptr ? nullptr : block_->data(); }

 private:
  struct Block {
    std::atomic<uint32_t> references{1};
    char* data() { return reinterpret_cast<char*>(this + 1); }
  };

  Block* block_ = nullptr;
  size_t size_ = 0;
};

}  // namespace weir

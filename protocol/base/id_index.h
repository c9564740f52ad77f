#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir {

// Finds numbered things by a tag, which is a part of their hash. One look costs one cache miss: a
// slot is eight bytes, its place follows from the tag's upper bits, and neighbours are tried in
// order. For the same reason a larger table is filled front to back.
//
// Numbers may wrap around; a tag may stand for several things.
class IdIndex {
 public:
  static uint32_t TagOf(uint64_t hash) { return static_cast<uint32_t>(hash >> 32) | 1; }

  // Calls `is_it` with the number of each thing that has the tag, until it returns true. False when
  // it never did.
  template <typename F>
  bool Find(uint32_t tag, F&& is_it) const {
    if (slots_.empty()) {
      return false;
    }
    for (size_t at = Home(tag); slots_[at] != 0; at = Next(at)) {
      if (slots_[at] >> 32 == tag && is_it(static_cast<uint32_t>(slots_[at]))) {
        return true;
      }
    }
    return false;
  }

  void Insert(uint32_t tag, uint32_t number) {
    if ((size_ + 1) * 8 > slots_.size() * 5) {
      Resize(slots_.empty() ? kSmallest : slots_.size() * 2);
    }
    Put(uint64_t{tag} << 32 | number);
    ++size_;
  }

  // It must be there.
  void Erase(uint32_t tag, uint32_t number) {
    size_t hole = Home(tag);
    while (slots_[hole] != (uint64_t{tag} << 32 | number)) {
      hole = Next(hole);
    }
    // Who stands behind the hole because of what was in it moves up.
    for (size_t at = Next(hole); slots_[at] != 0; at = Next(at)) {
      if (Distance(Home(slots_[at] >> 32), at) >= Distance(hole, at)) {
        slots_[hole] = slots_[at];
        hole = at;
      }
    }
    slots_[hole] = 0;
    --size_;
    if (slots_.size() > kSmallest && size_ * 16 < slots_.size()) {
      Resize(slots_.size() / 4);
    }
  }

  void Clear() { *this = IdIndex(); }

  size_t size() const { return size_; }
  size_t capacity() const { return slots_.size(); }

 private:
  static constexpr size_t kSmallest = 16;

  size_t Home(uint64_t tag) const { return static_cast<size_t>(tag >> shift_); }
  size_t Next(size_t at) const { return (at + 1) & (slots_.size() - 1); }
  size_t Distance(size_t from, size_t to) const { return (to - from) & (slots_.size() - 1); }

  void Put(uint64_t slot) {
    size_t at = Home(slot >> 32);
    while (slots_[at] != 0) {
      at = Next(at);
    }
    slots_[at] = slot;
  }

  void Resize(size_t capacity) {
    std::vector<uint64_t> old(capacity, 0);
    old.swap(slots_);
    shift_ = 32;
    for (size_t places = capacity; places > 1; places /= 2) {
      --shift_;
    }
    for (uint64_t slot : old) {
      if (slot != 0) {
        Put(slot);
      }
    }
  }

  std::vector<uint64_t> slots_;  // tag, number; 0: free, since tags are odd
  size_t size_ = 0;
  uint32_t shift_ = 32;
};

}  // namespace weir

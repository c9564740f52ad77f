#pragma once

// Strong integers, so that sequences of different spaces cannot be mixed, and handles that name an
// object of another thread without pointing at it.

#include <compare>
#include <cstdint>
#include <functional>

namespace weir {

template <typename Tag, typename T = uint64_t>
class StrongInt {
 public:
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(T value) : value_(value) {}
  constexpr T value() const { return value_; }
  constexpr auto operator<=>(const StrongInt&) const = default;
  constexpr StrongInt& operator++() {
    ++value_;
    return *this;
  }
  template <typename H>
  friend H AbslHashValue(H h, StrongInt id) {
    return H::combine(std::move(h), id.value_);
  }

 private:
  T value_{};
};

// Sequences are used in arithmetic everywhere (gaps, floors, counts); they are plain integers with
// a name. 0 means "none".
using StreamSeq = uint64_t;
using ConsumerSeq = uint64_t;

using ClientId = StrongInt<struct ClientIdTag>;              // connection id, unique per process
using StreamId = StrongInt<struct StreamIdTag, uint32_t>;    // on disk; never used twice
using AccountId = StrongInt<struct AccountIdTag, uint32_t>;  // index in the account registry
inline constexpr AccountId kGlobalAccount{0};                // "$G"
inline constexpr AccountId kSystemAccount{1};                // "$SYS"

// An object of a worker, from anywhere: slot of a table plus the generation that the slot had. A
// stale handle resolves to nothing.
struct Handle {
  uint32_t slot = 0;
  uint32_t generation = 0;
  auto operator<=>(const Handle&) const = default;
};

}  // namespace weir

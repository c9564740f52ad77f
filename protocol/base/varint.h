#pragma once

// Numbers of 7 bits a byte, lowest first; the highest bit says that more follow.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

inline constexpr size_t kMaxVarintBytes = 10;

inline void AppendVarint(std::string& out, uint64_t number) {
  while (number >= 0x80) {
    out.push_back(static_cast<char>(number | 0x80));
    number >>= 7;
  }
  out.push_back(static_cast<char>(number));
}

// Signed numbers with the sign in the lowest bit, so that small ones stay short.
inline void AppendSignedVarint(std::string& out, int64_t number) {
  AppendVarint(out, static_cast<uint64_t>(number) << 1 ^ static_cast<uint64_t>(number >> 63));
}

// Takes a number off the front; false when the bytes run out, or after kMaxVarintBytes without an
// end.
inline bool TakeVarint(std::string_view& bytes, uint64_t& number) {
  number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    number |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      return true;
    }
  }
  return false;
}

// Reads numbers until they run out or one is longer than 64 bits; then everything is 0 and ok() is
// false.
class VarintReader {
 public:
  explicit VarintReader(std::string_view bytes) : rest_(bytes) {}

  uint64_t Next() {
    if (!ok_) {
      return 0;
    }
    const size_t before = rest_.size();
    uint64_t number = 0;
    if (TakeVarint(rest_, number)) {
      return number;
    }
    ok_ = false;
    ran_out_ = before - rest_.size() < kMaxVarintBytes;
    rest_ = {};
    return 0;
  }

  int64_t NextSigned() {
    uint64_t number = Next();
    return static_cast<int64_t>(number >> 1 ^ (~(number & 1) + 1));
  }

  // A count of things that take at least `size` bytes each; more cannot follow.
  uint64_t NextCount(size_t size) {
    uint64_t count = Next();
    if (count > rest_.size() / size) {
      ok_ = false;
      return 0;
    }
    return count;
  }

  bool ok() const { return ok_; }
  // Was the end what stopped it? More bytes may help then.
  bool ran_out() const { return ran_out_; }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
  bool ran_out_ = false;
};

}  // namespace weir

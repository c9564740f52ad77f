#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::jetstream {

// Numbers of 7 bits a byte, lowest first; the highest bit says that more follow.
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

// Reads numbers until they run out or one is longer than 64 bits; then everything is 0 and ok() is
// false.
class VarintReader {
 public:
  explicit VarintReader(std::string_view bytes) : rest_(bytes) {}

  uint64_t Next() {
    if (!ok_) {
      return 0;
    }
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) {
        ok_ = false;
        ran_out_ = true;
        return 0;
      }
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      number |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return number;
      }
    }
    ok_ = false;
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

}  // namespace weir::jetstream

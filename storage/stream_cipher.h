#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/store_key.h"

namespace weir::storage {

// The cipher of one file: the same key and nonce give the same stream, so what is encrypted once is
// decrypted by doing it again. Thread-safe.
class StreamCipher {
 public:
  // What an encrypted file begins with (FORMAT.md). A flipped bit in it is set right, since without
  // the nonce the whole file would be lost.
  static constexpr size_t kPrefix = 64;

  static StreamCipher Fresh(const SecretKey& key, Cipher cipher);
  // nullopt when `prefix` is not one.
  static std::optional<StreamCipher> FromPrefix(const SecretKey& key, std::string_view prefix);

  std::string prefix() const;
  // `size` bytes that lie at `at` behind the prefix. `from` and `to` may be the same.
  void Apply(uint64_t at, const char* from, char* to, size_t size) const;

 private:
  StreamCipher(const SecretKey& key, Cipher cipher) : key_(key), cipher_(cipher) {}
  void ApplyChaCha(uint64_t at, const uint8_t* from, uint8_t* to, size_t size) const;
  void ApplyAes(uint64_t at, const uint8_t* from, uint8_t* to, size_t size) const;

  SecretKey key_;
  Cipher cipher_;
  std::array<uint8_t, 24> nonce_{};
};

}  // namespace weir::storage

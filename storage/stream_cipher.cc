#include "storage/stream_cipher.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include <openssl/evp.h>
#include <sodium/crypto_stream_xchacha20.h>
#include <sodium/randombytes.h>

#include "protocol/base/status.h"
#include "storage/bit_repair.h"
#include "storage/coding.h"
#include "storage/crc32c.h"

namespace weir::storage {

namespace {

constexpr std::string_view kMagic = "weir-enc";
constexpr uint8_t kVersion = 1;
constexpr size_t kVersionAt = 8;
constexpr size_t kCipherAt = 9;
constexpr size_t kChecksumAt = 12;  // u32 of everything else up to the nonce's end
constexpr size_t kNonceAt = 16;
constexpr size_t kUsed = 40;
constexpr size_t kChaChaBlock = 64;
constexpr size_t kAesBlock = 16;

std::string Covered(std::string_view prefix) {
  std::string bytes(prefix.substr(0, kChecksumAt));
  bytes.append(prefix.substr(kNonceAt, kUsed - kNonceAt));
  return bytes;
}

uint8_t* Bytes(char* at) {
  return reinterpret_cast<uint8_t*>(at);
}
const uint8_t* Bytes(const char* at) {
  return reinterpret_cast<const uint8_t*>(at);
}

}  // namespace

StreamCipher StreamCipher::Fresh(const SecretKey& key, Cipher cipher) {
  StreamCipher out(key, cipher);
  ::randombytes_buf(out.nonce_.data(), out.nonce_.size());
  return out;
}

std::optional<StreamCipher> StreamCipher::FromPrefix(const SecretKey& key,
                                                     std::string_view prefix) {
  if (prefix.size() < kPrefix) {
    return std::nullopt;
  }
  std::string covered = Covered(prefix);
  auto stored = LoadInt<uint32_t>(prefix.data() + kChecksumAt);
  if (uint32_t computed = Crc32c(covered); computed != stored) {
    auto bit = FindFlippedBit(covered.size(), stored, computed);
    if (bit.has_value()) {
      FlipBit(covered, *bit);
    } else if (std::popcount(computed ^ stored) != 1) {
      return std::nullopt;
    }
  }
  auto cipher = static_cast<Cipher>(covered[kCipherAt]);
  if (!covered.starts_with(kMagic) || static_cast<uint8_t>(covered[kVersionAt]) != kVersion ||
      (cipher != Cipher::kChaCha && cipher != Cipher::kAes)) {
    return std::nullopt;
  }
  StreamCipher out(key, cipher);
  std::memcpy(out.nonce_.data(), covered.data() + kChecksumAt, out.nonce_.size());
  return out;
}

std::string StreamCipher::prefix() const {
  std::string out(kPrefix, '\0');
  kMagic.copy(out.data(), kMagic.size());
  out[kVersionAt] = static_cast<char>(kVersion);
  out[kCipherAt] = static_cast<char>(cipher_);
  std::memcpy(out.data() + kNonceAt, nonce_.data(), nonce_.size());
  StoreInt(out.data() + kChecksumAt, Crc32c(Covered(out)));
  return out;
}

void StreamCipher::Apply(uint64_t at, const char* from, char* to, size_t size) const {
  if (size == 0) {
    return;
  }
  if (cipher_ == Cipher::kChaCha) {
    ApplyChaCha(at, Bytes(from), Bytes(to), size);
  } else {
    ApplyAes(at, Bytes(from), Bytes(to), size);
  }
}

void StreamCipher::ApplyChaCha(uint64_t at, const uint8_t* from, uint8_t* to, size_t size) const {
  if (size_t skip = at % kChaChaBlock; skip != 0) {
    uint8_t block[kChaChaBlock] = {};
    size_t part = std::min(size, kChaChaBlock - skip);
    std::memcpy(block + skip, from, part);
    ::crypto_stream_xchacha20_xor_ic(block, block, sizeof block, nonce_.data(), at / kChaChaBlock,
                                     key_.data());
    std::memcpy(to, block + skip, part);
    at += part;
    from += part;
    to += part;
    size -= part;
  }
  if (size > 0) {
    ::crypto_stream_xchacha20_xor_ic(to, from, size, nonce_.data(), at / kChaChaBlock, key_.data());
  }
}

void StreamCipher::ApplyAes(uint64_t at, const uint8_t* from, uint8_t* to, size_t size) const {
  // Half of the counter block is the nonce, half counts.
  uint8_t counter[kAesBlock];
  std::memcpy(counter, nonce_.data(), 8);
  uint64_t block = __builtin_bswap64(at / kAesBlock);
  std::memcpy(counter + 8, &block, sizeof block);
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { ::EVP_CIPHER_CTX_free(context); }
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> context(::EVP_CIPHER_CTX_new());
  int written = 0;
  uint8_t skipped[kAesBlock] = {};
  bool good = context != nullptr &&
              ::EVP_EncryptInit_ex(context.get(), ::EVP_aes_256_ctr(), nullptr, key_.data(),
                                   counter) == 1 &&
              ::EVP_EncryptUpdate(context.get(), skipped, &written, skipped,
                                  static_cast<int>(at % kAesBlock)) == 1;
  constexpr size_t kPiece = 1 << 30;
  for (size_t done = 0; good && done < size;) {
    size_t part = std::min(size - done, kPiece);
    good = ::EVP_EncryptUpdate(context.get(), to + done, &written, from + done,
                               static_cast<int>(part)) == 1;
    done += part;
  }
  // Writing plain text instead is no choice.
  WEIR_CHECK(good);
}

}  // namespace weir::storage

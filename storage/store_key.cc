#include "storage/store_key.h"

#include <cstring>

#include <sodium/core.h>
#include <sodium/crypto_aead_xchacha20poly1305.h>
#include <sodium/crypto_generichash.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>

#include "protocol/base/strings.h"
#include "storage/store_files.h"

namespace weir::storage {

namespace {

// A copy: "weir-key", version u8, 7 bytes 0, salt of 16 bytes, nonce of 24, the locked keys. There
// are two, since without them everything is lost.
constexpr std::string_view kMagic = "weir-key";
constexpr char kVersion = 1;
constexpr size_t kSaltAt = 16;
constexpr size_t kSaltBytes = 16;
constexpr size_t kNonceAt = kSaltAt + kSaltBytes;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kLockedAt = kNonceAt + kNonceBytes;
constexpr size_t kKeysBytes = 64;
constexpr size_t kCopyBytes = kLockedAt + kKeysBytes + crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kSecondCopyAt = 512;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

SecretKey LockOf(const std::string& configured, std::string_view salt) {
  SecretKey key{};
  ::crypto_generichash(key.data(), key.size(), Bytes(configured), configured.size(), Bytes(salt),
                       salt.size());
  return key;
}

std::string Lock(const StoreKey& keys, const std::string& configured) {
  std::string copy(kCopyBytes, '\0');
  kMagic.copy(copy.data(), kMagic.size());
  copy[kMagic.size()] = kVersion;
  ::randombytes_buf(copy.data() + kSaltAt, kSaltBytes + kNonceBytes);
  auto lock = LockOf(configured, std::string_view(copy).substr(kSaltAt, kSaltBytes));
  uint8_t plain[kKeysBytes];
  std::memcpy(plain, keys.files.data(), keys.files.size());
  std::memcpy(plain + keys.files.size(), keys.mac.data(), keys.mac.size());
  ::crypto_aead_xchacha20poly1305_ietf_encrypt(reinterpret_cast<uint8_t*>(copy.data() + kLockedAt),
                                               nullptr, plain, sizeof plain, Bytes(copy), kSaltAt,
                                               nullptr, Bytes(copy) + kNonceAt, lock.data());
  ::sodium_memzero(plain, sizeof plain);
  ::sodium_memzero(lock.data(), lock.size());
  return copy;
}

std::optional<StoreKey> UnlockCopy(std::string_view copy, const std::string& configured) {
  if (copy.size() < kCopyBytes) {
    return std::nullopt;
  }
  auto lock = LockOf(configured, copy.substr(kSaltAt, kSaltBytes));
  uint8_t plain[kKeysBytes];
  if (::crypto_aead_xchacha20poly1305_ietf_decrypt(plain, nullptr, nullptr, Bytes(copy) + kLockedAt,
                                                   kCopyBytes - kLockedAt, Bytes(copy), kSaltAt,
                                                   Bytes(copy) + kNonceAt, lock.data()) != 0) {
    return std::nullopt;
  }
  StoreKey keys;
  std::memcpy(keys.files.data(), plain, keys.files.size());
  std::memcpy(keys.mac.data(), plain + keys.files.size(), keys.mac.size());
  ::sodium_memzero(plain, sizeof plain);
  return keys;
}

std::optional<StoreKey> Unlock(std::string_view file, const std::string& configured) {
  if (configured.empty()) {
    return std::nullopt;
  }
  auto keys = UnlockCopy(file, configured);
  return keys.has_value() || file.size() <= kSecondCopyAt
             ? keys
             : UnlockCopy(file.substr(kSecondCopyAt), configured);
}

Status Save(const StoreFiles& files, const std::string& path, const StoreKey& keys,
            const std::string& configured) {
  std::string file = Lock(keys, configured);
  file.resize(kSecondCopyAt, '\0');
  file += Lock(keys, configured);
  return files.Replace(path, file);
}

}  // namespace

StatusOr<std::optional<StoreKey>> OpenStoreKey(const std::shared_ptr<rocksdb::FileSystem>& base,
                                               const std::string& directory,
                                               const EncryptionOptions& options) {
  StoreFiles files(*base);
  std::string path = directory + "/key";
  std::string where = Cat("store directory ", directory, ": ");
  bool encrypted = files.Exists(path);
  if (options.key.empty()) {
    if (encrypted) {
      return FailedPrecondition(Cat(where, "it is encrypted, and no encryption key is configured"));
    }
    return std::optional<StoreKey>();
  }
  if (::sodium_init() < 0) {
    return Internal("libsodium cannot be used");
  }
  if (!encrypted) {
    if (files.Exists(directory + "/db/CURRENT")) {
      return FailedPrecondition(
          Cat(where, "it is not encrypted, and an encryption key is configured"));
    }
    StoreKey keys;
    ::randombytes_buf(keys.files.data(), keys.files.size());
    ::randombytes_buf(keys.mac.data(), keys.mac.size());
    WEIR_RETURN_IF_ERROR(Save(files, path, keys, options.key));
    return std::optional(keys);
  }
  WEIR_ASSIGN_OR_RETURN(std::string file, files.Read(path));
  if (auto keys = Unlock(file, options.key); keys.has_value()) {
    return keys;
  }
  if (auto keys = Unlock(file, options.previous_key); keys.has_value()) {
    WEIR_RETURN_IF_ERROR(Save(files, path, *keys, options.key));
    return keys;
  }
  return FailedPrecondition(Cat(where, "the encryption key is wrong"));
}

}  // namespace weir::storage

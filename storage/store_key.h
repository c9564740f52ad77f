#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "protocol/base/status.h"

namespace rocksdb {
class FileSystem;
}  // namespace rocksdb

namespace weir::storage {

using SecretKey = std::array<uint8_t, 32>;

enum class Cipher : uint8_t {
  kChaCha = 1,  // XChaCha20, libsodium
  kAes = 2,     // AES-256 in counter mode, OpenSSL
};

// What the configuration says about encryption at rest.
struct EncryptionOptions {
  std::string key;           // empty: none
  std::string previous_key;  // accepted, too; the store belongs to `key` afterwards
  Cipher cipher = Cipher::kChaCha;
};

// The keys that a store's files are written with. They are random, made with the store, and kept in
// the file "key" (FORMAT.md), locked by a key made from the configured one: changing that one
// rewrites this file and nothing else.
struct StoreKey {
  SecretKey files{};
  SecretKey mac{};
};

// The store's keys; nullopt when the store is not encrypted and shall not be. Creates them in a
// store that does not exist yet. An error, and nothing is touched, when the configured keys do not
// open it, when there is a key for a store in plain text, or none for an encrypted one.
StatusOr<std::optional<StoreKey>> OpenStoreKey(const std::shared_ptr<rocksdb::FileSystem>& files,
                                               const std::string& directory,
                                               const EncryptionOptions& options);

}  // namespace weir::storage

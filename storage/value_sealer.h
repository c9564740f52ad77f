#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/store_key.h"

namespace weir::storage {

// How records and blocks become values in the database and back (FORMAT.md): small records with a
// version and a checksum; blocks as they are or compressed; both with a MAC behind them in an
// encrypted store, so that what was changed by somebody without the key is noticed.
//
// Thread-safe. Views into results live as long as what they were made from, and `scratch`.
class ValueSealer {
 public:
  ValueSealer() = default;
  explicit ValueSealer(const SecretKey& mac_key) : mac_key_(mac_key) {}

  std::string Seal(std::string_view key, std::string_view content) const;
  // The content, nullopt when damaged or of an unknown version.
  std::optional<std::string_view> Open(std::string_view key, std::string_view value) const;

  bool has_key() const { return mac_key_.has_value(); }
  // True when a block must pass through PackBlock(); else its bytes are the value.
  bool packs(bool compress) const { return compress || mac_key_.has_value(); }
  std::string PackBlock(std::string_view key, std::string_view block, bool compress) const;
  // The block's bytes; nullopt when the MAC is wrong or it cannot be unpacked.
  std::optional<std::string_view> UnpackBlock(std::string_view key, std::string_view value,
                                              std::string& scratch) const;

 private:
  static constexpr size_t kMacBytes = 16;

  std::string Mac(std::string_view key, std::string_view value) const;
  // Without the MAC, when it is right.
  std::optional<std::string_view> CheckMac(std::string_view key, std::string_view value) const;

  std::optional<SecretKey> mac_key_;
};

}  // namespace weir::storage

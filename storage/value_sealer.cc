#include "storage/value_sealer.h"

#include <snappy.h>
#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>

#include "storage/coding.h"
#include "storage/crc32c.h"
#include "storage/sealed_value.h"

namespace weir::storage {

namespace {

// A packed block: version u8 (a plain one has 1 there), codec u8, count u16 as in the block's own
// header, checksum u32 of what follows seeded with the count, the packed bytes.
constexpr uint8_t kPackedVersion = 2;
constexpr uint8_t kSnappy = 1;
constexpr size_t kCountAt = 2;
constexpr size_t kHeader = 8;
constexpr size_t kLargestBlock = 80 << 20;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

}  // namespace

std::string ValueSealer::Mac(std::string_view key, std::string_view value) const {
  crypto_generichash_state state;
  ::crypto_generichash_init(&state, mac_key_->data(), mac_key_->size(), kMacBytes);
  ::crypto_generichash_update(&state, Bytes(key), key.size());
  ::crypto_generichash_update(&state, Bytes(value), value.size());
  std::string mac(kMacBytes, '\0');
  ::crypto_generichash_final(&state, reinterpret_cast<uint8_t*>(mac.data()), kMacBytes);
  return mac;
}

std::optional<std::string_view> ValueSealer::CheckMac(std::string_view key,
                                                      std::string_view value) const {
  if (!mac_key_.has_value()) {
    return value;
  }
  if (value.size() < kMacBytes) {
    return std::nullopt;
  }
  std::string_view content = value.substr(0, value.size() - kMacBytes);
  std::string mac = Mac(key, content);
  return ::sodium_memcmp(mac.data(), value.data() + content.size(), kMacBytes) == 0
             ? std::optional(content)
             : std::nullopt;
}

std::string ValueSealer::Seal(std::string_view key, std::string_view content) const {
  std::string value = SealValue(key, content);
  if (mac_key_.has_value()) {
    value += Mac(key, value);
  }
  return value;
}

std::optional<std::string_view> ValueSealer::Open(std::string_view key,
                                                  std::string_view value) const {
  auto checked = CheckMac(key, value);
  return checked.has_value() ? OpenValue(key, *checked) : std::nullopt;
}

std::string ValueSealer::PackBlock(std::string_view key, std::string_view block,
                                   bool compress) const {
  std::string value;
  if (compress && block.size() > kHeader) {
    std::string packed;
    snappy::Compress(block.data(), block.size(), &packed);
    if (packed.size() + kHeader < block.size()) {
      AppendInt(value, kPackedVersion);
      AppendInt(value, kSnappy);
      AppendInt(value, LoadInt<uint16_t>(block.data() + kCountAt));
      AppendInt(value, Crc32c(packed, LoadInt<uint16_t>(block.data() + kCountAt)));
      value += packed;
    }
  }
  if (value.empty()) {
    value = block;
  }
  if (mac_key_.has_value()) {
    value += Mac(key, value);
  }
  return value;
}

std::optional<std::string_view> ValueSealer::UnpackBlock(std::string_view key,
                                                         std::string_view value,
                                                         std::string& scratch) const {
  auto checked = CheckMac(key, value);
  if (!checked.has_value() || checked->empty() ||
      LoadInt<uint8_t>(checked->data()) != kPackedVersion) {
    return checked;
  }
  if (checked->size() < kHeader || LoadInt<uint8_t>(checked->data() + 1) != kSnappy) {
    return std::nullopt;
  }
  std::string_view packed = checked->substr(kHeader);
  size_t size = 0;
  if (LoadInt<uint32_t>(checked->data() + 4) !=
          Crc32c(packed, LoadInt<uint16_t>(checked->data() + kCountAt)) ||
      !snappy::GetUncompressedLength(packed.data(), packed.size(), &size) || size > kLargestBlock) {
    return std::nullopt;
  }
  scratch.resize(size);
  return snappy::RawUncompress(packed.data(), packed.size(), scratch.data())
             ? std::optional<std::string_view>(scratch)
             : std::nullopt;
}

}  // namespace weir::storage

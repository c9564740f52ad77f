#include "storage/sealed_value.h"

#include "storage/coding.h"
#include "storage/crc32c.h"

namespace weir::storage {

namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kHeader = 5;

uint32_t Checksum(std::string_view key, std::string_view content) {
  return Crc32c(content, Crc32c(key, kVersion));
}

}  // namespace

std::string SealValue(std::string_view key, std::string_view content) {
  std::string value;
  value.reserve(kHeader + content.size());
  AppendInt(value, kVersion);
  AppendInt(value, Checksum(key, content));
  value.append(content);
  return value;
}

std::optional<std::string_view> OpenValue(std::string_view key, std::string_view value) {
  if (value.size() < kHeader || LoadInt<uint8_t>(value.data()) != kVersion) {
    return std::nullopt;
  }
  std::string_view content = value.substr(kHeader);
  if (LoadInt<uint32_t>(value.data() + 1) != Checksum(key, content)) {
    return std::nullopt;
  }
  return content;
}

}  // namespace weir::storage

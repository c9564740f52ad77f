#pragma once

// Integers of fixed width in bytes: little-endian in values, big-endian in keys (so that keys sort
// by number). Those of seven bits a byte are in protocol/base/varint.h.

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace weir::storage {

static_assert(std::endian::native == std::endian::little,
              "the formats are read and written in place");

template <std::integral T>
void StoreInt(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

template <std::integral T>
T LoadInt(const char* at) {
  T value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <std::integral T>
void AppendInt(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Takes an integer off the front; false when there are too few bytes.
template <std::integral T>
bool TakeInt(std::string_view& bytes, T& value) {
  if (bytes.size() < sizeof value) {
    return false;
  }
  value = LoadInt<T>(bytes.data());
  bytes.remove_prefix(sizeof value);
  return true;
}

inline void AppendBig32(std::string& out, uint32_t value) {
  AppendInt(out, __builtin_bswap32(value));
}
inline void AppendBig64(std::string& out, uint64_t value) {
  AppendInt(out, __builtin_bswap64(value));
}
inline uint32_t LoadBig32(const char* at) {
  return __builtin_bswap32(LoadInt<uint32_t>(at));
}
inline uint64_t LoadBig64(const char* at) {
  return __builtin_bswap64(LoadInt<uint64_t>(at));
}

}  // namespace weir::storage

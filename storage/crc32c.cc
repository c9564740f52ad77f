#include "storage/crc32c.h"

#include <array>
#include <cstring>
#include <string>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace weir::storage {

namespace {

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1) != 0 ? value >> 1 ^ 0x82F63B78u : value >> 1;
    }
    table[i] = value;
  }
  return table;
}

[[maybe_unused]] uint32_t ByTable(const char* at, size_t size, uint32_t crc) {
  static constexpr std::array<uint32_t, 256> kTable = MakeTable();
  for (; size > 0; --size, ++at) {
    crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  }
  return crc;
}

uint64_t Word(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) uint32_t ByInstruction(const char* at, size_t size,
                                                         uint32_t crc) {
  uint64_t value = crc;
  for (; size >= 8; size -= 8, at += 8) {
    value = _mm_crc32_u64(value, Word(at));
  }
  auto low = static_cast<uint32_t>(value);
  for (; size > 0; --size, ++at) {
    low = _mm_crc32_u8(low, static_cast<unsigned char>(*at));
  }
  return low;
}

uint32_t Update(const char* at, size_t size, uint32_t crc) {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  return has_instruction ? ByInstruction(at, size, crc) : ByTable(at, size, crc);
}

#elif defined(__ARM_FEATURE_CRC32)

uint32_t Update(const char* at, size_t size, uint32_t crc) {
  for (; size >= 8; size -= 8, at += 8) {
    crc = __crc32cd(crc, Word(at));
  }
  for (; size > 0; --size, ++at) {
    crc = __crc32cb(crc, static_cast<unsigned char>(*at));
  }
  return crc;
}

#else

uint32_t Update(const char* at, size_t size, uint32_t crc) {
  return ByTable(at, size, crc);
}

#endif

// Polynomials over one bit, reflected: the top bit is the coefficient of x^0.
constexpr uint32_t kOne = 0x80000000u;

constexpr uint32_t TimesX(uint32_t a) {
  return (a & 1) != 0 ? a >> 1 ^ 0x82F63B78u : a >> 1;
}

constexpr uint32_t Multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (; a != 0; a <<= 1) {
    product ^= (a & kOne) != 0 ? b : 0;
    b = TimesX(b);
  }
  return product;
}

// x^(8 · 2^i): what 2^i bytes of zeros do to a checksum.
constexpr std::array<uint32_t, 64> MakeZeros() {
  std::array<uint32_t, 64> table{};
  uint32_t power = kOne;
  for (int i = 0; i < 8; ++i) {
    power = TimesX(power);
  }
  for (uint32_t& entry : table) {
    entry = power;
    power = Multiply(power, power);
  }
  return table;
}

}  // namespace

uint32_t Crc32c(std::string_view bytes, uint32_t crc) {
  return ~Update(bytes.data(), bytes.size(), ~crc);
}

uint32_t JoinCrc32c(uint32_t first, uint32_t second, size_t second_size) {
  static constexpr std::array<uint32_t, 64> kZeros = MakeZeros();
  for (size_t i = 0; second_size != 0; ++i, second_size >>= 1) {
    first = (second_size & 1) != 0 ? Multiply(kZeros[i], first) : first;
  }
  return first ^ second;
}

}  // namespace weir::storage

// Debian builds RocksDB for processors without the instruction, where checksums are a fifth of what
// writing costs. These are all that its own file of checksums has, so the linker takes them
// instead.
namespace rocksdb::crc32c {

std::string IsFastCrc32Supported();
uint32_t Extend(uint32_t crc, const char* data, size_t size);
uint32_t Crc32cCombine(uint32_t first, uint32_t second, size_t second_size);

std::string IsFastCrc32Supported() {
  return "Weir's own";
}

uint32_t Extend(uint32_t crc, const char* data, size_t size) {
  return weir::storage::Crc32c({data, size}, crc);
}

uint32_t Crc32cCombine(uint32_t first, uint32_t second, size_t second_size) {
  return weir::storage::JoinCrc32c(first, second, second_size);
}

}  // namespace rocksdb::crc32c

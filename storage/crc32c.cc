#include "storage/crc32c.h"

#include <array>
#include <cstring>
#include <string>

#if defined(__x86_64__)
#include <immintrin.h>
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

// Polynomials over one bit, reflected: the top bit is the coefficient of x^0.
constexpr uint32_t kOne = 0x80000000u;

constexpr uint32_t TimesX(uint32_t a) {
  return (a & 1) != 0 ? a >> 1 ^ 0x82F63B78u : a >> 1;
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

constexpr uint32_t PowerOfX(int exponent) {
  uint32_t power = kOne;
  for (; exponent > 0; --exponent) {
    power = TimesX(power);
  }
  return power;
}

// What carries a lane of 16 bytes over to where it stands so many bits on: a product with powers of
// x. Bits are in the reverse order, so one power less than the distance, and 32 for the factor's
// own.
struct Factors {
  uint32_t low;
  uint32_t high;
};
template <int kBits>
inline constexpr Factors kOver{PowerOfX(kBits + 31), PowerOfX(kBits - 33)};

constexpr size_t kWideStep = 256;

__attribute__((target("sse4.2,pclmul"))) __m128i Fold(__m128i lane, __m128i next) {
  const __m128i factors = _mm_set_epi64x(kOver<128>.high, kOver<128>.low);
  __m128i low = _mm_clmulepi64_si128(lane, factors, 0x00);
  __m128i high = _mm_clmulepi64_si128(lane, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

template <int kBits>
__attribute__((target("avx512f,vpclmulqdq"))) __m512i FoldWide(__m512i lanes, __m512i next) {
  const __m512i factors =
      _mm512_set_epi64(kOver<kBits>.high, kOver<kBits>.low, kOver<kBits>.high, kOver<kBits>.low,
                       kOver<kBits>.high, kOver<kBits>.low, kOver<kBits>.high, kOver<kBits>.low);
  __m512i low = _mm512_clmulepi64_epi128(lanes, factors, 0x00);
  __m512i high = _mm512_clmulepi64_epi128(lanes, factors, 0x11);
  return _mm512_xor_si512(_mm512_xor_si512(low, high), next);
}

// The instruction waits three cycles for what it said before. Here sixteen lanes of 16 bytes go
// side by side. At least kWideStep bytes.
__attribute__((target("sse4.2,pclmul,avx512f,vpclmulqdq"))) uint32_t ByFolding(const char* at,
                                                                               size_t size,
                                                                               uint32_t crc) {
  __m512i lanes[4];
  for (int i = 0; i < 4; ++i) {
    lanes[i] = _mm512_loadu_si512(at + 64 * i);
  }
  lanes[0] =
      _mm512_xor_si512(lanes[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc))));
  for (at += kWideStep, size -= kWideStep; size >= kWideStep; at += kWideStep, size -= kWideStep) {
    for (int i = 0; i < 4; ++i) {
      lanes[i] = FoldWide<8 * kWideStep>(lanes[i], _mm512_loadu_si512(at + 64 * i));
    }
  }
  __m512i one = lanes[0];
  for (int i = 1; i < 4; ++i) {
    one = FoldWide<512>(one, lanes[i]);
  }
  for (; size >= 64; at += 64, size -= 64) {
    one = FoldWide<512>(one, _mm512_loadu_si512(at));
  }
  __m128i parts[4];
  _mm512_storeu_si512(parts, one);
  __m128i last = Fold(Fold(Fold(parts[0], parts[1]), parts[2]), parts[3]);
  uint64_t value = _mm_crc32_u64(0, static_cast<uint64_t>(_mm_extract_epi64(last, 0)));
  value = _mm_crc32_u64(value, static_cast<uint64_t>(_mm_extract_epi64(last, 1)));
  return ByInstruction(at, size, static_cast<uint32_t>(value));
}

uint32_t Update(const char* at, size_t size, uint32_t crc) {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  static const bool has_products = has_instruction && __builtin_cpu_supports("pclmul") != 0 &&
                                   __builtin_cpu_supports("avx512f") != 0 &&
                                   __builtin_cpu_supports("vpclmulqdq") != 0;
  if (size >= kWideStep && has_products) {
    return ByFolding(at, size, crc);
  }
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

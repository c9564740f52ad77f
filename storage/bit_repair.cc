#include "storage/bit_repair.h"

#include <array>
#include <bit>

namespace weir::storage {

namespace {

constexpr uint32_t kPolynomial = 0x82f63b78u;  // CRC-32C, reflected

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1) != 0 ? (value >> 1) ^ kPolynomial : value >> 1;
    }
    table[i] = value;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

}  // namespace

std::optional<size_t> FindFlippedBit(size_t size, uint32_t stored, uint32_t computed) {
  // What one flipped bit adds to the checksum depends only on how many bytes follow it.
  const uint32_t difference = stored ^ computed;
  std::array<uint32_t, 8> effect{};
  for (unsigned bit = 0; bit < 8; ++bit) {
    effect[bit] = kTable[1u << bit];
  }
  for (size_t at = size; at-- > 0;) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (effect[bit] == difference) {
        return at * 8 + bit;
      }
      effect[bit] = (effect[bit] >> 8) ^ kTable[effect[bit] & 0xff];
    }
  }
  return std::nullopt;
}

std::optional<BitRepair> RepairMasked(size_t size, uint32_t stored_masked, uint32_t computed) {
  if (std::popcount(stored_masked ^ MaskChecksum(computed)) == 1) {
    return BitRepair{true, 0};
  }
  auto bit = FindFlippedBit(size, UnmaskChecksum(stored_masked), computed);
  return bit.has_value() ? std::optional(BitRepair{false, *bit}) : std::nullopt;
}

}  // namespace weir::storage

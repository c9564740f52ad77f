#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::storage {

// A CRC does not only tell that bytes are wrong: when a single bit is, it tells which one.
// CRC-32C notices up to three wrong bits in pieces of the sizes here, so two wrong bits are never
// taken for one.

// The bit (8 × byte + bit) of a piece of `size` bytes that explains why its checksum is
// `computed` and not `stored`; nullopt when no single one does.
std::optional<size_t> FindFlippedBit(size_t size, uint32_t stored, uint32_t computed);

inline void FlipBit(std::string& bytes, size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
}

// RocksDB stores its checksums turned and shifted.
inline uint32_t MaskChecksum(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}
inline uint32_t UnmaskChecksum(uint32_t masked) {
  uint32_t turned = masked - 0xa282ead8u;
  return (turned >> 17) | (turned << 15);
}

// A piece whose masked checksum does not fit: what one flipped bit, in the piece or in the
// checksum, explains. False when nothing does.
struct BitRepair {
  bool in_checksum = false;
  size_t bit = 0;  // of the piece
};
std::optional<BitRepair> RepairMasked(size_t size, uint32_t stored_masked, uint32_t computed);

}  // namespace weir::storage

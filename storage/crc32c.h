#pragma once

#include <cstdint>
#include <string_view>

namespace weir::storage {

// CRC-32C (Castagnoli) of `bytes`, continuing from `crc` (0 to begin). Uses the processor's
// instruction where there is one.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

// The checksum of two pieces, one behind the other, from theirs.
uint32_t JoinCrc32c(uint32_t first, uint32_t second, size_t second_size);

}  // namespace weir::storage

#pragma once

#include <cstdint>
#include <string_view>

namespace weir::storage {

// CRC-32C (Castagnoli) of `bytes`, continuing from `crc` (0 to begin). Uses the processor's
// instruction where there is one.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

}  // namespace weir::storage

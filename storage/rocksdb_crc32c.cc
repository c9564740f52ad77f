#include <string>

#include "storage/crc32c.h"

// Debian builds RocksDB for processors without the instruction, where checksums are a fifth of what
// writing costs. These are all that its own file of checksums has, and objects come before
// libraries, so the linker takes these instead (CMakeLists.txt).
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

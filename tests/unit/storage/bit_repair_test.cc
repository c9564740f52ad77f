#include "storage/bit_repair.h"

#include "gtest/gtest.h"

#include "storage/crc32c.h"

namespace weir::storage {
namespace {

TEST(BitRepairTest, EveryFlippedBitIsFound) {
  std::string bytes = "some bytes that have a checksum";
  uint32_t stored = Crc32c(bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string wrong = bytes;
    FlipBit(wrong, bit);
    EXPECT_EQ(FindFlippedBit(wrong.size(), stored, Crc32c(wrong)), bit);
  }
}

TEST(BitRepairTest, TwoFlippedBitsAreNotTakenForOne) {
  std::string bytes(200, 'x');
  uint32_t stored = Crc32c(bytes);
  for (size_t bit = 1; bit < bytes.size() * 8; ++bit) {
    std::string wrong = bytes;
    FlipBit(wrong, 0);
    FlipBit(wrong, bit);
    EXPECT_FALSE(FindFlippedBit(wrong.size(), stored, Crc32c(wrong)).has_value()) << bit;
  }
}

TEST(BitRepairTest, FlippedBitInTheChecksumIsToldFromOneInTheBytes) {
  std::string bytes(100, 'x');
  uint32_t computed = Crc32c(bytes);
  for (unsigned bit = 0; bit < 32; ++bit) {
    auto repair = RepairMasked(bytes.size(), MaskChecksum(computed) ^ (1u << bit), computed);
    ASSERT_TRUE(repair.has_value());
    EXPECT_TRUE(repair->in_checksum);
  }
}

TEST(BitRepairTest, MaskingIsUndone) {
  for (uint32_t crc : {0u, 1u, 0xffffffffu, 0x12345678u}) {
    EXPECT_EQ(UnmaskChecksum(MaskChecksum(crc)), crc);
  }
}

}  // namespace
}  // namespace weir::storage

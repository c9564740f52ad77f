#include "storage/log_scan.h"

#include "gtest/gtest.h"

#include "storage/bit_repair.h"
#include "storage/coding.h"
#include "storage/crc32c.h"

namespace weir::storage {
namespace {

constexpr size_t kBlock = 32 * 1024;

// A log of writes with one change each, of `size` bytes.
std::string MakeLog(int writes, size_t size) {
  std::string log;
  for (int i = 1; i <= writes; ++i) {
    std::string record;
    AppendInt(record, static_cast<uint64_t>(i));
    AppendInt(record, uint32_t{1});
    record.resize(size, static_cast<char>('a' + i % 26));
    std::string_view rest(record);
    for (bool begin = true; begin || !rest.empty(); begin = false) {
      size_t left = kBlock - log.size() % kBlock;
      if (left < 7) {
        log.append(left, '\0');
        left = kBlock;
      }
      std::string_view part = rest.substr(0, left - 7);
      rest.remove_prefix(part.size());
      std::string piece(1, begin ? (rest.empty() ? 1 : 2) : (rest.empty() ? 4 : 3));
      piece += part;
      AppendInt(log, MaskChecksum(Crc32c(piece)));
      AppendInt(log, static_cast<uint16_t>(part.size()));
      log += piece;
    }
  }
  return log;
}

TEST(LogScanTest, WholeLogIsReadWithTheNumbersOfItsWrites) {
  std::string log = MakeLog(50, 5000);
  LogScan scan = ScanLog(log);

  ASSERT_EQ(scan.records.size(), 50u);
  EXPECT_EQ(scan.records[7].sequence, 8u);
  EXPECT_EQ(scan.records[7].count, 1u);
  EXPECT_EQ(scan.valid_end, log.size());
  EXPECT_EQ(scan.bad_bytes, 0u);
  EXPECT_TRUE(scan.patches.empty());
}

TEST(LogScanTest, WriteWhoseNumberIsInTwoPiecesIsReadWithItsNumber) {
  for (size_t in_first_piece = 0; in_first_piece < 16; ++in_first_piece) {
    std::string log = MakeLog(2, kBlock - 2 * 7 - in_first_piece);
    LogScan scan = ScanLog(log);

    ASSERT_EQ(scan.records.size(), 2u) << in_first_piece;
    EXPECT_EQ(scan.records[1].sequence, 2u) << in_first_piece;
    EXPECT_EQ(scan.records[1].count, 1u) << in_first_piece;
  }
}

TEST(LogScanTest, AnyFlippedBitIsSetRight) {
  const std::string log = MakeLog(20, 5000);
  for (size_t bit = 0; bit < log.size() * 8; bit += 8 * 997 + 1) {
    std::string wrong = log;
    FlipBit(wrong, bit);
    LogScan scan = ScanLog(wrong);
    EXPECT_EQ(wrong, log) << bit;
    EXPECT_EQ(scan.records.size(), 20u) << bit;
    EXPECT_EQ(scan.patches.size(), 1u) << bit;
  }
}

TEST(LogScanTest, FlippedBitInALengthIsSetRight) {
  const std::string log = MakeLog(3, 100);
  for (size_t bit = 0; bit < 16; ++bit) {
    std::string wrong = log;
    FlipBit(wrong, 4 * 8 + bit);
    EXPECT_EQ(ScanLog(wrong).records.size(), 3u) << bit;
    EXPECT_EQ(wrong, log) << bit;
  }
}

TEST(LogScanTest, ZeroedPageIsBadAndWhatFollowsTheBlockIsRead) {
  std::string log = MakeLog(50, 5000);
  for (size_t i = kBlock + 8192; i < kBlock + 12288; ++i) {
    log[i] = 0;
  }
  LogScan scan = ScanLog(log);

  EXPECT_GT(scan.bad_bytes, 0u);
  EXPECT_LE(scan.bad_bytes, 2 * kBlock);
  EXPECT_EQ(scan.records.back().sequence, 50u);
  EXPECT_EQ(scan.valid_end, log.size());
}

TEST(LogScanTest, CutEndIsNotBad) {
  std::string log = MakeLog(50, 100).substr(0, 4000);
  LogScan scan = ScanLog(log);

  EXPECT_EQ(scan.bad_bytes, 0u);
  EXPECT_EQ(scan.valid_end, scan.records.back().end);
  EXPECT_LT(scan.valid_end, log.size());
}

}  // namespace
}  // namespace weir::storage

#include "storage/crc32c.h"

#include <string>

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

TEST(Crc32cTest, KnownValues) {
  // RFC 3720, B.4.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
}

TEST(Crc32cTest, ContinuesFromAnEarlierPiece) {
  std::string text = "the quick brown fox jumps over the lazy dog";

  for (size_t cut = 0; cut <= text.size(); ++cut) {
    SCOPED_TRACE(cut);
    std::string_view view(text);
    EXPECT_EQ(Crc32c(view.substr(cut), Crc32c(view.substr(0, cut))), Crc32c(text));
  }
}

TEST(Crc32cTest, LongTextsLikeManyShortOnes) {
  std::string text;
  for (int i = 0; i < 1500; ++i) {
    text.push_back(static_cast<char>(i * 131 >> 3));
  }
  for (size_t size = 240; size <= text.size(); ++size) {
    SCOPED_TRACE(size);
    std::string_view view = std::string_view(text).substr(size % 5, size);
    uint32_t crc = 77;
    for (size_t at = 0; at < view.size(); at += 100) {
      crc = Crc32c(view.substr(at, 100), crc);
    }
    EXPECT_EQ(Crc32c(view, 77), crc);
  }
}

TEST(Crc32cTest, OfTwoPiecesFromTheirs) {
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    text.push_back(static_cast<char>(i * 31 >> 2));
  }
  for (size_t cut = 0; cut <= text.size(); cut += 7) {
    SCOPED_TRACE(cut);
    std::string_view view(text);
    std::string_view second = view.substr(cut);
    EXPECT_EQ(JoinCrc32c(Crc32c(view.substr(0, cut)), Crc32c(second), second.size()), Crc32c(text));
  }
}

}  // namespace
}  // namespace weir::storage

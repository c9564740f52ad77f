#include "storage/sealed_value.h"

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

TEST(SealedValueTest, ContentComesBackUnderItsKeyOnly) {
  std::string value = SealValue("key", "content");

  EXPECT_EQ(OpenValue("key", value), "content");
  EXPECT_EQ(OpenValue("kez", value), std::nullopt);
  EXPECT_EQ(OpenValue("key", SealValue("key", "")), "");
}

TEST(SealedValueTest, EveryFlippedByteAndEveryCutIsNoticed) {
  std::string value = SealValue("key", "content");

  for (size_t at = 0; at < value.size(); ++at) {
    SCOPED_TRACE(at);
    std::string damaged = value;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_EQ(OpenValue("key", damaged), std::nullopt);
    EXPECT_EQ(OpenValue("key", std::string_view(value).substr(0, at)), std::nullopt);
  }
}

}  // namespace
}  // namespace weir::storage

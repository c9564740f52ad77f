#include "protocol/base/utf8.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Utf8Test, DecodesWhatItEncodes) {
  for (char32_t code : {0x0U, 0x41U, 0x7fU, 0x80U, 0x7ffU, 0x800U, 0xd7ffU, 0xe000U, 0xffffU,
                        0x10000U, 0x10ffffU}) {
    std::string text;
    AppendUtf8(text, code);
    Utf8Char c = DecodeUtf8(text);
    EXPECT_EQ(static_cast<uint32_t>(c.code), static_cast<uint32_t>(code));
    EXPECT_EQ(c.size, text.size());
  }
}

TEST(Utf8Test, RefusesWhatIsNone) {
  for (std::string_view wrong :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80", "\xe2\x82",
        "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(DecodeUtf8(wrong).size, 0U) << wrong.size();
    EXPECT_FALSE(IsValidUtf8(wrong));
  }
  EXPECT_TRUE(IsValidUtf8("a\u00e9\u20ac"));
}

TEST(Utf8Test, EveryWrongByteIsReplacedOnItsOwn) {
  EXPECT_EQ(ReplaceInvalidUtf8("a\xff\xe2\x82z\u00e9"), "a\ufffd\ufffd\ufffdz\u00e9");
}

TEST(Utf8Test, PrintableIsWhatGoPrints) {
  for (char32_t code : {U' ', U'~', U'\u00a1', U'\u00e9', U'\u20ac', U'\ufffd', U'\U0001f600'}) {
    EXPECT_TRUE(IsPrintable(code)) << static_cast<uint32_t>(code);
  }
  for (char32_t code : {0x0U, 0x1fU, 0x7fU, 0xa0U, 0xadU, 0x200bU, 0x2028U, 0x3000U, 0xe000U,
                        0xfeffU, 0xffffU, 0xe0001U, 0x10ffffU}) {
    EXPECT_FALSE(IsPrintable(code)) << static_cast<uint32_t>(code);
  }
}

}  // namespace
}  // namespace weir

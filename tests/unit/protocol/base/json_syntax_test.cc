#include "protocol/base/json_syntax.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

// Texts and offsets as nats-server 2.15.2 answers them to $JS.API.STREAM.CREATE.
TEST(DescribeJsonErrorTest, SaysWhatGoSays) {
  struct Row {
    std::string_view text, error;
  };
  for (const Row& row : {
           Row{"{", "unexpected EOF"},
           {"{\"a\"", "unexpected EOF"},
           {"{\"a\":", "unexpected EOF"},
           {"{\"a\":tr", "unexpected EOF"},
           {"\"abc", "unexpected EOF"},
           {"\"\\", "unexpected EOF"},
           {"[1", "unexpected EOF"},
           {"x", "invalid character 'x' looking for beginning of value at offset 1"},
           {"{x}", "invalid character 'x' looking for beginning of object key string at offset 2"},
           {"{'a':1}",
            R"(invalid character '\'' looking for beginning of object key string at offset 2)"},
           {"{\"name\":x}", "invalid character 'x' looking for beginning of value at offset 9"},
           {"{\"name\" 1}", "invalid character '1' after object key at offset 9"},
           {"{\"a\":1} y", "invalid character 'y' looking for beginning of value at offset 9"},
           {"{\"a\":1}}", "invalid character '}' looking for beginning of value at offset 8"},
           {"[1 2]", "invalid character '2' after array element at offset 4"},
           {"[1,]", "invalid character ']' looking for beginning of value at offset 4"},
           {"{\"a\":1,}",
            "invalid character '}' looking for beginning of object key string at offset 8"},
           {"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair at offset 8"},
           {"{\"name\":tru}", "invalid character '}' in literal true (expecting 'e') at offset 12"},
           {"{\"name\":\"a\x01\"}", R"(invalid character '\x01' in string literal at offset 11)"},
           {"{\"name\":\"a\\x\"}", "invalid character 'x' in string escape code at offset 12"},
           {"{\"name\":\"\\u12x\"}",
            "invalid character 'x' in \\u hexadecimal character escape at offset 14"},
           {"{\"max_msgs\":-}", "invalid character '}' in numeric literal at offset 14"},
           {"{\"max_msgs\":1.}",
            "invalid character '}' after decimal point in numeric literal at offset 15"},
           {"{\"max_msgs\":1e}",
            "invalid character '}' in exponent of numeric literal at offset 15"},
           {"{\"max_msgs\":01}", "invalid character '1' after object key:value pair at offset 14"},
           {"\xef\xbb\xbf{}",
            "invalid character '\u00ef' looking for beginning of value at offset 1"},
       }) {
    EXPECT_EQ(DescribeJsonError(row.text), row.error) << row.text;
  }
}

TEST(DescribeJsonErrorTest, IsEmptyForCorrectText) {
  for (std::string_view text : {"", " ", "null", "[]", "{}", "{} []", "-0.5e+10",
                                "[1,{\"a\":\"\\u00e9\"}]", " { \"a\" : [ true , false ] } "}) {
    EXPECT_EQ(DescribeJsonError(text), "") << text;
  }
}

TEST(DescribeJsonErrorTest, StopsAtItsDepth) {
  std::string text(100'000, '[');
  EXPECT_EQ(DescribeJsonError(text), "exceeded max depth at offset 1001");
}

}  // namespace
}  // namespace weir

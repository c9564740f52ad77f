#include "ingest/json_text.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::ingest {
namespace {

TEST(IsJsonValueTest, Values) {
  for (const char* text : {"1", " -0.5e+3 ", "\"a\\u00e9\\n\"", "true", "null", "[]", "{}",
                           "[1,[2,{\"a\":[]}],\"x\"]", "{\"a\":{\"b\":{}},\"c\":[{}]}"}) {
    EXPECT_TRUE(IsJsonValue(text)) << text;
  }
}

TEST(IsJsonValueTest, NoValues) {
  for (const char* text : {"",  " ",    "1 2",   "01",        "1.",       ".5",        "+1",
                           "-", "1e",   "tru",   "\"a",       "\"\\x\"",  "\"\\u12\"", "\"\n\"",
                           "[", "[1,]", "[1 2]", "{\"a\"}",   "{\"a\":}", "{a:1}",     "{\"a\":1,}",
                           "]", "[}",   "{]",    "{\"a\":1]", "NaN",      "'x'"}) {
    EXPECT_FALSE(IsJsonValue(text)) << text;
  }
}

TEST(IsJsonValueTest, DepthCostsNoStack) {
  std::string deep(1'000'000, '[');
  EXPECT_FALSE(IsJsonValue(deep));
  deep.append(1'000'000, ']');
  EXPECT_TRUE(IsJsonValue(deep));
}

TEST(ParseJsonNumberTest, EachNumberIsTheNarrowestExactKind) {
  EXPECT_EQ(ParseJsonNumber("0").kind, CellKind::kInt64);
  EXPECT_EQ(ParseJsonNumber("-999999999999999999").integer, -999999999999999999);
  EXPECT_EQ(ParseJsonNumber("9223372036854775807").integer, INT64_MAX);
  EXPECT_EQ(ParseJsonNumber("9223372036854775808").kind, CellKind::kDecimal);
  EXPECT_EQ(ParseJsonNumber("1.0").kind, CellKind::kDouble);
  EXPECT_EQ(ParseJsonNumber("1e2").real, 100);
  EXPECT_EQ(ParseJsonNumber("1e999").kind, CellKind::kDecimal);
  for (const char* text : {"", "-", "01", "1x", "--1", "1.", "Infinity"}) {
    EXPECT_EQ(ParseJsonNumber(text).kind, CellKind::kNull) << text;
  }
}

TEST(CellTextTest, DoublesReadBackAsTheyWere) {
  EXPECT_EQ(CellAsText(Cell::Real(0.1)), "0.1");
  EXPECT_EQ(CellAsText(Cell::Real(1e300)), "1e+300");
  EXPECT_EQ(CellAsJson(Cell::Bytes("a\n", CellKind::kText)), "\"a\\n\"");
  EXPECT_EQ(CellAsJson(Cell()), "null");
}

}  // namespace
}  // namespace weir::ingest

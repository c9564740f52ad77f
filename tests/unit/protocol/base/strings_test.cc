#include "protocol/base/strings.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(CatTest, JoinsTextCharactersAndNumbers) {
  EXPECT_EQ(Cat("a", 'b', 3, -4, uint64_t{18446744073709551615ULL}, std::string("s")),
            "ab3-418446744073709551615s");
  std::string out = "x";
  CatTo(out, 1, "y");
  EXPECT_EQ(out, "x1y");
}

TEST(StringMapTest, IsSearchedWithViews) {
  StringMap<int> map;
  map["one"] = 1;
  EXPECT_TRUE(map.contains(std::string_view("one")));
  EXPECT_FALSE(map.contains(std::string_view("two")));
}

TEST(ParseNumberTest, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(ParseNumber<int>("42"), 42);
  EXPECT_EQ(ParseNumber<int>("-42"), -42);
  for (std::string_view wrong : {"", "4 ", " 4", "4x", "+4", "2147483648"}) {
    EXPECT_EQ(ParseNumber<int>(wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(ParseNumber<uint64_t>("-1"), std::nullopt);
}

TEST(StringsTest, CaseTrimSplitJoin) {
  EXPECT_TRUE(EqualsIgnoreCase("NaTs", "nAtS"));
  EXPECT_FALSE(EqualsIgnoreCase("nats", "nat"));
  EXPECT_EQ(ToLower("AbC\xc3\x89"), "abc\xc3\x89");
  EXPECT_EQ(TrimSpace(" \t a b\r\n"), "a b");
  EXPECT_EQ(TrimSpace(" \n"), "");
  EXPECT_EQ(Split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(Split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(Join({"a", "", "a"}, "."), "a..a");
  EXPECT_EQ(Join({}, "."), "");
}

// The vectors of RFC 4648.
TEST(EncodingTest, Base64) {
  struct Row {
    std::string_view raw, padded, url;
  };
  for (const Row& row : {Row{"", "", ""},
                         {"f", "Zg==", "Zg"},
                         {"fo", "Zm8=", "Zm8"},
                         {"foo", "Zm9v", "Zm9v"},
                         {"foob", "Zm9vYg==", "Zm9vYg"},
                         {"\xfb\xff", "+/8=", "-_8"}}) {
    EXPECT_EQ(Base64Encode(row.raw), row.padded);
    EXPECT_EQ(Base64UrlEncode(row.raw), row.url);
    EXPECT_EQ(Base64Decode(row.padded), row.raw);
    EXPECT_EQ(Base64Decode(row.url), row.raw);
  }
  EXPECT_EQ(Base64Decode("Zg*"), std::nullopt);
}

TEST(EncodingTest, Base32AndHex) {
  struct Row {
    std::string_view raw, base32;
  };
  for (const Row& row : {Row{"", ""},
                         {"f", "MY"},
                         {"fo", "MZXQ"},
                         {"foo", "MZXW6"},
                         {"foob", "MZXW6YQ"},
                         {"fooba", "MZXW6YTB"}}) {
    EXPECT_EQ(Base32Encode(row.raw), row.base32);
    EXPECT_EQ(Base32Decode(row.base32), row.raw);
  }
  EXPECT_EQ(Base32Decode("MY1"), std::nullopt);
  EXPECT_EQ(Base32Decode("my"), std::nullopt);
  EXPECT_EQ(HexEncode(std::string_view("\x00\x0f\xff", 3)), "000fff");
}

// What Go's %q makes of the same bytes.
TEST(QuotedTest, IsGosQuoting) {
  EXPECT_EQ(Quoted(std::string_view("a\"b\\c\0\x01\a\b\f\n\r\t\v\x1b\x7f", 16)),
            R"("a\"b\\c\x00\x01\a\b\f\n\r\t\v\x1b\x7f")");
  EXPECT_EQ(Quoted("\u00e9\u20ac\U0001f600"), "\"\u00e9\u20ac\U0001f600\"");
  EXPECT_EQ(Quoted("\xff\xc3("), R"("\xff\xc3(")");
  EXPECT_EQ(Quoted("\xc2\x80\u00a0\u00ad\u2028\ufeff\ufffd\U000e0001\ue000"),
            "\"\\u0080\\u00a0\\u00ad\\u2028\\ufeff\ufffd\\U000e0001\\ue000\"");
  EXPECT_EQ(Quoted(" <>&'"), "\" <>&'\"");
}

// What time.Duration.String() says.
TEST(DurationTest, FormatsAsGo) {
  struct Row {
    int64_t ns;
    std::string_view text;
  };
  for (const Row& row : {Row{0, "0s"},
                         {1, "1ns"},
                         {999, "999ns"},
                         {1000, "1\u00b5s"},
                         {1500, "1.5\u00b5s"},
                         {1000000, "1ms"},
                         {1234567, "1.234567ms"},
                         {999999999, "999.999999ms"},
                         {1000000000, "1s"},
                         {1500000000, "1.5s"},
                         {60000000000, "1m0s"},
                         {61001000000, "1m1.001s"},
                         {3600000000000, "1h0m0s"},
                         {3661000000001, "1h1m1.000000001s"},
                         {90000000000000, "25h0m0s"},
                         {-1500000000, "-1.5s"},
                         {INT64_MAX, "2562047h47m16.854775807s"},
                         {INT64_MIN, "-2562047h47m16.854775808s"}}) {
    EXPECT_EQ(FormatDuration(row.ns), row.text);
  }
}

// What time.ParseDuration() says.
TEST(DurationTest, ParsesAsGo) {
  struct Row {
    std::string_view text;
    int64_t ns;
  };
  for (const Row& row : {Row{"0", 0},
                         {"1s", 1000000000},
                         {"1.5s", 1500000000},
                         {"100ms", 100000000},
                         {"1h30m", 5400000000000},
                         {"-2m", -120000000000},
                         {"+5s", 5000000000},
                         {"1us", 1000},
                         {"1\u00b5s", 1000},
                         {"1\u03bcs", 1000},
                         {".5s", 500000000},
                         {"1.s", 1000000000},
                         {"1.0000000005s", 1000000000},
                         {"0.000000001s", 1},
                         {"0.3h", 1080000000000},
                         {"1.2345678912345s", 1234567891},
                         {"00001m", 60000000000},
                         {"1h1h", 7200000000000},
                         {"9223372036854775807ns", INT64_MAX},
                         {"2562047h47m16.854775807s", INT64_MAX},
                         {"-2562047h47m16.854775808s", INT64_MIN}}) {
    EXPECT_EQ(ParseDuration(row.text), row.ns) << row.text;
  }
  for (std::string_view wrong :
       {"", "-", "1", "1d", "s", ".s", "1 s", "1h-5m", "..5s", "1.2.3s", "1e3s",
        "9223372036854775808ns", "2562047h47m16.854775808s", "99999999999999999999h"}) {
    EXPECT_EQ(ParseDuration(wrong), std::nullopt) << wrong;
  }
}

TEST(TimeTest, ReadsAndWritesRfc3339) {
  struct Row {
    std::string_view text;
    int64_t ns;
    std::string_view written;
  };
  for (const Row& row :
       {Row{"2026-11-21T14:00:00Z", 1795269600000000000, "2026-11-21T14:00:00Z"},
        {"2026-11-21T14:00:00.123456789Z", 1795269600123456789, "2026-11-21T14:00:00.123456789Z"},
        {"2026-11-21T14:00:00.1234567891Z", 1795269600123456789, "2026-11-21T14:00:00.123456789Z"},
        {"2026-11-21T14:00:00.5+02:00", 1795262400500000000, "2026-11-21T12:00:00.5Z"},
        {"2024-02-29T23:59:59-07:30", 1709278199000000000, "2024-03-01T07:29:59Z"},
        {"1969-12-31T23:59:59.999999999Z", -1, "1969-12-31T23:59:59.999999999Z"},
        {"2262-04-11T23:47:16.854775807Z", INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
        {"0001-01-01T00:00:00Z", kZeroTime, "0001-01-01T00:00:00Z"}}) {
    EXPECT_EQ(ParseTime(row.text), row.ns) << row.text;
    EXPECT_EQ(FormatTime(row.ns), row.written);
  }
}

TEST(TimeTest, RefusesWhatIsNoTime) {
  for (std::string_view wrong :
       {"", "2023-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-11-21t14:00:00z",
        "2026-11-21 14:00:00Z", "2026-1-21T14:00:00Z", "2026-11-21T24:00:00Z",
        "2026-11-21T14:60:00Z", "2026-11-21T14:00:60Z", "2026-11-21T14:00:00", "2026-11-21T14:00Z",
        "2026-11-21T14:00:00.Z", "2026-11-21T14:00:00+24:00", "2026-11-21T14:00:00Zx",
        "2263-01-01T00:00:00Z"}) {
    EXPECT_EQ(ParseTime(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace weir

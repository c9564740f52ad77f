#include "protocol/base/json.h"

#include <cmath>

#include <gtest/gtest.h>

namespace weir {
namespace {

std::string ErrorOf(std::string_view text) {
  return std::string(Message(ParseJson(text).status()));
}

TEST(ParseJsonTest, TakesOneValueAndBlanks) {
  for (std::string_view text : {"{}", " [1,2.5,\"x\"] \r\n", "null", "\"\"", "12", "-0"}) {
    EXPECT_TRUE(ParseJson(text).ok()) << text;
  }
}

TEST(ParseJsonTest, ErrorsAreGos) {
  EXPECT_EQ(ErrorOf("{\"name\":x}"),
            "invalid character 'x' looking for beginning of value at offset 9");
  EXPECT_EQ(ErrorOf("{\"name\":"), "unexpected EOF");
  EXPECT_EQ(ErrorOf(""), "unexpected end of JSON input");
  EXPECT_EQ(ErrorOf(std::string(65, '[')), "exceeded max depth");
  EXPECT_NE(ErrorOf("{} {}"), "");
}

TEST(ParseJsonTest, WrongUtf8AndHalfSurrogatesBecomeReplacements) {
  EXPECT_EQ(ParseJson("\"\xff\u00e9\"")->as_string(), "\ufffd\u00e9");
  EXPECT_EQ(ParseJson(R"("\ud800 \udc00\\ud800 \ud83d\ude00")")->as_string(),
            "\ufffd \ufffd\\ud800 \U0001f600");
  EXPECT_EQ(ErrorOf("\"\xff\" x"),
            "invalid character 'x' looking for beginning of value at offset 5");
}

TEST(LooksLikeJsonTest, ObjectsAndArraysBehindBlanks) {
  EXPECT_TRUE(LooksLikeJson(" {"));
  EXPECT_TRUE(LooksLikeJson("\n[1]"));
  EXPECT_FALSE(LooksLikeJson(""));
  EXPECT_FALSE(LooksLikeJson("10"));
}

TEST(JsonReaderTest, ReadsEveryType) {
  auto value = ParseJson(R"({"s":"x","b":true,"i":-5,"n":7,"u":18446744073709551615,
    "list":["a","b"],"numbers":[1,-2],"map":{"k":"v"},"t":"2026-11-21T14:00:00Z"})");
  std::string s;
  bool b = false;
  int64_t i = 0;
  int32_t n = 0;
  uint64_t u = 0;
  std::vector<std::string> list;
  std::vector<int64_t> numbers;
  StringMap<std::string> map;
  int64_t t = 0;

  JsonReader in(value->as_object());
  in.Read("s", s);
  in.Read("b", b);
  in.Read("i", i);
  in.Read("n", n);
  in.Read("u", u);
  in.Read("list", list);
  in.Read("numbers", numbers);
  in.Read("map", map);
  in.ReadTime("t", t);

  ASSERT_TRUE(in.Finish(/*strict=*/true).ok());
  EXPECT_EQ(s, "x");
  EXPECT_TRUE(b);
  EXPECT_EQ(i, -5);
  EXPECT_EQ(n, 7);
  EXPECT_EQ(u, UINT64_MAX);
  EXPECT_EQ(list, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(numbers, (std::vector<int64_t>{1, -2}));
  EXPECT_EQ(map["k"], "v");
  EXPECT_EQ(t, 1795269600000000000);
}

TEST(JsonReaderTest, AbsentAndNullLeaveTheValueAlone) {
  auto value = ParseJson(R"({"a":null})");
  int64_t a = 1;
  int64_t b = 2;
  JsonReader in(value->as_object());
  in.Read("a", a);
  in.Read("b", b);
  EXPECT_TRUE(in.Finish(true).ok());
  EXPECT_EQ(a, 1);
  EXPECT_EQ(b, 2);
}

TEST(JsonReaderTest, NamesMatchWithoutCaseWhenNoneMatchesExactly) {
  auto value = ParseJson(R"({"NAME":"upper","name":"exact","Other":"o"})");
  std::string name;
  std::string other;
  JsonReader in(value->as_object());
  in.Read("name", name);
  in.Read("other", other);
  EXPECT_EQ(name, "exact");
  EXPECT_EQ(other, "o");
}

TEST(JsonReaderTest, StrictNamesTheFieldThatNobodyKnows) {
  auto value = ParseJson(R"({"a":1,"nope":{"x":1}})");
  int64_t a = 0;
  JsonReader in(value->as_object());
  in.Read("a", a);
  EXPECT_TRUE(in.Finish(false).ok());
  EXPECT_EQ(Message(in.Finish(true)), R"(json: unknown field "nope")");
}

std::string MistypedNumber(std::string_view json) {
  auto value = ParseJson(json);
  JsonReader in(value->as_object(), "StreamConfigRequest.StreamConfig");
  int64_t number = 0;
  in.Read("max_msgs", number);
  return std::string(Message(in.Finish(true)));
}

TEST(JsonReaderTest, WrongTypesAreNamedAsInGo) {
  std::string field =
      " into Go struct field StreamConfigRequest.StreamConfig.max_msgs of type int64";
  EXPECT_EQ(MistypedNumber(R"({"max_msgs":"1"})"), Cat("json: cannot unmarshal string", field));
  EXPECT_EQ(MistypedNumber(R"({"max_msgs":1.5})"), Cat("json: cannot unmarshal number 1.5", field));
  EXPECT_EQ(MistypedNumber(R"({"max_msgs":[]})"), Cat("json: cannot unmarshal array", field));
  EXPECT_EQ(MistypedNumber(R"({"max_msgs":18446744073709551615})"),
            Cat("json: cannot unmarshal number 18446744073709551615", field));

  auto value = ParseJson(R"({"name":1,"subjects":"x","list":[1]})");
  std::string name;
  JsonReader in(value->as_object());
  in.Read("name", name);
  EXPECT_EQ(Message(in.Finish(true)),
            "json: cannot unmarshal number into Go struct field name of type string");
  std::vector<std::string> list;
  JsonReader second(value->as_object(), "S");
  second.Read("subjects", list);
  EXPECT_EQ(Message(second.Finish(true)),
            "json: cannot unmarshal string into Go struct field S.subjects of type []string");
  JsonReader third(value->as_object(), "S");
  third.Read("list", list);
  EXPECT_EQ(Message(third.Finish(true)),
            "json: cannot unmarshal number into S.list.0 of type string");
}

TEST(JsonReaderTest, TheFirstErrorStays) {
  auto value = ParseJson(R"({"a":"x","b":"y"})");
  bool flag = false;
  JsonReader in(value->as_object());
  in.Read("b", flag);
  in.Read("a", flag);
  EXPECT_EQ(Message(in.Finish(true)),
            "json: cannot unmarshal string into Go struct field b of type bool");
}

TEST(JsonReaderTest, OutOfRange) {
  auto value = ParseJson(R"({"small":2147483648,"negative":-1})");
  int32_t small = 0;
  uint64_t unsigned_number = 0;
  JsonReader in(value->as_object());
  in.Read("small", small);
  EXPECT_FALSE(in.Finish(false).ok());
  JsonReader other(value->as_object());
  other.Read("negative", unsigned_number);
  EXPECT_FALSE(other.Finish(false).ok());
}

// What encoding/json writes for the same strings.
TEST(JsonWriterTest, StringsAreEscapedAsInGo) {
  auto written = [](std::string_view text) {
    std::string out;
    AppendJsonString(out, text);
    return out;
  };
  EXPECT_EQ(written(std::string_view("a\"b\\c\0\x01\a\b\f\n\r\t\v\x1b\x7f", 16)),
            "\"a\\\"b\\\\c\\u0000\\u0001\\u0007\\b\\f\\n\\r\\t\\u000b\\u001b\x7f\"");
  EXPECT_EQ(written("\u00e9\u20ac\U0001f600"), "\"\u00e9\u20ac\U0001f600\"");
  EXPECT_EQ(written("\xff\xc3("), R"("\ufffd\ufffd(")");
  EXPECT_EQ(written("\u2028\u2029\ufffd"), "\"\\u2028\\u2029\ufffd\"");
  EXPECT_EQ(written(" <>&'/"), "\" \\u003c\\u003e\\u0026'/\"");
  EXPECT_EQ(written(""), "\"\"");
}

TEST(JsonWriterTest, NumbersAreWrittenAsInGo) {
  struct Row {
    double value;
    std::string_view text;
  };
  for (const Row& row : {Row{0, "0"},
                         {1, "1"},
                         {-1.5, "-1.5"},
                         {100000, "100000"},
                         {1e20, "100000000000000000000"},
                         {1e21, "1e+21"},
                         {123456789.125, "123456789.125"},
                         {1e-6, "0.000001"},
                         {1e-7, "1e-7"},
                         {1.5e-9, "1.5e-9"},
                         {5e-324, "5e-324"},
                         {1.7976931348623157e308, "1.7976931348623157e+308"},
                         {-1e-10, "-1e-10"},
                         {1e100, "1e+100"},
                         {0.1, "0.1"},
                         {std::nan(""), "null"}}) {
    EXPECT_EQ(JsonWriter().Value(row.value).text(), row.text);
  }
}

TEST(JsonWriterTest, NestsAndPutsCommas) {
  JsonWriter out;
  out.OpenObject()
      .Field("a", 1)
      .Optional("zero", 0)
      .Optional("no", false)
      .Optional("empty", std::string())
      .Optional("one", 1)
      .Strings("list", {"x", "y"})
      .Key("o")
      .OpenObject()
      .CloseObject()
      .Key("l")
      .OpenArray()
      .Value(true)
      .Null()
      .OpenArray()
      .CloseArray()
      .CloseArray()
      .Key("t")
      .Time(0)
      .Key("raw")
      .Raw("{}")
      .CloseObject();
  EXPECT_EQ(
      out.text(),
      R"({"a":1,"one":1,"list":["x","y"],"o":{},"l":[true,null,[]],"t":"1970-01-01T00:00:00Z","raw":{}})");
  EXPECT_TRUE(ParseJson(out.text()).ok());
}

}  // namespace
}  // namespace weir

#include <gtest/gtest.h>

#include "server/config_file.h"

namespace weir::server {
namespace {

std::string Json(const ConfigValue& value) {
  std::string out;
  value.AppendJson(out);
  return out;
}

TEST(ConfigValueTest, KindsDoNotConvert) {
  ConfigValue text(std::string("5"));
  EXPECT_EQ(text.AsInteger(), std::nullopt);
  EXPECT_EQ(*text.AsString(), "5");
  ConfigValue number(int64_t{5});
  EXPECT_EQ(number.AsString(), nullptr);
  EXPECT_EQ(number.AsFloat(), std::nullopt);
  EXPECT_EQ(number.AsInteger(), 5);
}

TEST(ConfigValueTest, NamesOfTypesAreGos) {
  EXPECT_EQ(ConfigValue(true).TypeName(), "bool");
  EXPECT_EQ(ConfigValue(int64_t{1}).TypeName(), "int64");
  EXPECT_EQ(ConfigValue(1.5).TypeName(), "float64");
  EXPECT_EQ(ConfigValue(std::string()).TypeName(), "string");
  EXPECT_EQ(ConfigValue::Time("2020-01-02T03:04:05Z").TypeName(), "time.Time");
  EXPECT_EQ(ConfigValue(ConfigValue::Array()).TypeName(), "[]interface {}");
  EXPECT_EQ(ConfigValue(ConfigMap()).TypeName(), "map[string]interface {}");
}

TEST(ConfigValueTest, JsonSortsKeysAndEscapesAsGoDoes) {
  ConfigMap inner;
  inner.Set("b", ConfigValue(std::string("<&>")));
  inner.Set("a", ConfigValue(ConfigValue::Array{ConfigValue(true), ConfigValue(int64_t{-1})}));
  ConfigMap map;
  map.Set("z", ConfigValue(inner));
  map.Set("y", ConfigValue::Time("2020-01-02T03:04:05Z"));

  EXPECT_EQ(Json(ConfigValue(map)),
            R"({"y":"2020-01-02T03:04:05Z","z":{"a":[true,-1],"b":"\u003c\u0026\u003e"}})");
}

TEST(ConfigValueTest, JsonOfFloats) {
  EXPECT_EQ(Json(ConfigValue(1.0)), "1");
  EXPECT_EQ(Json(ConfigValue(0.25)), "0.25");
  EXPECT_EQ(Json(ConfigValue(0.0000005)), "5e-7");
  EXPECT_EQ(Json(ConfigValue(1e20)), "100000000000000000000");
  EXPECT_EQ(Json(ConfigValue(1e21)), "1e+21");
}

TEST(ConfigValueTest, PrintedAsInMessages) {
  EXPECT_EQ(ConfigValue(1.5).Print(), "1.5");
  EXPECT_EQ(ConfigValue(0.00005).Print(), "5e-05");
  EXPECT_EQ(ConfigValue(false).Print(), "false");
  EXPECT_EQ(ConfigValue::Time("2020-01-02T03:04:05Z").Print(), "2020-01-02 03:04:05 +0000 UTC");
  EXPECT_EQ(ConfigValue(ConfigValue::Array{ConfigValue(true), ConfigValue(int64_t{2})}).Print(),
            "[true 2]");
}

TEST(ConfigValueTest, BoostJsonHasTheSameContent) {
  ConfigMap map;
  map.Set("a", ConfigValue(ConfigValue::Array{ConfigValue(1.5), ConfigValue(std::string("x"))}));

  auto json = ConfigValue(map).ToJson();

  EXPECT_EQ(json.at("a").as_array().at(0).as_double(), 1.5);
  EXPECT_EQ(json.at("a").as_array().at(1).as_string(), "x");
}

TEST(ConfigValueTest, ALaterValueReplacesAnEarlierOneInItsPlace) {
  ConfigMap map;
  map.Set("a", ConfigValue(int64_t{1}));
  map.Set("b", ConfigValue(int64_t{2}));
  map.Set("a", ConfigValue(int64_t{3}));

  ASSERT_EQ(map.entries().size(), 2U);
  EXPECT_EQ(map.entries()[0].first, "a");
  EXPECT_EQ(map.Find("a")->AsInteger(), 3);
  EXPECT_EQ(std::as_const(map).Find("c"), nullptr);
}

}  // namespace
}  // namespace weir::server

#include "jetstream/counter.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

TEST(CounterTest, IntegersAreDecimalWithASign) {
  EXPECT_EQ(NormalInteger("+0012"), "12");
  EXPECT_EQ(NormalInteger("-0"), "0");
  for (const char* text : {"", "+", "-", "+-5", "1.5", "0x10", "1_000", " 1"}) {
    EXPECT_EQ(NormalInteger(text), std::nullopt) << text;
  }
}

TEST(CounterTest, IntegersOfAnySizeAreAddedAndSubtracted) {
  EXPECT_EQ(AddIntegers("99999999999999999999", "1"), "100000000000000000000");
  EXPECT_EQ(AddIntegers("-5", "3"), "-2");
  EXPECT_EQ(AddIntegers("5", "-7"), "-2");
  EXPECT_EQ(AddIntegers("-5", "5"), "0");
  EXPECT_EQ(SubtractIntegers("1000", "-1"), "1001");
  EXPECT_EQ(SubtractIntegers("1000", "1"), "999");
}

TEST(CounterTest, AnIncrementIsAddedToTheTotal) {
  auto total = ReadCounter({}, R"({"val":"41"})");
  ASSERT_TRUE(total);

  EXPECT_EQ(ApplyIncrement(*total, "a", "+1", {}, "NATS/1.0\r\nNats-Incr: +1\r\n\r\n", {}),
            "NATS/1.0\r\nNats-Incr: +1\r\n\r\n");
  EXPECT_EQ(CounterPayload(*total), R"({"val":"42"})");
  EXPECT_FALSE(ReadCounter({}, "no counter"));
}

TEST(CounterTest, AnOriginCountsByWhatItHasGained) {
  CounterTotal total;
  ApplyIncrement(total, "a", "5", "EU 1 > > eu.a", {}, R"({"val":"5"})");
  auto headers = ApplyIncrement(total, "a", "1", "EU 2 > > eu.a", {}, R"({"val":"8"})");

  EXPECT_EQ(total.value, "8");
  EXPECT_EQ(*headers,
            "NATS/1.0\r\nNats-Incr: 3\r\nNats-Counter-Sources: {\"EU\":{\"eu.a\":\"8\"}}\r\n\r\n");
  auto again = ReadCounter(*headers, CounterPayload(total));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sources["EU"]["eu.a"], "8");
}

}  // namespace
}  // namespace weir::jetstream

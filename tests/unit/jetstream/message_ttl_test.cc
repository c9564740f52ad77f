#include "jetstream/message_ttl.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(MessageTtlTest, SecondsAndDurations) {
  EXPECT_EQ(ParseMessageTtl("1")->ns, kSecond);
  EXPECT_EQ(ParseMessageTtl("1s")->ns, kSecond);
  EXPECT_EQ(ParseMessageTtl("1500ms")->ns, kSecond * 3 / 2);
  EXPECT_EQ(ParseMessageTtl("1h")->ns, 3600 * kSecond);
  EXPECT_TRUE(ParseMessageTtl("never")->never);
}

TEST(MessageTtlTest, LessThanASecondIsInvalid) {
  for (const char* text : {"0", "-1", "500ms", "x", "", "99999999999999999999"}) {
    EXPECT_FALSE(ParseMessageTtl(text)) << text;
  }
}

TEST(MessageTtlTest, AnotherTtlStandsBehindTheOtherLines) {
  EXPECT_EQ(WithMessageTtl("NATS/1.0\r\nNats-TTL: 1s\r\nA: b\r\n\r\n", 60 * kSecond),
            "NATS/1.0\r\nA: b\r\nNats-TTL: 60\r\n\r\n");
  EXPECT_EQ(WithMessageTtl("NATS/1.0\r\nNats-TTL: 1\r\n\r\n", kSecond * 5 / 2),
            "NATS/1.0\r\nNats-TTL: 2\r\n\r\n");
}

}  // namespace
}  // namespace weir::jetstream

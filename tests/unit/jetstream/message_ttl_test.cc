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

}  // namespace
}  // namespace weir::jetstream

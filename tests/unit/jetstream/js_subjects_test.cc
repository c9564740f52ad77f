#include "jetstream/js_subjects.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

TEST(AckSubjectBuilderTest, AppendsTheNumbersToItsPrefix) {
  AckSubjectBuilder builder("ORDERS", "C");

  EXPECT_EQ(builder.Build({1, 22, 333, 1767225600000000000, 4444}),
            "$JS.ACK.ORDERS.C.1.22.333.1767225600000000000.4444");
  EXPECT_EQ(builder.Build({2, 1, 1, 5, 0}), "$JS.ACK.ORDERS.C.2.1.1.5.0");
}

TEST(AckSubjectBuilderTest, HoldsTheLargestNumbers) {
  AckSubjectBuilder builder("S", "C");

  EXPECT_EQ(builder.Build({UINT64_MAX, UINT64_MAX, UINT64_MAX, INT64_MIN, UINT64_MAX}),
            "$JS.ACK.S.C.18446744073709551615.18446744073709551615.18446744073709551615."
            "-9223372036854775808.18446744073709551615");
}

TEST(AckSubjectBuilderTest, TheLongerFormatNamesDomainAndAccountFirst) {
  AckSubjectBuilder builder("ORDERS", "C", "_.szMpdrwD.");

  EXPECT_EQ(builder.Build({1, 2, 3, 4, 5}), "$JS.ACK._.szMpdrwD.ORDERS.C.1.2.3.4.5");
}

TEST(ParseAckSubjectTest, ReadsBothFormats) {
  auto v1 = ParseAckSubject("$JS.ACK.ORDERS.C.1.22.333.99.4444");
  auto v2 = ParseAckSubject("$JS.ACK._.abcdefgh.ORDERS.C.1.22.333.99.4444");
  auto longer = ParseAckSubject("$JS.ACK.hub.abcdefgh.ORDERS.C.1.22.333.99.4444.token");

  for (const auto& info : {v1, v2, longer}) {
    ASSERT_TRUE(info);
    EXPECT_EQ(info->deliveries, 1u);
    EXPECT_EQ(info->stream_seq, 22u);
    EXPECT_EQ(info->consumer_seq, 333u);
    EXPECT_EQ(info->time_ns, 99);
    EXPECT_EQ(info->pending, 4444u);
  }
}

TEST(ParseAckSubjectTest, RefusesOtherShapes) {
  EXPECT_FALSE(ParseAckSubject("$JS.ACK.ORDERS.C.1.22.333.99"));
  EXPECT_FALSE(ParseAckSubject("$JS.ACK.ORDERS.C.1.22.333.99.4444.5"));
  EXPECT_FALSE(ParseAckSubject("$JS.API.ORDERS.C.1.22.333.99.4444"));
  EXPECT_FALSE(ParseAckSubject(""));
}

TEST(ParseAckSubjectTest, ASequenceThatIsNoNumberIsNeverInFlight) {
  auto info = ParseAckSubject("$JS.ACK.ORDERS.C.1.x.y.99.0");

  ASSERT_TRUE(info);
  EXPECT_EQ(info->stream_seq, UINT64_MAX);
}

TEST(JsSubjectsTest, NamesWhatAConsumerSubscribes) {
  EXPECT_EQ(AckPattern("S", "C"), "$JS.ACK.S.C.*.*.*.*.*");
  EXPECT_EQ(AckPattern("S", "C", "hub.hash."), "$JS.ACK.hub.hash.S.C.*.*.*.*.>");
  EXPECT_EQ(FlowControlPrefix("S", "C"), "$JS.FC.S.C.");
  EXPECT_EQ(FlowControlPrefix("S", "C", "_.hash."), "$JS.FC._.hash.S.C.");
  EXPECT_EQ(PullSubject("S", "C"), "$JS.API.CONSUMER.MSG.NEXT.S.C");
  EXPECT_EQ(ConsumerAdvisorySubject("MSG_NAKED", "S", "C"),
            "$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.S.C");
  EXPECT_EQ(AckMetricSubject("S", "C"), "$JS.EVENT.METRIC.CONSUMER.ACK.S.C");
}

}  // namespace
}  // namespace weir::jetstream

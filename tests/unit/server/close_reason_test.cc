#include "server/close_reason.h"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(CloseReasonTest, TextsAreThoseOfProtocol73) {
  EXPECT_EQ(ReasonText(CloseReason::kClientClosed), "Client Closed");
  EXPECT_EQ(ReasonText(CloseReason::kSlowConsumerPendingBytes), "Slow Consumer (Pending Bytes)");
  EXPECT_EQ(ReasonText(CloseReason::kSlowConsumerWriteDeadline), "Slow Consumer (Write Deadline)");
  EXPECT_EQ(ReasonText(CloseReason::kBadClientProtocolVersion), "Bad Client Protocol Version");
  EXPECT_EQ(ReasonText(CloseReason::kMaxPayload), "Maximum Message Payload Exceeded");
  EXPECT_EQ(ReasonText(CloseReason::kMaxControlLine), "Maximum Control Line Exceeded");
  EXPECT_EQ(ReasonText(CloseReason::kMaxConnections), "Maximum Connections Exceeded");
  EXPECT_EQ(ReasonText(CloseReason::kNoRespondersRequiresHeaders),
            "No Responders Requires Headers");
}

TEST(CloseReasonTest, EveryReasonHasATextOfItsOwn) {
  std::set<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(CloseReason::kKicked); ++i) {
    std::string_view text = ReasonText(static_cast<CloseReason>(i));
    EXPECT_NE(text, "Unknown State") << i;
    EXPECT_TRUE(seen.insert(text).second) << text;
  }
}

TEST(CloseReasonTest, ABrokenSocketIsNotFlushed) {
  for (CloseReason reason :
       {CloseReason::kReadError, CloseReason::kWriteError, CloseReason::kSlowConsumerPendingBytes,
        CloseReason::kSlowConsumerWriteDeadline, CloseReason::kTlsHandshakeFailure}) {
    EXPECT_TRUE(SkipsFlush(reason)) << ReasonText(reason);
  }
  for (CloseReason reason : {CloseReason::kClientClosed, CloseReason::kProtocolViolation,
                             CloseReason::kMaxPayload, CloseReason::kServerShutdown}) {
    EXPECT_FALSE(SkipsFlush(reason)) << ReasonText(reason);
  }
}

}  // namespace
}  // namespace weir::server

#include "server/message_trace.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace weir::server {
namespace {

constexpr std::string_view kAsked = "NATS/1.0\r\nNats-Trace-Dest: t.x\r\nA: 1\r\nA: 2\r\n\r\n";

TEST(TraceRequestTest, TheHeaderNamesTheDestination) {
  auto request = TraceRequest::Read(kAsked, "");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->destination, "t.x");
  EXPECT_FALSE(request->only);

  auto only =
      TraceRequest::Read("NATS/1.0\r\nNats-Trace-Dest: t\r\nNats-Trace-Only: on\r\n\r\n", "");
  ASSERT_TRUE(only.has_value());
  EXPECT_TRUE(only->only);
}

TEST(TraceRequestTest, DisabledAndUnsampledMessagesAreNotTraced) {
  EXPECT_FALSE(TraceRequest::Read("NATS/1.0\r\nNats-Trace-Dest: trace disabled\r\n\r\n", "acc"));
  EXPECT_FALSE(TraceRequest::Read("NATS/1.0\r\nNats-Trace-Dest: \r\n\r\n", "acc"));
  EXPECT_FALSE(TraceRequest::Read("NATS/1.0\r\nA: 1\r\n\r\n", "acc"));
  EXPECT_FALSE(TraceRequest::Read("NATS/1.0\r\ntraceparent: 00-a-b-00\r\n\r\n", "acc"));
}

TEST(TraceRequestTest, ASampledTraceparentGoesWhereTheAccountSays) {
  constexpr std::string_view kSampled = "NATS/1.0\r\nTraceParent: 00-a-b-01\r\n\r\n";

  auto request = TraceRequest::Read(kSampled, "acc.trace");

  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->destination, "acc.trace");
  EXPECT_FALSE(TraceRequest::Read(kSampled, ""));
}

TEST(MessageTraceTest, TheReportListsEventsInOrder) {
  testing::ManualClock clock;
  MessageTrace trace(*TraceRequest::Read(kAsked, ""), kAsked, 52, clock);
  trace.AddIngress({5, "pub", "$G", "m.one", ""});
  trace.AddMapping("mapped.one");
  trace.AddEgress({7, "sub", "mapped.*", "grp", "Not delivered because of no echo"});
  trace.AddJetStream("S", "", false, "expected stream does not match");

  std::string json = trace.Json({"N", "0.0.0.0", "ID", "2.15.2", true, 3});

  std::string now = FormatTime(clock.wall_ns());
  EXPECT_EQ(
      json,
      R"({"server":{"name":"N","host":"0.0.0.0","id":"ID","ver":"2.15.2","feature_flags":)"
      R"({"js_ack_fc_v2":false,"js_api_reply_v2":false,"js_raft_delete_range":true,)"
      R"("js_snapshot_sources":false},"jetstream":true,"flags":7,"seq":3,"time":")" +
          now +
          R"("},"request":{"header":{"A":["1","2"],"Nats-Trace-Dest":["t.x"]},"msgsize":52},)"
          R"("events":[{"type":"in","ts":")" +
          now +
          R"(","kind":0,"cid":5,"name":"pub","acc":"$G","subj":"m.one"},{"type":"sm","ts":")" +
          now + R"(","to":"mapped.one"},{"type":"eg","ts":")" + now +
          R"(","kind":0,"cid":7,"name":"sub","sub":"mapped.*","queue":"grp","error":)"
          R"("Not delivered because of no echo"},{"type":"js","ts":")" +
          now + R"(","stream":"S","error":"expected stream does not match"}]})");
}

}  // namespace
}  // namespace weir::server

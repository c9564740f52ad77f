#include "jetstream/pull_request.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

TEST(ParsePullRequestTest, NothingOrNonsenseAsksForOneMessage) {
  for (std::string_view body : {"", "  ", "abc", "1x"}) {
    auto request = ParsePullRequest(body);
    ASSERT_TRUE(request.ok()) << body;
    EXPECT_EQ(request->batch, 1) << body;
    EXPECT_EQ(request->expires_ns, 0) << body;
    EXPECT_FALSE(request->is_object) << body;
  }
}

TEST(ParsePullRequestTest, ANumberIsTheBatch) {
  EXPECT_EQ(ParsePullRequest(" 25 ")->batch, 25);
}

TEST(ParsePullRequestTest, AnObjectHasAllFields) {
  auto request = ParsePullRequest(
      R"({"expires":5000000000,"batch":10,"max_bytes":1024,"no_wait":true,"idle_heartbeat":1000,)"
      R"("group":"g","min_pending":3,"min_ack_pending":4,"id":"pin","priority":5,"other":1})");

  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->batch, 10);
  EXPECT_EQ(request->expires_ns, 5'000'000'000);
  EXPECT_EQ(request->max_bytes, 1024);
  EXPECT_TRUE(request->no_wait);
  EXPECT_EQ(request->heartbeat_ns, 1000);
  EXPECT_EQ(request->group, "g");
  EXPECT_EQ(request->min_pending, 3);
  EXPECT_EQ(request->min_ack_pending, 4);
  EXPECT_EQ(request->pin_id, "pin");
  EXPECT_EQ(request->priority, 5);
}

TEST(ParsePullRequestTest, AHeartbeatNeedsTwiceItsTime) {
  EXPECT_TRUE(ParsePullRequest(R"({"expires":200,"idle_heartbeat":100})").ok());
  auto status = ParsePullRequest(R"({"expires":199,"idle_heartbeat":100})").status();
  EXPECT_EQ(Message(status), "heartbeat value too large");
}

TEST(ParsePullRequestTest, BrokenJsonIsAnError) {
  EXPECT_FALSE(ParsePullRequest(R"({"batch":)").ok());
  EXPECT_FALSE(ParsePullRequest(R"({"batch":"ten"})").ok());
}

}  // namespace
}  // namespace weir::jetstream

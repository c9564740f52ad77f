#include "server/system_request.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

SystemRequest Make(std::string_view payload, std::string_view subject = "$SYS.REQ.SERVER.PING.VARZ",
                   std::string_view headers = {}) {
  return SystemRequest::Copy({kSystemAccount, subject, "reply", headers, payload, nullptr});
}

TEST(SystemRequestTest, TokensOfTheSubject) {
  SystemRequest request = Make("", "$SYS.REQ.ACCOUNT.A.INFO");

  EXPECT_EQ(request.token(0), "$SYS");
  EXPECT_EQ(request.token(3), "A");
  EXPECT_EQ(request.token(4), "INFO");
  EXPECT_EQ(request.token(5), "");
}

TEST(SystemRequestTest, APayloadIsAnObjectOrNothing) {
  EXPECT_TRUE(Make("").read.ok());
  EXPECT_TRUE(Make("null").read.ok());
  EXPECT_TRUE(Make(R"({"a":1})").read.ok());
  EXPECT_FALSE(Make("[]").read.ok());
  EXPECT_EQ(weir::Message(Make("{bad").read),
            "invalid character 'b' looking for beginning of object key string");
}

TEST(SystemRequestTest, TheWantedEncodingIsAHeader) {
  EXPECT_EQ(Make("", "a", "NATS/1.0\r\nAccept-Encoding: gzip\r\n\r\n").accept_encoding, "gzip");
}

TEST(SystemRequestTest, AFilterNamesServersByPartsUnlessExact) {
  Options options;
  options.client.host = "127.0.0.1";
  options.server_tags = {"a:b", "c"};
  options.jetstream.domain = "hub";
  auto passes = [&options](std::string_view body) {
    return PassesFilter(Make(body), options, "S1");
  };

  EXPECT_TRUE(*passes("{}"));
  EXPECT_TRUE(*passes(R"({"server_name":"S"})"));
  EXPECT_FALSE(*passes(R"({"server_name":"S","exact_match":true})"));
  EXPECT_TRUE(*passes(R"({"server_name":"S1","exact_match":true,"host":"127.0.0.1"})"));
  EXPECT_FALSE(*passes(R"({"host":"10."})"));
  EXPECT_FALSE(*passes(R"({"cluster":"C"})"));
  EXPECT_TRUE(*passes(R"({"tags":["C"]})"));
  EXPECT_FALSE(*passes(R"({"tags":["c","d"]})"));
  EXPECT_TRUE(*passes(R"({"domain":"hub"})"));
  EXPECT_FALSE(*passes(R"({"domain":"h"})"));
  EXPECT_FALSE(passes(R"({"tags":5})").ok());
}

TEST(SystemRequestTest, OptionsHaveTheNamesOfTheirJson) {
  auto connz = ReadConnzOptions(
      Make(R"({"sort":"rtt","auth":true,"subscriptions_detail":true,"limit":5,"cid":7,"state":2,)"
           R"("acc":"A","filter_subject":"x"})")
          .body);
  ASSERT_TRUE(connz.ok());
  EXPECT_EQ(connz->sort, "rtt");
  EXPECT_TRUE(connz->auth && connz->subscriptions_detail && !connz->subscriptions);
  EXPECT_EQ(connz->limit, 5);
  EXPECT_EQ(connz->cid, 7);
  EXPECT_EQ(connz->state, ConnzOptions::State::kAll);
  EXPECT_EQ(connz->account + connz->filter_subject, "Ax");

  auto jsz = ReadJszOptions(Make(R"({"account":"A","consumer":true,"raft":true})").body);
  EXPECT_TRUE(jsz.ok() && jsz->consumers && jsz->raft && jsz->account == "A");
  auto health = ReadHealthzOptions(Make(R"({"js-server-only":true,"stream":"S"})").body);
  EXPECT_TRUE(health.ok() && health->js_server_only && health->stream == "S");
  EXPECT_FALSE(ReadConnzOptions(Make(R"({"limit":"x"})").body).ok());
  EXPECT_EQ(*ReadClientId(Make(R"({"cid":12})").body), 12);
}

}  // namespace
}  // namespace weir::server

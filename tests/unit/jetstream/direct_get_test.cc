#include "jetstream/direct_get.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

class DirectGetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.Boot();
    home_.CreateStream(R"("subjects":["$KV.b.>"],"allow_direct":true)");
    home_.Ask("$KV.b.k", "one");
    home_.Ask("$KV.b.k", "two", "NATS/1.0\r\nA: b\r\n\r\n");
  }

  testing::FakeRouter::Sent Get(std::string_view subject, std::string_view body) {
    home_.Send(Cat("$JS.API.DIRECT.GET.S", subject), "_R_", body);
    home_.RunTurns();
    auto sent = home_.router.Take();
    WEIR_CHECK(sent.size() == 1);
    return sent[0];
  }
  std::string HeadersOf(std::string_view body) { return Get("", body).headers; }

  testing::JsHome home_;
};

TEST_F(DirectGetTest, TheLastOfASubjectComesWithItsPlace) {
  auto answer = Get(".$KV.b.k", "");

  EXPECT_EQ(answer.payload, "two");
  EXPECT_EQ(answer.headers,
            "NATS/1.0\r\nA: b\r\nNats-Stream: S\r\nNats-Subject: $KV.b.k\r\nNats-Sequence: 2\r\n"
            "Nats-Time-Stamp: 2026-01-01T00:00:00Z\r\n\r\n");
}

TEST_F(DirectGetTest, TheBodyMayAskInEveryWay) {
  EXPECT_EQ(Get("", R"({"seq":1})").payload, "one");
  EXPECT_EQ(Get("", R"({"last_by_subj":"$KV.b.>"})").payload, "two");
  EXPECT_EQ(Get("", R"({"next_by_subj":"$KV.b.k"})").payload, "one");
  EXPECT_EQ(Get("", R"({"seq":2,"no_hdr":true})").headers, "");
}

TEST_F(DirectGetTest, StatusesAreTheReferences) {
  EXPECT_EQ(HeadersOf(""), "NATS/1.0 408 Empty Request\r\n\r\n");
  EXPECT_EQ(HeadersOf("{}"), "NATS/1.0 408 Empty Request\r\n\r\n");
  EXPECT_EQ(HeadersOf("{"), "NATS/1.0 408 Malformed Request\r\n\r\n");
  EXPECT_EQ(HeadersOf(R"({"seq":1,"last_by_subj":"x"})"), "NATS/1.0 408 Bad Request\r\n\r\n");
  EXPECT_EQ(HeadersOf(R"({"seq":9})"), "NATS/1.0 404 Message Not Found\r\n\r\n");
  EXPECT_EQ(HeadersOf(R"({"multi_last":["a"],"last_by_subj":"a"})"),
            "NATS/1.0 408 Bad Request\r\n\r\n");
  EXPECT_EQ(Get(".$KV.b.k", R"({"batch":2})").headers, "NATS/1.0 408 Bad Request\r\n\r\n");
  EXPECT_EQ(Get(".$KV.b.none", "").headers, "NATS/1.0 404 Message Not Found\r\n\r\n");
}

TEST_F(DirectGetTest, WithoutPermissionNobodyListens) {
  EXPECT_TRUE(home_.router.subscribes("$JS.API.DIRECT.GET.S"));

  home_.Ask("$JS.API.STREAM.UPDATE.S", R"({"name":"S","subjects":["$KV.b.>"]})");

  EXPECT_FALSE(home_.router.subscribes("$JS.API.DIRECT.GET.S"));
}

}  // namespace
}  // namespace weir::jetstream

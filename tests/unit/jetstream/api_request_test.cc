#include "jetstream/api_request.h"

#include <gtest/gtest.h>

#include "jetstream/account_usage.h"
#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

ApiRequest Make(std::string_view subject, std::string_view payload = {}) {
  return ApiRequest::Copy({kGlobalAccount, subject, "r", {}, payload});
}

TEST(ApiRequestTest, TokensAreCountedFromTheFront) {
  ApiRequest request = Make("$JS.API.STREAM.INFO.ORDERS");

  EXPECT_EQ(request.token(0), "$JS");
  EXPECT_EQ(request.token(4), "ORDERS");
  EXPECT_EQ(request.token(5), "");
}

TEST(ApiRequestTest, WhatCountsAsAnEmptyBody) {
  EXPECT_TRUE(IsEmptyBody(""));
  EXPECT_TRUE(IsEmptyBody("{}"));
  EXPECT_TRUE(IsEmptyBody(" { } "));
  EXPECT_FALSE(IsEmptyBody("[]"));
  EXPECT_FALSE(IsEmptyBody(R"({"a":1})"));
  EXPECT_FALSE(IsEmptyBody("x"));
}

TEST(ApiRequestTest, AnOptionalBodyMayBeAnything) {
  EXPECT_TRUE(ReadOptionalBody(Make("s", "junk"))->empty());
  EXPECT_EQ(ReadOptionalBody(Make("s", R"({"a":1})"))->size(), 1U);
  EXPECT_FALSE(ReadOptionalBody(Make("s", R"({"a":)")).ok());
  EXPECT_FALSE(ReadBody(Make("s", "junk")).ok());
  EXPECT_FALSE(ReadBody(Make("s", "[1]")).ok());
}

TEST(ApiRequestTest, AnswersAreCounted) {
  testing::JsHome home;
  AccountUsage usage;
  ApiRequest request = Make("s");
  request.usage = &usage;

  RespondSuccess(home.env, request, "stream_delete_response");
  RespondError(home.env, request, "stream_purge_response", MakeError(10059));

  EXPECT_EQ(usage.api_total.load(), 2U);
  EXPECT_EQ(usage.api_errors.load(), 1U);
  ASSERT_EQ(home.router.sent.size(), 2U);
  EXPECT_EQ(home.router.sent[0].payload,
            R"({"type":"io.nats.jetstream.api.v1.stream_delete_response","success":true})");
  EXPECT_EQ(home.router.sent[1].payload,
            R"({"type":"io.nats.jetstream.api.v1.stream_purge_response","error":{"code":404,)"
            R"("err_code":10059,"description":"stream not found"},"purged":0})");
}

TEST(ApiRequestTest, WithoutAReplyNothingIsSent) {
  testing::JsHome home;
  ApiRequest request = Make("s");
  request.reply.clear();

  RespondSuccess(home.env, request, "stream_delete_response");

  EXPECT_TRUE(home.router.sent.empty());
}

}  // namespace
}  // namespace weir::jetstream

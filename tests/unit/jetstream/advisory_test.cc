#include "jetstream/advisory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

ApiRequest Request(std::string_view subject, std::string_view payload = {}) {
  return ApiRequest::Copy({kGlobalAccount, subject, "r", {}, payload});
}

class AdvisoryTest : public ::testing::Test {
 protected:
  testing::JsHome home_;
};

TEST_F(AdvisoryTest, NobodyListensNothingIsSent) {
  AdviseStream(home_.env, kGlobalAccount, "S", "CREATED", "create");
  AdviseConsumer(home_.env, kGlobalAccount, "S", "c", "CREATED", "create");
  AuditRequest(home_.env, Request("$JS.API.INFO"), "{}");

  EXPECT_TRUE(home_.router.sent.empty());
}

TEST_F(AdvisoryTest, AConsumerIsNamedInSubjectAndBody) {
  home_.router.interest.emplace_back("$JS.EVENT.ADVISORY.>");

  AdviseConsumer(home_.env, kGlobalAccount, "S", "c", "DELETED", "delete");

  ASSERT_EQ(home_.router.sent.size(), 1U);
  EXPECT_EQ(home_.router.sent[0].subject, "$JS.EVENT.ADVISORY.CONSUMER.DELETED.S.c");
  EXPECT_THAT(home_.router.sent[0].payload,
              StartsWith(R"({"type":"io.nats.jetstream.advisory.v1.consumer_action","id":")"));
  EXPECT_THAT(home_.router.sent[0].payload,
              HasSubstr(R"("timestamp":"2026-01-01T00:00:00Z","stream":"S","consumer":"c",)"
                        R"("action":"delete"})"));
}

TEST_F(AdvisoryTest, TheAuditCarriesRequestAndAnswer) {
  home_.router.interest.emplace_back("$JS.EVENT.ADVISORY.API");
  ApiRequest request = Request("$JS.API.STREAM.PURGE.S", R"({"seq":1})");

  AuditRequest(home_.env, request, R"({"success":true})");

  ASSERT_EQ(home_.router.sent.size(), 1U);
  EXPECT_THAT(home_.router.sent[0].payload,
              HasSubstr(R"("subject":"$JS.API.STREAM.PURGE.S","request":"{\"seq\":1}",)"
                        R"("response":"{\"success\":true}"})"));
}

TEST_F(AdvisoryTest, TheAuditSaysWhoAsked) {
  home_.router.interest.emplace_back("$JS.EVENT.ADVISORY.API");
  ApiRequest request = Request("$JS.API.INFO");

  AuditRequest(home_.env, request, "{}");
  request.client = R"({"id":7,"acc":"$G"})";
  AuditRequest(home_.env, request, "{}");
  request.account = kSystemAccount;
  AuditRequest(home_.env, request, "{}");

  ASSERT_EQ(home_.router.sent.size(), 3U);
  EXPECT_THAT(home_.router.sent[0].payload, HasSubstr(R"("client":{"acc":"$G"},"subject")"));
  EXPECT_THAT(home_.router.sent[1].payload, HasSubstr(R"("client":{"id":7,"acc":"$G"},"subject")"));
  EXPECT_THAT(home_.router.sent[2].payload, HasSubstr(R"("client":null,"subject")"));
}

TEST_F(AdvisoryTest, AMessageThatWasFoundIsNotAudited) {
  home_.router.interest.emplace_back("$JS.EVENT.ADVISORY.API");
  ApiRequest request = Request("$JS.API.STREAM.MSG.GET.S");

  AuditRequest(home_.env, request, R"({"type":"x","message":{}})");
  EXPECT_TRUE(home_.router.sent.empty());
  AuditRequest(home_.env, request, R"({"type":"x","error":{"code":404}})");
  EXPECT_EQ(home_.router.sent.size(), 1U);
}

}  // namespace
}  // namespace weir::jetstream

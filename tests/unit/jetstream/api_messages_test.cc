#include "jetstream/api_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kType = R"({"type":"io.nats.jetstream.api.v1.)";

class ApiMessagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.Boot();
    home_.CreateStream(R"("subjects":["a.*","b.>"])");
    home_.Ask("a.1", "hello");
    home_.Ask("a.2", "hello2");
    home_.Ask("b.2.3", "x");
    home_.Ask("a.1", "y", "NATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n");
  }

  std::string Get(std::string_view body) { return home_.Ask("$JS.API.STREAM.MSG.GET.S", body); }
  std::string Delete(std::string_view body) {
    return home_.Ask("$JS.API.STREAM.MSG.DELETE.S", body);
  }
  static std::string Message(std::string_view members) {
    return Cat(kType, R"(stream_msg_get_response","message":{)", members,
               R"(,"time":"2026-01-01T00:00:00Z"}})");
  }
  static std::string Error(std::string_view type, int code, int err_code, std::string_view text) {
    return Cat(kType, type, R"(","error":{"code":)", code, R"(,"err_code":)", err_code,
               R"(,"description":")", text, "\"}}");
  }
  static std::string GetError(int code, int err_code, std::string_view text) {
    return Error("stream_msg_get_response", code, err_code, text);
  }

  testing::JsHome home_;
};

TEST_F(ApiMessagesTest, AMessageIsFoundInEveryWay) {
  std::string newest = Message(
      R"("subject":"a.1","seq":4,"hdrs":"TkFUUy8xLjANCk5hdHMtTXNnLUlkOiAxDQoNCg==","data":"eQ==")");

  EXPECT_EQ(Get(R"({"seq":1})"), Message(R"("subject":"a.1","seq":1,"data":"aGVsbG8=")"));
  EXPECT_EQ(Get(R"({"last_by_subj":"a.1"})"), newest);
  EXPECT_EQ(Get(R"({"last_by_subj":"a.*"})"), newest);
  EXPECT_EQ(Get(R"({"next_by_subj":"b.>"})"),
            Message(R"("subject":"b.2.3","seq":3,"data":"eA==")"));
  EXPECT_EQ(Get(R"({"seq":2,"next_by_subj":"a.1"})"), newest);
  EXPECT_EQ(Get(R"({"seq":4,"no_hdr":true})"), Message(R"("subject":"a.1","seq":4,"data":"eQ==")"));
  EXPECT_EQ(Get(R"({"start_time":"2020-01-01T00:00:00Z"})"),
            Message(R"("subject":"a.1","seq":1,"data":"aGVsbG8=")"));
}

TEST_F(ApiMessagesTest, WhatIsMissingOrContradictoryIsRefused) {
  std::string bad = GetError(400, 10003, "bad request");

  EXPECT_EQ(Get(R"({"seq":99})"), GetError(404, 10037, "no message found"));
  EXPECT_EQ(Get(""), bad);
  EXPECT_EQ(Get("{}"), bad);
  EXPECT_EQ(Get(R"({"seq":1,"last_by_subj":"x"})"), bad);
  EXPECT_EQ(Get(R"({"batch":1,"seq":1})"), bad);
  EXPECT_EQ(Get(R"({"start_time":"2020-01-01T00:00:00Z","seq":1})"), bad);
}

TEST_F(ApiMessagesTest, AStagedMessageIsShownWhenItIsCommitted) {
  home_.commits.immediate = false;
  home_.Send("a.9", "", "staged");

  EXPECT_EQ(Get(R"({"seq":5})"), "(none)");
  home_.commits.CommitAll();

  auto answers = home_.router.PayloadsTo("_R_");
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_THAT(answers[0], HasSubstr(Base64Encode("staged")));
}

TEST_F(ApiMessagesTest, DeleteAnswersAsTheReference) {
  std::string type = "stream_msg_delete_response";

  EXPECT_EQ(Delete(R"({"seq":2})"), Cat(kType, type, R"(","success":true})"));
  EXPECT_EQ(Delete(R"({"seq":2})"), Error(type, 400, 10043, "sequence 2 not found"));
  EXPECT_EQ(Delete(R"({"seq":200})"), Error(type, 500, 10057, "stream store EOF"));
  EXPECT_EQ(Delete(R"({"seq":0})"), Error(type, 500, 10057, "no message found"));
  EXPECT_EQ(Delete(""), Error(type, 400, 10003, "bad request"));
  EXPECT_EQ(home_.stream().store().state().num_deleted, 1U);
}

TEST_F(ApiMessagesTest, DeleteMayBeDenied) {
  home_.CreateStream(R"("subjects":["k"],"deny_delete":true)", "K");
  home_.Ask("k", "x");

  EXPECT_EQ(home_.Ask("$JS.API.STREAM.MSG.DELETE.K", R"({"seq":1})"),
            Error("stream_msg_delete_response", 500, 10057, "message delete not permitted"));
}

TEST_F(ApiMessagesTest, AccountInfoCountsWhatThereIs) {
  testing::JsHome home;
  home.Boot();

  EXPECT_EQ(home.Ask("$JS.API.INFO"),
            R"({"type":"io.nats.jetstream.api.v1.account_info_response","memory":0,"storage":0,)"
            R"("reserved_memory":0,"reserved_storage":0,"streams":0,"consumers":0,"limits":)"
            R"({"max_memory":-1,"max_storage":-1,"max_streams":-1,"max_consumers":-1,)"
            R"("max_ack_pending":-1,"memory_max_stream_bytes":-1,"storage_max_stream_bytes":-1,)"
            R"("max_bytes_required":false},"api":{"level":5,"total":0,"errors":0}})");
  home.CreateStream(R"("max_bytes":5000)");
  home.Ask("S", "x");
  EXPECT_THAT(home.Ask("$JS.API.INFO"),
              HasSubstr(R"("storage":32,"reserved_memory":0,"reserved_storage":5000,"streams":1)"));
}

}  // namespace
}  // namespace weir::jetstream

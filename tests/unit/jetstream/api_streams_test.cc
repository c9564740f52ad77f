#include "jetstream/api_streams.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// What the reference answers (2.15.1), with times as the manual clock has them.
constexpr std::string_view kNow = "2026-01-01T00:00:00Z";

std::string Type(std::string_view type) {
  return Cat(R"({"type":"io.nats.jetstream.api.v1.)", type, "\"");
}
std::string Error(std::string_view type, int code, int err_code, std::string_view description,
                  std::string_view tail = {}) {
  return Cat(Type(type), R"(,"error":{"code":)", code, R"(,"err_code":)", err_code,
             R"(,"description":)", Quoted(description), "}", tail, "}");
}

std::string Config(std::string_view subjects, std::string_view metadata, int64_t max_msgs = -1) {
  return Cat(R"("config":{"name":"S1","subjects":)", subjects,
             R"(,"retention":"limits","max_consumers":-1,"max_msgs":)", max_msgs,
             R"(,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,)"
             R"("discard":"old","storage":"file","num_replicas":1,)"
             R"("duplicate_window":120000000000,"compression":"none","allow_direct":false,)"
             R"("mirror_direct":false,"sealed":false,"deny_delete":false,"deny_purge":false,)"
             R"("allow_rollup_hdrs":false,"consumer_limits":{},"allow_msg_ttl":false,)"
             R"("metadata":{)",
             metadata, R"(}},"created":")", kNow, "\"");
}
constexpr std::string_view kStamps =
    R"("_nats.level":"5","_nats.req.level":"0","_nats.ver":"2.15.1")";
constexpr std::string_view kEmptyState =
    R"(,"state":{"messages":0,"bytes":0,"first_seq":0,"first_ts":"0001-01-01T00:00:00Z",)"
    R"("last_seq":0,"last_ts":"0001-01-01T00:00:00Z","consumer_count":0})";

class ApiStreamsTest : public ::testing::Test {
 protected:
  void SetUp() override { home_.Boot(); }

  std::string Call(std::string_view verb, std::string_view body = {},
                   std::string_view headers = {}) {
    return home_.Ask(Cat("$JS.API.STREAM.", verb), body, headers);
  }
  std::string CreateS1() {
    return Call("CREATE.S1", R"({"name": "S1", "subjects": ["a.*", "b.>"]})");
  }
  std::string CreateError(std::string_view body, std::string_view name = "T") {
    return Call(Cat("CREATE.", name), body);
  }

  testing::JsHome home_;
};

TEST_F(ApiStreamsTest, CreateAnswersAsTheReference) {
  std::string answer =
      Cat(Type("stream_create_response"), ",", Config(R"(["a.*","b.\u003e"])", kStamps),
          kEmptyState, R"(,"ts":")", kNow, R"(","did_create":true})");

  EXPECT_EQ(CreateS1(), answer);
  EXPECT_EQ(CreateS1(), answer) << "the same configuration again";
  EXPECT_EQ(home_.meta.streams.size(), 1U);
}

TEST_F(ApiStreamsTest, InfoAnswersAsTheReference) {
  CreateS1();

  EXPECT_EQ(Call("INFO.S1"),
            Cat(Type("stream_info_response"), R"(,"total":0,"offset":0,"limit":0,)",
                Config(R"(["a.*","b.\u003e"])", kStamps), kEmptyState,
                R"(,"cluster":{"leader":"ref"},"ts":")", kNow, "\"}"));
}

TEST_F(ApiStreamsTest, InfoShowsSubjectsAndDeletes) {
  CreateS1();
  for (const char* subject : {"a.1", "a.2", "b.2.3", "a.1"}) {
    home_.Ask(subject, "x");
  }
  Call("MSG.DELETE.S1", R"({"seq":2})");

  std::string info = Call("INFO.S1", R"({"deleted_details":true,"subjects_filter":"a.>"})");

  EXPECT_THAT(info, HasSubstr(R"("total":1,"offset":0,"limit":100000,)"));
  EXPECT_THAT(info, HasSubstr(R"("num_subjects":2,"subjects":{"a.1":2},"num_deleted":1,)"
                              R"("deleted":[2],"consumer_count":0})"));
}

TEST_F(ApiStreamsTest, ListAndNamesArePaged) {
  CreateS1();
  home_.CreateStream(R"("subjects":["c"])", "S2");

  EXPECT_EQ(Call("NAMES"), Cat(Type("stream_names_response"),
                               R"(,"total":2,"offset":0,"limit":1024,"streams":["S1","S2"]})"));
  EXPECT_EQ(Call("NAMES", R"({"subject":"a.1"})"),
            Cat(Type("stream_names_response"),
                R"(,"total":1,"offset":0,"limit":1024,"streams":["S1"]})"));
  EXPECT_EQ(
      Call("NAMES", R"({"offset":100})"),
      Cat(Type("stream_names_response"), R"(,"total":2,"offset":2,"limit":1024,"streams":null})"));
  EXPECT_EQ(Call("LIST", R"({"subject":"b.1"})"),
            Cat(Type("stream_list_response"), R"(,"total":1,"offset":0,"limit":256,"streams":[{)",
                Config(R"(["a.*","b.\u003e"])", R"("_nats.req.level":"0")"), kEmptyState,
                R"(,"ts":")", kNow, "\"}]}"));
  EXPECT_EQ(
      Call("LIST", R"({"subject":"nope"})"),
      Cat(Type("stream_list_response"), R"(,"total":0,"offset":0,"limit":256,"streams":[]})"));
}

TEST_F(ApiStreamsTest, ErrorsOfCreateAreTheReferences) {
  CreateS1();
  const char* type = "stream_create_response";

  EXPECT_EQ(Call("CREATE.S1", R"({"name":"S1","subjects":["a.*"]})"),
            Error(type, 400, 10058, "stream name already in use with a different configuration"));
  EXPECT_EQ(CreateError(R"({"name":"T","subjects":["a.x"]})"),
            Error(type, 400, 10065, "subjects overlap with an existing stream"));
  EXPECT_EQ(CreateError(R"({"name":"X"})"),
            Error(type, 400, 10056, "stream name in subject does not match request"));
  EXPECT_EQ(CreateError(""),
            Error(type, 400, 10056, "stream name in subject does not match request"));
  EXPECT_EQ(CreateError(R"({"name":"T","foo":1})"),
            Error(type, 400, 10025, R"(invalid JSON: json: unknown field "foo")"));
  EXPECT_EQ(CreateError(R"({"name":"T","retention":"x"})"),
            Error(type, 400, 10025, R"(invalid JSON: can not unmarshal "\"x\"")"));
  EXPECT_EQ(CreateError(R"({"name":"a/b"})", "a/b"),
            Error(type, 400, 10128, "Stream name can not contain path separators"));
}

TEST_F(ApiStreamsTest, WhatIsNotImplementedIsRefused) {
  for (const char* member : {R"("mirror":{"name":"X"})", R"("sources":[{"name":"X"}])"}) {
    EXPECT_THAT(home_.CreateStream(member, "T"), HasSubstr("not supported by this server"))
        << member;
  }
  EXPECT_THAT(home_.meta.streams, IsEmpty());
}

TEST_F(ApiStreamsTest, ABucketIsTaken) {
  std::string answer = home_.CreateStream(
      R"("subjects":["$KV.b.>"],"max_msgs_per_subject":5,"discard":"new","allow_rollup_hdrs":true,)"
      R"("deny_delete":true,"allow_direct":true,"max_msg_size":-1,"num_replicas":1,)"
      R"("storage":"file","duplicate_window":120000000000,"max_bytes":-1)",
      "KV_b");

  EXPECT_THAT(answer, HasSubstr(R"("max_msgs_per_subject":5,"max_msg_size":-1,"discard":"new")"));
  EXPECT_THAT(answer, HasSubstr(R"("allow_direct":true,"mirror_direct":false,"sealed":false,)"
                                R"("deny_delete":true,"deny_purge":false,)"
                                R"("allow_rollup_hdrs":true)"));
}

TEST_F(ApiStreamsTest, TheFirstSequenceMayBeChosen) {
  EXPECT_THAT(home_.CreateStream(R"("first_seq":10)"),
              HasSubstr(R"("first_seq":10,"first_ts":"0001-01-01T00:00:00Z","last_seq":9)"));
  EXPECT_EQ(home_.Ask("S", "x"), R"({"stream":"S","seq":10})");
}

TEST_F(ApiStreamsTest, CreateIsAnsweredWhenItIsDurable) {
  home_.commits.immediate = false;
  home_.Send("$JS.API.STREAM.CREATE.S1", "r", R"({"name":"S1"})");
  home_.RunTurns();
  EXPECT_THAT(home_.router.sent, IsEmpty());

  home_.commits.CommitAll();
  home_.RunTurns();

  ASSERT_EQ(home_.router.sent.size(), 1U);
  EXPECT_THAT(home_.router.sent[0].payload, HasSubstr("did_create"));
  EXPECT_EQ(home_.commits.synced, 1U);
}

TEST_F(ApiStreamsTest, CreateWithoutAStoreFailsAndFreesTheName) {
  home_.stores.error = Unavailable("no room");

  EXPECT_EQ(CreateS1(), Error("stream_create_response", 500, 10049, "no room"));

  home_.stores.error = OkStatus();
  EXPECT_THAT(CreateS1(), HasSubstr("did_create"));
  EXPECT_EQ(home_.meta.streams.size(), 1U);
}

TEST_F(ApiStreamsTest, UpdateAppliesAndPersists) {
  CreateS1();

  EXPECT_EQ(Call("UPDATE.S1", R"({"name":"S1","subjects":["a.*"],"max_msgs":10})"),
            Cat(Type("stream_update_response"), ",", Config(R"(["a.*"])", kStamps, 10), kEmptyState,
                R"(,"ts":")", kNow, "\"}"));
  EXPECT_FALSE(home_.router.subscribes("b.>"));
  EXPECT_THAT(home_.meta.streams.begin()->second.config, HasSubstr(R"("max_msgs":10)"));
  EXPECT_THAT(CreateS1(), HasSubstr("10058"));
}

TEST_F(ApiStreamsTest, UpdateTrimsToTheNewLimit) {
  CreateS1();
  for (int i = 0; i < 5; ++i) {
    home_.Ask("a.1", "x");
  }

  Call("UPDATE.S1", R"({"name":"S1","subjects":["a.*"],"max_msgs":2})");

  EXPECT_EQ(home_.stream("S1").store().state().messages, 2U);
}

TEST_F(ApiStreamsTest, ErrorsOfUpdateAreTheReferences) {
  CreateS1();
  home_.CreateStream(R"("subjects":["c"])", "S2");
  const char* type = "stream_update_response";

  EXPECT_EQ(Call("UPDATE.NO", R"({"name":"NO"})"), Error(type, 404, 10059, "stream not found"));
  EXPECT_EQ(Call("UPDATE.S1", R"({"name":"S1","storage":"memory"})"),
            Error(type, 500, 10052, "stream configuration update can not change storage type"));
  EXPECT_EQ(Call("UPDATE.S1", R"({"name":"S1","retention":"workqueue"})"),
            Error(type, 500, 10052,
                  "stream configuration update can not change retention policy to/from workqueue"));
  EXPECT_EQ(Call("UPDATE.S1", R"({"name":"S1","subjects":["c"]})"),
            Error(type, 400, 10065, "subjects overlap with an existing stream"));
}

TEST_F(ApiStreamsTest, ASealedStreamTakesNothing) {
  CreateS1();

  EXPECT_THAT(Call("UPDATE.S1", R"({"name":"S1","sealed":true})"),
              HasSubstr(R"("sealed":true,"deny_delete":true,"deny_purge":true)"));

  EXPECT_THAT(home_.Ask("S1", "x"), HasSubstr("10109"));
  EXPECT_EQ(Call("PURGE.S1"), Error("stream_purge_response", 400, 10109,
                                    "invalid operation on sealed stream", R"(,"purged":0)"));
}

TEST_F(ApiStreamsTest, DeleteRemovesEverything) {
  CreateS1();
  home_.Ask("a.1", "x");

  EXPECT_EQ(Call("DELETE.S1", R"({"x":1})"),
            Error("stream_delete_response", 400, 10038, "expected an empty request payload"));
  EXPECT_EQ(Call("DELETE.S1"), Cat(Type("stream_delete_response"), R"(,"success":true})"));

  EXPECT_EQ(Call("DELETE.S1"), Error("stream_delete_response", 404, 10059, "stream not found"));
  EXPECT_EQ(Call("INFO.S1"), Error("stream_info_response", 404, 10059, "stream not found",
                                   R"(,"total":0,"offset":0,"limit":0)"));
  EXPECT_FALSE(home_.router.subscribes("a.*"));
  EXPECT_THAT(home_.meta.streams, IsEmpty());
  EXPECT_EQ(home_.js->catalog().usage(kGlobalAccount).storage.load(), 0);
  EXPECT_THAT(CreateS1(), HasSubstr(R"("messages":0)"));
}

TEST_F(ApiStreamsTest, PurgeKeepsWhatItIsAskedToKeep) {
  CreateS1();
  for (const char* subject : {"a.1", "a.2", "a.1", "a.2"}) {
    home_.Ask(subject, "x");
  }
  auto purged = [](int count) {
    return Cat(Type("stream_purge_response"), R"(,"success":true,"purged":)", count, "}");
  };

  EXPECT_EQ(Call("PURGE.S1", R"({"filter":"a.1","keep":1})"), purged(1));
  EXPECT_EQ(Call("PURGE.S1", R"({"seq":1})"), purged(0));
  EXPECT_EQ(Call("PURGE.S1", R"({"seq":3})"), purged(1));
  EXPECT_EQ(Call("PURGE.S1", R"({"seq":3,"keep":1})"),
            Error("stream_purge_response", 400, 10003, "bad request", R"(,"purged":0)"));
  EXPECT_EQ(Call("PURGE.S1"), purged(2));
  EXPECT_EQ(home_.Ask("a.1", "x"), R"({"stream":"S1","seq":5})");
}

TEST_F(ApiStreamsTest, ARequestForANewerServerIsRefused) {
  CreateS1();

  EXPECT_EQ(Call("INFO.S1", "", "NATS/1.0\r\nNats-Required-Api-Level: 9\r\n\r\n"),
            Error("stream_info_response", 412, 10185, "JetStream minimum api level required",
                  R"(,"total":0,"offset":0,"limit":0)"));
}

TEST_F(ApiStreamsTest, UnknownRequestsGetNoAnswer) {
  EXPECT_EQ(home_.Ask("$JS.API.FOO"), "(none)");
  EXPECT_EQ(Call("TEMPLATE.NAMES"), "(none)");
  EXPECT_EQ(Call("LEADER.STEPDOWN.S1"), Error("stream_leader_stepdown_response", 503, 10010,
                                              "JetStream clustering support required"));
}

TEST_F(ApiStreamsTest, ADomainPrefixIsUnderstood) {
  testing::JsHome home;
  home.options.domain = "hub";
  home.Boot();
  home.CreateStream(R"("subjects":["a"])");

  EXPECT_THAT(home.Ask("$JS.hub.API.STREAM.INFO.S"), HasSubstr(R"("domain":"hub")"));
  EXPECT_THAT(home.Ask("$JS.hub.API.INFO"), HasSubstr(R"("domain":"hub","api")"));
}

TEST_F(ApiStreamsTest, AdvisoriesGoOutOnlyWhenSomebodyListens) {
  CreateS1();
  home_.router.interest.emplace_back("$JS.EVENT.ADVISORY.STREAM.>");

  home_.Send("$JS.API.STREAM.DELETE.S1", "r");
  home_.RunTurns();

  auto advisories = home_.router.PayloadsTo("$JS.EVENT.ADVISORY.STREAM.DELETED.S1");
  ASSERT_EQ(advisories.size(), 1U);
  EXPECT_THAT(advisories[0], HasSubstr(R"("stream":"S1","action":"delete")"));
}

TEST_F(ApiStreamsTest, MaxStreamsOfTheAccountIsKept) {
  home_.accounts.entries[0].limits->max_streams = 1;
  CreateS1();

  EXPECT_EQ(CreateError(R"({"name":"T"})"),
            Error("stream_create_response", 400, 10027, "maximum number of streams reached"));
}

TEST_F(ApiStreamsTest, ReservationsMustFit) {
  home_.options.max_file_store = 1000;

  EXPECT_THAT(home_.CreateStream(R"("max_bytes":600)", "A"), HasSubstr("did_create"));
  EXPECT_THAT(home_.CreateStream(R"("max_bytes":600)", "B"), HasSubstr("10047"));
  EXPECT_THAT(home_.CreateStream(R"("max_bytes":400)", "B"), Not(HasSubstr("error")));
}

}  // namespace
}  // namespace weir::jetstream

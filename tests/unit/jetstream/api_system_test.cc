#include "jetstream/api_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kNotEnabled =
    R"("error":{"code":503,"err_code":10039,"description":"JetStream not enabled for account"}})";

class ApiSystemTest : public ::testing::Test {
 protected:
  ApiSystemTest() { home_.Boot(); }

  std::vector<std::string> AskAsSystem(std::string_view subject) {
    home_.router.Inject({kSystemAccount, subject, "_R_", {}, {}});
    home_.RunTurns();
    auto answers = home_.router.PayloadsTo("_R_");
    home_.router.Take();
    return answers;
  }

  testing::JsHome home_;
};

TEST_F(ApiSystemTest, AnyRequestIsToldThatThereIsNoJetStreamHere) {
  for (auto subject : {"$JS.API.STREAM.INFO.S", "$JS.API.FOO.BAR", "$JS.API.STREAM.CREATE.S",
                       "$JS.API.CONSUMER.MSG.NEXT.S.c"}) {
    EXPECT_THAT(
        AskAsSystem(subject),
        ElementsAre(Cat(R"({"type":"io.nats.jetstream.api.v1.system_response",)", kNotEnabled)));
  }
}

TEST_F(ApiSystemTest, TheAccountsInfoKeepsItsType) {
  EXPECT_THAT(AskAsSystem("$JS.API.INFO"),
              ElementsAre(Cat(R"({"type":"io.nats.jetstream.api.v1.account_info_response",)",
                              kNotEnabled)));
}

TEST_F(ApiSystemTest, WhatOnlyClustersDoIsNotAnswered) {
  EXPECT_THAT(AskAsSystem("$JS.API.META.LEADER.STEPDOWN"), IsEmpty());
  EXPECT_THAT(AskAsSystem("$JS.API.SERVER.REMOVE"), IsEmpty());
  EXPECT_THAT(AskAsSystem("$JS.API.ACCOUNT.STREAM.MOVE.$G.S"), IsEmpty());
}

TEST_F(ApiSystemTest, PurgingAnAccountDeletesItsStreams) {
  home_.CreateStream(R"("subjects":["a"])", "A");
  home_.CreateStream(R"("subjects":["b"],"storage":"memory")", "B");

  EXPECT_THAT(AskAsSystem("$JS.API.ACCOUNT.PURGE.$G"),
              ElementsAre(R"({"type":"io.nats.jetstream.api.v1.account_purge_response",)"
                          R"("initiated":true})"));

  EXPECT_THAT(home_.Ask("$JS.API.STREAM.NAMES"), HasSubstr(R"("total":0)"));
}

TEST_F(ApiSystemTest, PurgingAnUnknownAccountDoesNothing) {
  home_.CreateStream(R"("subjects":["a"])", "A");

  EXPECT_THAT(AskAsSystem("$JS.API.ACCOUNT.PURGE.NOBODY"),
              ElementsAre(HasSubstr(R"("initiated":true)")));

  EXPECT_THAT(home_.Ask("$JS.API.STREAM.NAMES"), HasSubstr(R"("total":1)"));
}

// An account without JetStream, beside the system account.
TEST_F(ApiSystemTest, AnAccountWithoutJetStreamGetsTheErrorInTheAnswerThatItAskedFor) {
  home_.accounts.entries[2] = {"B", {}};
  home_.js->AccountsChanged();
  home_.RunTurns();
  auto ask = [this](std::string_view subject) {
    home_.router.Inject({AccountId(2), subject, "_R_", {}, {}});
    home_.RunTurns();
    auto answers = home_.router.PayloadsTo("_R_");
    home_.router.Take();
    return answers;
  };

  EXPECT_THAT(
      ask("$JS.API.STREAM.NAMES"),
      ElementsAre(
          R"({"type":"io.nats.jetstream.api.v1.stream_names_response","error":{"code":503,)"
          R"("err_code":10039,"description":"JetStream not enabled for account"},"total":0,)"
          R"("offset":0,"limit":0,"streams":null})"));
  EXPECT_THAT(ask("$JS.API.INFO"),
              ElementsAre(StartsWith(R"({"type":"io.nats.jetstream.api.v1.account_info_resp)")));
  EXPECT_THAT(ask("$JS.API.STREAM.LEADER.STEPDOWN.S"), ElementsAre(HasSubstr("10010")));
  EXPECT_THAT(ask("$JS.API.FOO"), IsEmpty());
}

}  // namespace
}  // namespace weir::jetstream

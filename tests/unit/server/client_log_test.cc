#include "server/client_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;

protocol::ConnectOptions Bob() {
  protocol::ConnectOptions options;
  options.version = "1.40";
  options.lang = "go";
  options.name = "n \"1\"";
  options.user = "bob";
  return options;
}

TEST(ClientLogTest, ClientIsNamedByProgramAndUser) {
  EXPECT_EQ(ClientLabel(Bob(), "A"), R"("v1.40:go:n \"1\"" - "A/user:bob" - )");
}

TEST(ClientLogTest, PartsThatWereNotGivenAreLeftOut) {
  protocol::ConnectOptions options;
  EXPECT_EQ(ClientLabel(options, "$G"), "");
  options.name = "n";
  EXPECT_EQ(ClientLabel(options, "$G"), R"("n" - )");
  options.auth_token = "secret";
  EXPECT_EQ(ClientLabel(options, "$G"), R"("n" - "$G/token" - )");
  options.name = "";
  EXPECT_EQ(ClientLabel(options, "$G"), R"("$G/token" - )");
}

TEST(ClientLogTest, AuthenticationErrorNamesNoSecret) {
  protocol::ConnectOptions options;
  EXPECT_EQ(AuthenticationErrorText(options), "authentication error");
  options.auth_token = "secret";
  EXPECT_EQ(AuthenticationErrorText(options), R"(authentication error - Token "[REDACTED]")");
  EXPECT_EQ(AuthenticationErrorText(Bob()), R"(authentication error - User "bob")");
}

TEST(ClientLogTest, OperationsAreTracedWithTheirPayload) {
  EXPECT_THAT(TraceOperation("PING\r\n", {}), ElementsAre("<<- [PING]"));
  EXPECT_THAT(TraceOperation("sub foo  q 1\r\n", {}), ElementsAre("<<- [SUB foo  q 1]"));
  EXPECT_THAT(TraceOperation("PUB foo 5\r\nhello\r\n", {}),
              ElementsAre("<<- [PUB foo 5]", R"(<<- MSG_PAYLOAD: ["hello"])"));
  EXPECT_THAT(TraceOperation("PUB foo 0\r\n\r\n", {}), ElementsAre("<<- [PUB foo 0]"));
  EXPECT_THAT(TraceOperation("HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", {}),
              ElementsAre("<<- [HPUB foo 12 14]", R"(<<- MSG_PAYLOAD: ["NATS/1.0\r\n\r\nhi"])"));
}

TEST(ClientLogTest, PasswordsAndTokensAreNotTraced) {
  EXPECT_THAT(
      TraceOperation(R"(CONNECT {"user": "a","pass" : "s\"e","auth_token":"t","x":1})"
                     "\r\n",
                     {}),
      ElementsAre(
          R"(<<- [CONNECT {"user": "a","pass" : "[REDACTED]","auth_token":"[REDACTED]","x":1}])"));
  EXPECT_THAT(TraceOperation("CONNECT {\"pass\": \"open\r\n", {}),
              ElementsAre("<<- [CONNECT {\"pass\": \"[REDACTED]]"));
}

TEST(ClientLogTest, LongPayloadsAreCutAndHeadersMayStandAlone) {
  LogOptions shorter;
  shorter.max_traced_msg_len = 3;
  EXPECT_THAT(TraceOperation("PUB foo 5\r\nhello\r\n", shorter),
              ElementsAre("<<- [PUB foo 5]", R"(<<- MSG_PAYLOAD: ["hel..."])"));
  LogOptions headers;
  headers.trace_headers = true;
  EXPECT_THAT(TraceOperation("PUB foo 5\r\nhello\r\n", headers), ElementsAre("<<- [PUB foo 5]"));
  EXPECT_THAT(TraceMessage({.subject = "s",
                            .sid = "1",
                            .reply = {},
                            .headers = "NATS/1.0\r\nA: b\r\n\r\n",
                            .payload = "x"},
                           headers),
              ElementsAre("->> [HMSG s 1 18 19]", R"(->> MSG_PAYLOAD: ["NATS/1.0\r\nA: b\r\n"])"));
}

TEST(ClientLogTest, MessagesAreTracedAsTheyAreSent) {
  EXPECT_THAT(
      TraceMessage({.subject = "foo", .sid = "7", .reply = "r", .headers = {}, .payload = "hello"},
                   {}),
      ElementsAre("->> [MSG foo 7 r 5]", R"(->> MSG_PAYLOAD: ["hello"])"));
}

}  // namespace
}  // namespace weir::server

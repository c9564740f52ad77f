#include "protocol/handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/json.h"

namespace weir::protocol {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::StartsWith;

std::vector<std::string> Keys(const std::string& line) {
  EXPECT_THAT(line, StartsWith("INFO {"));
  EXPECT_THAT(line, EndsWith("} \r\n"));
  auto value = ParseJson(std::string_view(line).substr(5));
  std::vector<std::string> keys;
  for (const auto& field : value->as_object()) {
    keys.emplace_back(field.key().data(), field.key().size());
  }
  return keys;
}

TEST(InfoLineTest, OptionalFieldsAreLeftOut) {
  ServerInfo info;
  info.server_id = "N1";
  info.server_name = "n";
  info.version = "2.15.2";
  info.host = "0.0.0.0";
  info.port = 4222;
  EXPECT_THAT(Keys(InfoLine(info)),
              ElementsAre("server_id", "server_name", "version", "proto", "go", "host", "port",
                          "headers", "max_payload", "api_lvl"));
}

// The order of protocol.md 4.1; our own field comes last.
TEST(InfoLineTest, FieldsComeInTheOrderOfTheReference) {
  ServerInfo info;
  info.auth_required = info.tls_required = info.tls_verify = info.tls_available = true;
  info.jetstream = info.lame_duck = info.connect_info = info.account_is_system = true;
  info.client_id = 5;
  info.client_ip = "127.0.0.1";
  info.nonce = "abc";
  info.cluster = "c";
  info.domain = "d";
  info.connect_urls = {"a:1", "b:2"};
  info.remote_account = "A";
  info.xkey = "X1";
  info.git_commit = "abc1234";
  info.weir_version = "0.1.0";
  EXPECT_THAT(Keys(InfoLine(info)),
              ElementsAre("server_id", "server_name", "version", "proto", "git_commit", "go",
                          "host", "port", "headers", "auth_required", "tls_required", "tls_verify",
                          "tls_available", "max_payload", "jetstream", "client_id", "client_ip",
                          "nonce", "cluster", "domain", "connect_urls", "ldm", "connect_info",
                          "remote_account", "acc_is_sys", "api_lvl", "xkey", "weir"));
}

TEST(ReadConnectTest, DefaultsAreVerbosePedanticAndEcho) {
  ConnectOptions options;
  ASSERT_TRUE(ReadConnect("{}", options).ok());
  EXPECT_TRUE(options.verbose);
  EXPECT_TRUE(options.pedantic);
  EXPECT_TRUE(options.echo);
  EXPECT_FALSE(options.headers);
  EXPECT_FALSE(options.no_responders);
  EXPECT_EQ(options.protocol, 0);
}

TEST(ReadConnectTest, EveryField) {
  ConnectOptions o;
  ASSERT_TRUE(ReadConnect(R"({"verbose":false,"pedantic":false,"echo":false,"tls_required":true,
      "nkey":"n","jwt":"j","sig":"s","auth_token":"t","user":"u","pass":"p","name":"N","lang":"go",
      "version":"1.2","protocol":1,"account":"A","new_account":true,"headers":true,
      "no_responders":true,"something":[{}]})",
                          o)
                  .ok());
  EXPECT_FALSE(o.verbose || o.pedantic || o.echo);
  EXPECT_TRUE(o.tls_required && o.new_account && o.headers && o.no_responders);
  EXPECT_EQ(o.nkey + o.jwt + o.sig + o.auth_token + o.user + o.pass, "njstup");
  EXPECT_EQ(o.name + "/" + o.lang + "/" + o.version + "/" + o.account, "N/go/1.2/A");
  EXPECT_EQ(o.protocol, 1);
}

TEST(ReadConnectTest, TheSecondIsReadOverTheFirst) {
  ConnectOptions options;
  ASSERT_TRUE(ReadConnect(R"({"verbose":false,"name":"one","user":"u"})", options).ok());
  ASSERT_TRUE(ReadConnect(R"({"name":"two","echo":false})", options).ok());
  EXPECT_FALSE(options.verbose);
  EXPECT_FALSE(options.echo);
  EXPECT_EQ(options.name, "two");
  EXPECT_EQ(options.user, "u");
}

TEST(ReadConnectTest, NullChangesNothing) {
  ConnectOptions options;
  options.name = "kept";
  EXPECT_TRUE(ReadConnect("null", options).ok());
  EXPECT_TRUE(ReadConnect(R"({"name":null})", options).ok());
  EXPECT_EQ(options.name, "kept");
}

TEST(CheckInfoTest, FieldsMustBeOfTheirTypes) {
  EXPECT_TRUE(CheckInfo("null").ok());
  EXPECT_TRUE(CheckInfo(R"({"server_id":"N","max_payload":5,"connect_urls":["a:1"],"x":{}})").ok());
  for (std::string_view json :
       {"[]", "{", R"({"server_id":1})", R"({"port":"4222"})", R"({"headers":0})",
        R"({"connect_urls":[1]})", R"({"import":{"allow":"a"}})"}) {
    EXPECT_FALSE(CheckInfo(json).ok()) << json;
  }
}

TEST(ReadConnectTest, RefusesWhatIsNoObjectOfTheseTypes) {
  for (std::string_view wrong : {"", " ", "{", "[]", "1", "{} x", R"({"verbose":"no"})",
                                 R"({"protocol":1.5})", R"({"user":1})", R"({"protocol":"1"})"}) {
    ConnectOptions options;
    EXPECT_FALSE(ReadConnect(wrong, options).ok()) << wrong;
  }
}

}  // namespace
}  // namespace weir::protocol

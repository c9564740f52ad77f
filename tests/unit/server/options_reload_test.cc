#include "server/options_reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/read_options.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Options Read(std::string_view text) {
  auto read = tests::ReadOptions(text);
  EXPECT_THAT(read.errors, IsEmpty());
  ApplyDefaults(read.options);
  return read.options;
}

// Every change but the two that are always there.
std::vector<std::string> Changes(std::string_view running, std::string_view fresh) {
  auto compared = CompareOptions(Read(running), Read(fresh));
  if (!compared.ok()) {
    return {std::string(Message(compared.status()))};
  }
  std::vector<std::string> texts;
  for (const auto& change : *compared) {
    texts.push_back(change.text);
  }
  std::erase(texts, "authorization users");
  std::erase(texts, "accounts");
  return texts;
}

TEST(OptionsReloadTest, NothingChanged) {
  EXPECT_THAT(Changes("port: 4222\nmax_payload: 5", "port: 4222\nmax_payload: 5"), IsEmpty());
}

TEST(OptionsReloadTest, LimitsChangeWhileRunning) {
  EXPECT_THAT(Changes("",
                      "max_payload: 5\nmax_connections: 7\nping_interval: 20s\nping_max: 1\n"
                      "write_deadline: 5s\nmax_control_line: 512"),
              ElementsAre("max_connections = 7", "ping_interval = 20s", "ping_max = 1",
                          "max_control_line = 512", "max_payload = 5", "write_deadline = 5s"));
}

TEST(OptionsReloadTest, LogChanges) {
  EXPECT_THAT(Changes("debug: true", "trace: true\nlogtime: false\nlog_file: /x"),
              ElementsAre("trace = true", "debug = false", "logtime = false", "log_file = /x"));
}

TEST(OptionsReloadTest, UsersAndAccountsAlwaysCountAsChanged) {
  auto compared = CompareOptions(Read("debug: true"), Read(""));

  ASSERT_TRUE(compared.ok());
  ASSERT_EQ(compared->size(), 3U);
  EXPECT_EQ((*compared)[0].text, "debug = false");
  EXPECT_EQ((*compared)[1].text, "authorization users");
  EXPECT_EQ((*compared)[2].text, "accounts");
}

TEST(OptionsReloadTest, TheSingleUserAndTheToken) {
  EXPECT_THAT(Changes("authorization { user: a, password: b }", "authorization { user: c }"),
              ElementsAre("authorization username", "authorization password"));
  EXPECT_THAT(Changes("", "authorization { token: t, timeout: 5 }"),
              ElementsAre("authorization token", "authorization timeout = 5"));
}

TEST(OptionsReloadTest, WhatNeedsARestartIsRefusedAndNothingElseIsTold) {
  EXPECT_THAT(Changes("port: 1", "port: 2\nmax_payload: 5"),
              ElementsAre("config reload not supported for Port: old=1, new=2"));
  EXPECT_THAT(Changes("jetstream { domain: D }", "jetstream { domain: D2 }"),
              ElementsAre("config reload not supported for JetStreamDomain: old=D, new=D2"));
  EXPECT_THAT(Changes("", "lame_duck_duration: 40s"),
              ElementsAre("config reload not supported for LameDuckDuration: old=2m0s, new=40s"));
  EXPECT_THAT(Changes("", "max_pending: 70000000"),
              ElementsAre("config reload not supported for MaxPending: old=67108864, "
                          "new=70000000"));
}

TEST(OptionsReloadTest, TlsIsAlwaysTakenAnew) {
  const char* tls = "tls { timeout: 0.5 }";
  EXPECT_THAT(Changes(tls, tls), ElementsAre("tls = enabled"));
  EXPECT_THAT(Changes(tls, "tls { timeout: 3, handshake_first: 300ms }"),
              ElementsAre("authorization timeout = 4", "tls timeout = 3", "tls = enabled",
                          "Client TLS handshake first: true",
                          "Client TLS handshake first fallback delay: 300ms"));
}

TEST(OptionsReloadTest, ARandomPortStaysTheOneInUse) {
  EXPECT_THAT(Changes("port: 5555", "port: -1"), IsEmpty());
}

TEST(OptionsReloadTest, JetStreamMayGrow) {
  EXPECT_THAT(
      Changes("jetstream { max_mem: 1GB, max_file: 2GB }",
              "jetstream { max_mem: 2GB, max_file: 5GB }"),
      ElementsAre("JetStream max_mem_store = 2.00 GB", "JetStream max_file_store = 5.00 GB"));
  EXPECT_THAT(Changes("jetstream { limits { max_ack_pending: 5 } }",
                      "jetstream { limits { max_ack_pending: 6 } }"),
              ElementsAre("JetStream limits"));
}

TEST(OptionsReloadTest, JetStreamMayNotShrinkOrMove) {
  EXPECT_THAT(Changes("jetstream { max_mem: 2GB }", "jetstream { max_mem: 1GB }"),
              ElementsAre("config reload not supported for decreasing jetstream max memory and "
                          "store"));
  EXPECT_THAT(Changes("jetstream {}", "jetstream { max_mem: 1GB }"),
              ElementsAre("config reload not supported for jetstream dynamic max memory and "
                          "store"));
  EXPECT_THAT(Changes("jetstream { store_dir: /x }", "jetstream { store_dir: /y }"),
              ElementsAre("config reload not supported for jetstream storage directory"));
}

TEST(OptionsReloadTest, JetStreamMayEndAndBegin) {
  constexpr std::string_view kOn = "jetstream { store_dir: /x, max_mem: 1GB, sync_interval: 120s }";
  EXPECT_THAT(Changes("", std::string(kOn)), ElementsAre("JetStream"));
  EXPECT_THAT(Changes(std::string(kOn), ""), ElementsAre("JetStream"));
  EXPECT_THAT(Changes(std::string(kOn), "jetstream { enabled: false, store_dir: /x }"),
              ElementsAre("JetStream"));
}

TEST(OptionsReloadTest, SecretsAreNotShown) {
  EXPECT_THAT(Changes("jetstream { key: a }", "jetstream { key: b }"),
              ElementsAre("config reload not supported for JetStreamKey"));
}

TEST(OptionsReloadTest, NoAuthUserMayOnlyGoWithItsUser) {
  EXPECT_THAT(Changes("authorization { users: [ { user: a }, { user: b } ] }\nno_auth_user: a",
                      "authorization { users: [ { user: a } ] }"),
              ElementsAre("config reload not supported for NoAuthUser: old=a, new="));
  EXPECT_THAT(Changes("authorization { users: [ { user: a }, { user: b } ] }\nno_auth_user: a",
                      "authorization { users: [ { user: b } ] }"),
              IsEmpty());
}

TEST(OptionsReloadTest, FilesTagsAndExports) {
  EXPECT_THAT(Changes("",
                      "pid_file: /p\nports_file_dir: /d\nserver_tags: a\n"
                      "server_metadata { a: b }\nexports { e { stream: S } }"),
              ElementsAre("pid_file = /p", "ports_file_dir = /d", "tags", "metadata", "exports"));
}

}  // namespace
}  // namespace weir::server

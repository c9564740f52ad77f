#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/read_options.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(OptionsAccountsTest, UsersBelongToTheirAccount) {
  auto options = tests::ReadOptions(R"(
    accounts {
      A { users: [ { user: a, password: b } ] }
      B { users: [ { user: c } ], jetstream: enabled }
    })")
                     .options;

  ASSERT_THAT(options.accounts, SizeIs(2));
  EXPECT_FALSE(options.accounts[0].jetstream);
  EXPECT_TRUE(options.accounts[1].jetstream);
  ASSERT_THAT(options.auth.users, SizeIs(2));
  EXPECT_EQ(options.auth.users[0].account, "A");
  EXPECT_EQ(options.auth.users[1].account, "B");
}

TEST(OptionsAccountsTest, NamesAlone) {
  auto options = tests::ReadOptions("accounts: [ A, B ]").options;

  ASSERT_THAT(options.accounts, SizeIs(2));
  EXPECT_EQ(options.accounts[1].name, "B");
}

TEST(OptionsAccountsTest, JetStreamLimits) {
  auto options =
      tests::ReadOptions(
          "accounts { A { jetstream { max_mem: 1G, store: 2GB, streams: 3, max_bytes: true } } }")
          .options;

  const auto& account = options.accounts.at(0);
  EXPECT_TRUE(account.jetstream);
  EXPECT_EQ(account.jetstream_limits.max_memory, 1'000'000'000);
  EXPECT_EQ(account.jetstream_limits.max_store, int64_t{2} << 30);
  EXPECT_EQ(account.jetstream_limits.max_streams, 3);
  EXPECT_EQ(account.jetstream_limits.max_consumers, -1);
  EXPECT_TRUE(account.jetstream_limits.max_bytes_required);
}

TEST(OptionsAccountsTest, LimitsOfConnections) {
  auto account = tests::ReadOptions("accounts { A { limits { max_conn: 1, max_pay: 3 } } }")
                     .options.accounts.at(0);

  EXPECT_EQ(account.limits.max_connections, 1);
  EXPECT_EQ(account.limits.max_payload, 3);
  EXPECT_EQ(account.limits.max_subscriptions, -1);
}

TEST(OptionsAccountsTest, DefaultPermissionsReachUsersWithoutTheirOwn) {
  auto options =
      tests::ReadOptions(
          "accounts { A { users: [ { user: a } ], default_permissions { publish: x } } }")
          .options;

  EXPECT_THAT(options.auth.users.at(0).permissions->publish.allow, ElementsAre("x"));
}

TEST(OptionsAccountsTest, AccountsAndASingleUserExcludeEachOther) {
  EXPECT_THAT(
      tests::ReadOptions("authorization { user: a }\naccounts { A { users: [ {user: b} ] } }")
          .errors,
      ElementsAre("f:2:16: Can not have a single user/pass and accounts"));
  EXPECT_THAT(
      tests::ReadOptions("accounts { A { users: [ {user: b} ] } }\nauthorization { user: a }")
          .errors,
      ElementsAre("f:2:1: Can not have a single user/pass and a users array"));
}

TEST(OptionsAccountsTest, AUserOfTwoAccountsIsAnError) {
  EXPECT_THAT(
      tests::ReadOptions("accounts {\n A { users: [ {user: a} ] }\n B { users: [ {user: a} ] }\n}")
          .errors,
      ElementsAre("f:3:6: Duplicate user \"a\" detected"));
}

TEST(OptionsAccountsTest, TraceDestinationAndSampling) {
  auto account = tests::ReadOptions("accounts { A { msg_trace { dest: t, sampling: \"25%\" } } }")
                     .options.accounts.at(0);

  EXPECT_EQ(account.trace_destination, "t");
  EXPECT_EQ(account.trace_sampling, 25);
}

TEST(OptionsAccountsTest, ImportsAndExportsAreRefused) {
  EXPECT_THAT(tests::ReadOptions("accounts { A { imports: [] }, B { exports: [] } }").refused,
              ElementsAre("f:1:15: imports of accounts", "f:1:34: exports of accounts"));
}

}  // namespace
}  // namespace weir::server

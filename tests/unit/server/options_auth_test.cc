#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/read_options.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(OptionsAuthTest, SingleUser) {
  auto auth =
      tests::ReadOptions("authorization { user: a, password: b, timeout: 1.5 }").options.auth;

  EXPECT_EQ(auth.username, "a");
  EXPECT_EQ(auth.password, "b");
  EXPECT_EQ(auth.timeout_ns, 1'500'000'000);
  EXPECT_TRUE(auth.configured());
}

TEST(OptionsAuthTest, NothingConfiguredLetsEverybodyIn) {
  EXPECT_FALSE(tests::ReadOptions("authorization {}").options.auth.configured());
}

TEST(OptionsAuthTest, UsersWithPermissions) {
  auto auth = tests::ReadOptions(R"(
    authorization {
      users: [
        { user: a, password: x, permissions: { publish: "p", subscribe: [ "s.>", "t q" ] } }
        { user: b, permissions: { publish: { deny: "d" }, allow_responses: { max: 3 } } }
        { user: c }
      ]
    })")
                  .options.auth;

  ASSERT_THAT(auth.users, SizeIs(3));
  const auto& first = *auth.users[0].permissions;
  EXPECT_TRUE(first.publish.restricted);
  EXPECT_THAT(first.publish.allow, ElementsAre("p"));
  EXPECT_THAT(first.subscribe.allow, ElementsAre("s.>", "t q"));
  EXPECT_FALSE(first.responses.enabled);
  const auto& second = *auth.users[1].permissions;
  EXPECT_THAT(second.publish.deny, ElementsAre("d"));
  EXPECT_TRUE(second.responses.enabled);
  EXPECT_EQ(second.responses.max_messages, 3);
  EXPECT_EQ(second.responses.expires_ns, 120 * kSecondNs);
  EXPECT_FALSE(auth.users[2].permissions);
}

TEST(OptionsAuthTest, DenyAloneRestrictsNothingElse) {
  auto auth = tests::ReadOptions(
                  "authorization { users: [ { user: a, permissions: { publish: { deny: d } } } ] }")
                  .options.auth;

  EXPECT_FALSE(auth.users.at(0).permissions->publish.restricted);
}

TEST(OptionsAuthTest, WhoMayAnswerMayPublishNothingElse) {
  auto auth =
      tests::ReadOptions(
          "authorization { users: [ { user: a, permissions: { allow_responses: true } } ] }")
          .options.auth;

  const auto& permissions = *auth.users.at(0).permissions;
  EXPECT_TRUE(permissions.publish.restricted);
  EXPECT_THAT(permissions.publish.allow, IsEmpty());
  EXPECT_EQ(permissions.responses.max_messages, 1);
}

TEST(OptionsAuthTest, DefaultPermissionsAreForUsersWithoutTheirOwn) {
  auto auth = tests::ReadOptions(R"(
    authorization {
      users: [ { user: a }, { user: b, permissions: { publish: x } } ]
      default_permissions: { publish: y }
    })")
                  .options.auth;

  EXPECT_THAT(auth.users.at(0).permissions->publish.allow, ElementsAre("y"));
  EXPECT_THAT(auth.users.at(1).permissions->publish.allow, ElementsAre("x"));
}

TEST(OptionsAuthTest, NkeyUsersAreNamedAfterTheirKey) {
  const std::string key = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
  auto auth = tests::ReadOptions("authorization { users: [ { nkey: " + key + " } ] }").options.auth;

  ASSERT_THAT(auth.users, SizeIs(1));
  EXPECT_TRUE(auth.users[0].is_nkey);
  EXPECT_EQ(auth.users[0].name, key);
}

TEST(OptionsAuthTest, ABrokenNkeyIsNone) {
  EXPECT_THAT(tests::ReadOptions("authorization { users: [ { nkey: "
                                 "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF5 } ] }")
                  .errors,
              ElementsAre("f:1:27: Not a valid public nkey for a user"));
}

TEST(OptionsAuthTest, ConnectionTypesAreUpperCase) {
  auto read = tests::ReadOptions(
      "authorization { users: [ { user: a, clients: [ websocket, Standard ] } ] }");

  EXPECT_THAT(read.options.auth.users.at(0).connection_types, ElementsAre("WEBSOCKET", "STANDARD"));
}

TEST(OptionsAuthTest, TheSameUserTwiceIsAnError) {
  EXPECT_THAT(tests::ReadOptions("authorization { users: [ {user: a}, {user: a} ] }").errors,
              ElementsAre("f:1:0: Duplicate user \"a\" detected"));
}

TEST(OptionsAuthTest, LongTimeoutsAreWarnedOf) {
  EXPECT_THAT(tests::ReadOptions("authorization { timeout: 90.25 }").warnings,
              ElementsAre("f:1:16: invalid use of field \"timeout\": timeout of 90.25 (90.250000 "
                          "seconds) is high, consider keeping it under 60 seconds. possibly "
                          "caused by unquoted duration; use '1m' instead of 1m, for example"));
}

}  // namespace
}  // namespace weir::server

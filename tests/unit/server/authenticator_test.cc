#include "server/authenticator.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::server {
namespace {

class AuthenticatorTest : public testing::Test {
 protected:
  // The account's name, "" when refused.
  std::string Ask(const AuthOptions& options, std::string_view user, std::string_view pass,
                  std::string_view token = "") {
    Authenticator authenticator(options, accounts_);
    protocol::ConnectOptions connect;
    connect.user = user;
    connect.pass = pass;
    connect.auth_token = token;
    AuthOutcome outcome = authenticator.Authenticate(connect);
    return outcome.account == nullptr ? "" : outcome.account->name();
  }
  AccountRegistry accounts_;
};

TEST_F(AuthenticatorTest, NobodyIsAskedWithoutAuthentication) {
  AuthOptions none;
  Authenticator authenticator(none, accounts_);
  EXPECT_FALSE(authenticator.required());
  EXPECT_FALSE(authenticator.announced());
  ASSERT_NE(authenticator.BeforeConnect().account, nullptr);
  EXPECT_EQ(Ask(none, "", ""), "$G");
  EXPECT_EQ(Ask(none, "who", "ever", "token"), "$G");
}

TEST_F(AuthenticatorTest, TheSingleUser) {
  AuthOptions options;
  options.username = "u";
  options.password = "secret";
  EXPECT_EQ(Ask(options, "u", "secret"), "$G");
  for (auto [user, pass] : {std::pair{"u", "Secret"},
                            {"u", ""},
                            {"u", "secret2"},
                            {"", "secret"},
                            {"", ""},
                            {"v", "secret"}}) {
    EXPECT_EQ(Ask(options, user, pass), "") << user << ' ' << pass;
  }
  Authenticator authenticator(options, accounts_);
  EXPECT_TRUE(authenticator.required());
  EXPECT_TRUE(authenticator.announced());
  EXPECT_EQ(authenticator.BeforeConnect().account, nullptr);
}

TEST_F(AuthenticatorTest, TheToken) {
  AuthOptions options;
  options.token = "tok";
  EXPECT_EQ(Ask(options, "", "", "tok"), "$G");
  EXPECT_EQ(Ask(options, "", "", "to"), "");
  EXPECT_EQ(Ask(options, "", "", ""), "");
  EXPECT_EQ(Ask(options, "tok", "tok"), "");
}

TEST_F(AuthenticatorTest, UsersOfAccountsWithPermissions) {
  AuthOptions options;
  UserOptions plain;
  plain.name = "a";
  plain.password = "1";
  UserOptions bound;
  bound.name = "b";
  bound.password = "2";
  bound.account = "B";
  bound.permissions.emplace();
  bound.permissions->publish.restricted = true;
  options.users = {plain, bound};
  EXPECT_EQ(Ask(options, "a", "1"), "$G");
  EXPECT_EQ(Ask(options, "b", "2"), "B");
  EXPECT_EQ(Ask(options, "b", "1"), "");
  Authenticator authenticator(options, accounts_);
  protocol::ConnectOptions connect;
  connect.user = "b";
  connect.pass = "2";
  AuthOutcome outcome = authenticator.Authenticate(connect);
  ASSERT_NE(outcome.permissions, nullptr);
  EXPECT_FALSE(outcome.permissions->MayPublish("x"));
}

TEST_F(AuthenticatorTest, NoAuthUserStandsInForEmptyCredentials) {
  AuthOptions options;
  UserOptions guest;
  guest.name = "guest";
  guest.password = "g";
  guest.account = "G1";
  options.users = {guest};
  options.no_auth_user = "guest";
  EXPECT_EQ(Ask(options, "", ""), "G1");
  EXPECT_EQ(Ask(options, "guest", "g"), "G1");
  EXPECT_EQ(Ask(options, "guest", "x"), "");
  EXPECT_EQ(Ask(options, "other", ""), "");
  Authenticator authenticator(options, accounts_);
  EXPECT_TRUE(authenticator.required());
  EXPECT_FALSE(authenticator.announced());
  ASSERT_NE(authenticator.BeforeConnect().account, nullptr);
  EXPECT_EQ(authenticator.BeforeConnect().account->name(), "G1");
}

}  // namespace
}  // namespace weir::server

#include "server/authenticator.h"

#include <string>

#include <crypt.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

// At the lowest cost.
std::string BcryptOf(const std::string& password) {
  crypt_data data{};
  return ::crypt_r(password.c_str(), "$2b$04$abcdefghijklmnopqrstuu", &data);
}

UserOptions MakeUser(std::string name, std::string password, std::string account = "",
                     std::vector<std::string> connection_types = {}) {
  UserOptions user;
  user.name = std::move(name);
  user.password = std::move(password);
  user.account = std::move(account);
  user.connection_types = std::move(connection_types);
  return user;
}

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
    AuthOutcome outcome = authenticator.Decide({connect}).outcome;
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
  AuthOutcome outcome = authenticator.Decide({connect}).outcome;
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

TEST_F(AuthenticatorTest, AHashIsLeftToWhoeverMayWait) {
  const std::string hash = BcryptOf("secret");
  AuthOptions options;
  options.users = {MakeUser("u", hash)};
  Authenticator authenticator(options, accounts_);
  EXPECT_TRUE(authenticator.uses_bcrypt());
  protocol::ConnectOptions connect;
  connect.user = "u";
  connect.pass = "secret";

  AuthDecision decision = authenticator.Decide({connect});

  EXPECT_EQ(decision.hash, hash);
  EXPECT_EQ(decision.secret, "secret");
  EXPECT_NE(decision.outcome.account, nullptr);
}

TEST_F(AuthenticatorTest, AHashMatchesItsPasswordAlone) {
  for (char variant : {'a', 'b', 'x', 'y'}) {
    std::string hash = BcryptOf("secret");
    hash[2] = variant;
    EXPECT_TRUE(CheckBcrypt(hash, "secret")) << hash;
    EXPECT_FALSE(CheckBcrypt(hash, "Secret")) << hash;
    EXPECT_FALSE(CheckBcrypt(hash, "")) << hash;
    EXPECT_FALSE(CheckBcrypt(hash, std::string("secret\0x", 8))) << hash;
  }
  EXPECT_FALSE(CheckBcrypt("$2a$04$tooshort", "secret"));
}

TEST_F(AuthenticatorTest, OnlyUsersOfOurKindOfConnectionGetIn) {
  AuthOptions options;
  options.users = {MakeUser("web", "", "", {"WEBSOCKET", "MQTT"}),
                   MakeUser("any", "", "", {"MQTT", "STANDARD"})};
  EXPECT_EQ(Ask(options, "web", ""), "");
  EXPECT_EQ(Ask(options, "any", ""), "$G");
}

TEST_F(AuthenticatorTest, ACertificateNamesTheUser) {
  AuthOptions options;
  options.users = {MakeUser("derek@nats.io", "", "A"), MakeUser("two.example", "", "B"),
                   MakeUser("O=Acme,CN=x", "", "C"), MakeUser("CN=z,DC=com", "", "D")};
  Authenticator authenticator(options, accounts_, /*map_certificates=*/true);
  auto account = [&authenticator](const TlsPeer& peer) {
    protocol::ConnectOptions connect;
    connect.user = "two.example";  // does not count
    auto outcome = authenticator.Decide({connect, &peer}).outcome;
    return outcome.account == nullptr ? std::string() : outcome.account->name();
  };
  TlsPeer peer;
  EXPECT_EQ(account(peer), "");
  peer.has_certificate = true;
  peer.names = {"one.example"};
  peer.subject = "CN=x,O=Acme";
  peer.distinguished_name = DistinguishedName::Parse("CN=x,O=Acme");
  EXPECT_EQ(account(peer), "C");
  peer.names = {"one.example", "two.example", "derek@nats.io"};
  EXPECT_EQ(account(peer), "B");
  peer.names.clear();
  peer.distinguished_name.reset();
  peer.subject = "CN=z";
  peer.subject_with_domain = "CN=z,DC=com";
  EXPECT_EQ(account(peer), "D");
}

TEST_F(AuthenticatorTest, AServerWithUsersOfTheSystemAccountAloneIsOpen) {
  AuthOptions options;
  options.users = {MakeUser("admin", "x", "$SYS")};
  EXPECT_EQ(Ask(options, "", ""), "$G");
  EXPECT_EQ(Ask(options, "admin", "x"), "$SYS");
  EXPECT_EQ(Ask(options, "admin", "y"), "");
  EXPECT_TRUE(Authenticator(options, accounts_).announced());
  options.block_given = true;
  EXPECT_EQ(Ask(options, "", ""), "");
}

TEST_F(AuthenticatorTest, AReloadKnowsWhoHasMoved) {
  AuthOptions options;
  options.users = {MakeUser("a", "", "A")};
  Authenticator users(options, accounts_);
  protocol::ConnectOptions connect;
  connect.user = "a";
  connect.pass = "x";
  EXPECT_EQ(users.AccountOf("a", {connect}), accounts_.FindByName("A"));
  EXPECT_EQ(users.AccountOf("b", {connect}), nullptr);

  AuthOptions single;
  single.username = "a";
  single.password = "x";
  EXPECT_EQ(Authenticator(single, accounts_).AccountOf("a", {connect}),
            &accounts_.Get(kGlobalAccount));
  single.password = "y";
  EXPECT_EQ(Authenticator(single, accounts_).AccountOf("a", {connect}), nullptr);
}

}  // namespace
}  // namespace weir::server

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/strings.h"
#include "protocol/handshake.h"
#include "server/account.h"
#include "server/distinguished_name.h"
#include "server/options.h"
#include "server/session.h"
#include "server/tls_peer.h"

namespace weir::server {

// What is known of a client that wants in.
struct AuthRequest {
  const protocol::ConnectOptions& connect;
  const TlsPeer* tls = nullptr;  // nullptr: the connection is not encrypted
};

struct AuthDecision {
  AuthOutcome outcome;
  // Not empty: the outcome holds only if `secret` has this bcrypt hash, which takes long to find
  // out (CheckBcrypt).
  std::string hash = {};
  std::string secret = {};
};

// Decides who a CONNECT is (server-config.md 4): nobody is asked, one user or token, or a list of
// users, by password or by client certificate. Constant after construction, so every worker uses it
// without a lock; a reload puts a new one in its place while no worker runs.
class Authenticator {
 public:
  // `map_certificates`: users come from certificates (verify_and_map), not from CONNECT.
  Authenticator(const AuthOptions& options, AccountRegistry& accounts,
                bool map_certificates = false);

  // Without it a client may go on without CONNECT.
  bool required() const { return required_; }
  // INFO says auth_required, unless no_auth_user lets everybody in.
  // So does the server whose only users are the system account's: it lets others into $G.
  bool announced() const { return required_ && no_auth_user_.empty(); }
  // Some password or token is a bcrypt hash.
  bool uses_bcrypt() const { return uses_bcrypt_; }
  // What a client is that sent no CONNECT yet; no account when it must send one.
  AuthOutcome BeforeConnect() const;

  AuthDecision Decide(const AuthRequest& request) const;

  // After a reload: the account of a user who connected before; nullptr when there is no such user
  // any more, or when it is the single user and its password changed.
  const Account* AccountOf(const std::string& user, const AuthRequest& request) const;

 private:
  struct User {
    std::string password;
    AuthOutcome outcome;
    bool standard = true;  // may use a connection like ours (allowed_connection_types)
  };

  const User* Find(std::string_view name) const;
  // Who a client is that says nothing of itself; no account when it must.
  AuthOutcome Anonymous() const;
  const User* FindByCertificate(const TlsPeer* tls) const;
  AuthDecision DecideSingle(const protocol::ConnectOptions& connect) const;

  bool required_;
  bool map_certificates_;
  bool uses_bcrypt_ = false;
  std::string token_;
  std::string single_user_;
  std::string single_password_;
  StringMap<User> users_;
  std::vector<std::pair<DistinguishedName, std::string>> distinguished_users_;
  std::string no_auth_user_;
  bool open_global_ = false;  // nobody but the system account has users
  Account* global_;
};

// Whether the password has this bcrypt hash. Takes a tenth of a second and more, by the hash's
// cost: not for workers (THREADING.md I7).
bool CheckBcrypt(const std::string& hash, const std::string& password);

}  // namespace weir::server

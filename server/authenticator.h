#pragma once

#include <string>
#include <string_view>

#include "protocol/base/strings.h"
#include "protocol/handshake.h"
#include "server/account.h"
#include "server/options.h"
#include "server/session.h"

namespace weir::server {

// Decides who a CONNECT is (server-config.md 4): nobody is asked, one user or token, or a list of
// users. Constant after construction, so every worker uses it without a lock.
class Authenticator {
 public:
  Authenticator(const AuthOptions& options, AccountRegistry& accounts);

  // Without it a client may go on without CONNECT.
  bool required() const { return required_; }
  // INFO says auth_required, unless no_auth_user lets everybody in.
  bool announced() const { return required_ && no_auth_user_ == nullptr; }
  // What a client is that sent no CONNECT yet; no account when it must send one.
  AuthOutcome BeforeConnect() const;

  AuthOutcome Authenticate(const protocol::ConnectOptions& options) const;

 private:
  struct User {
    std::string password;
    AuthOutcome outcome;
  };

  bool required_;
  std::string token_;
  StringMap<User> users_;
  const User* no_auth_user_ = nullptr;
  Account* global_;
};

}  // namespace weir::server

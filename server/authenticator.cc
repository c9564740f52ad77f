#include "server/authenticator.h"

#include <sodium/utils.h>

namespace weir::server {

namespace {

bool SameSecret(std::string_view given, std::string_view expected) {
  return given.size() == expected.size() &&
         sodium_memcmp(given.data(), expected.data(), given.size()) == 0;
}

}  // namespace

Authenticator::Authenticator(const AuthOptions& options, AccountRegistry& accounts)
    : required_(options.configured()),
      token_(options.token),
      global_(&accounts.Get(kGlobalAccount)) {
  if (!options.username.empty()) {
    users_.emplace(options.username, User{options.password, {global_, nullptr}});
  }
  for (const UserOptions& user : options.users) {
    Account& account = user.account.empty() ? *global_ : accounts.Add(user.account);
    std::shared_ptr<const PermissionSet> permissions;
    if (user.permissions) {
      permissions = std::make_shared<PermissionSet>(*user.permissions);
    }
    users_.emplace(user.name, User{user.password, {&account, std::move(permissions)}});
  }
  if (!options.no_auth_user.empty()) {
    auto at = users_.find(options.no_auth_user);
    no_auth_user_ = at == users_.end() ? nullptr : &at->second;
  }
}

AuthOutcome Authenticator::BeforeConnect() const {
  if (!required_) {
    return {global_, nullptr};
  }
  AuthOutcome outcome = no_auth_user_ == nullptr ? AuthOutcome{} : no_auth_user_->outcome;
  outcome.by_default = true;
  return outcome;
}

AuthOutcome Authenticator::Authenticate(const protocol::ConnectOptions& options) const {
  if (!required_) {
    return {global_, nullptr};
  }
  if (!token_.empty() && SameSecret(options.auth_token, token_)) {
    return {global_, nullptr};
  }
  if (options.user.empty() && options.pass.empty() && options.auth_token.empty() &&
      no_auth_user_ != nullptr) {
    return no_auth_user_->outcome;
  }
  auto at = users_.find(options.user);
  if (at == users_.end() || options.user.empty() ||
      !SameSecret(options.pass, at->second.password)) {
    return {};
  }
  return at->second.outcome;
}

}  // namespace weir::server

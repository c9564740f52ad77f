#include "server/authenticator.h"

#include <algorithm>
#include <memory>

#include <crypt.h>
#include <sodium/utils.h>

namespace weir::server {

namespace {

bool SameSecret(std::string_view given, std::string_view expected) {
  return given.size() == expected.size() &&
         sodium_memcmp(given.data(), expected.data(), given.size()) == 0;
}

// `outcome` for whoever knows the secret.
AuthDecision IfKnown(std::string_view given, const std::string& expected,
                     const AuthOutcome& outcome) {
  if (IsBcrypt(expected)) {
    return {outcome, expected, std::string(given)};
  }
  return SameSecret(given, expected) ? AuthDecision{outcome} : AuthDecision{};
}

bool MayUseStandard(const std::vector<std::string>& types) {
  return types.empty() || std::find(types.begin(), types.end(), "STANDARD") != types.end();
}

}  // namespace

Authenticator::Authenticator(const AuthOptions& options, AccountRegistry& accounts,
                             bool map_certificates)
    : required_(options.configured()),
      map_certificates_(map_certificates),
      uses_bcrypt_(IsBcrypt(options.password) || IsBcrypt(options.token)),
      token_(options.token),
      single_user_(options.username),
      single_password_(options.password),
      global_(&accounts.Get(kGlobalAccount)) {
  for (const UserOptions& user : options.users) {
    Account& account = user.account.empty() ? *global_ : accounts.Add(user.account);
    std::shared_ptr<const PermissionSet> permissions;
    if (user.permissions) {
      permissions = std::make_shared<PermissionSet>(*user.permissions);
    }
    users_.emplace(user.name, User{user.password,
                                   {&account, std::move(permissions), user.name},
                                   MayUseStandard(user.connection_types)});
    uses_bcrypt_ = uses_bcrypt_ || IsBcrypt(user.password);
    if (map_certificates_) {
      if (auto name = DistinguishedName::Parse(user.name)) {
        distinguished_users_.emplace_back(*std::move(name), user.name);
      }
    }
  }
  if (Find(options.no_auth_user) != nullptr) {
    no_auth_user_ = options.no_auth_user;
  }
  open_global_ = !users_.empty() && !options.block_given && options.no_auth_user.empty() &&
                 accounts.ConfiguredCount() == 2;
}

const Authenticator::User* Authenticator::Find(std::string_view name) const {
  auto at = users_.find(name);
  return at == users_.end() || !at->second.standard ? nullptr : &at->second;
}

AuthOutcome Authenticator::BeforeConnect() const {
  if (!required_) {
    return {global_, nullptr};
  }
  AuthOutcome outcome = Anonymous();
  outcome.by_default = true;
  return outcome;
}

AuthOutcome Authenticator::Anonymous() const {
  if (!no_auth_user_.empty()) {
    return Find(no_auth_user_)->outcome;
  }
  return open_global_ ? AuthOutcome{global_, nullptr} : AuthOutcome{};
}

// By the first of the certificate's names that is a user, then by its subject.
const Authenticator::User* Authenticator::FindByCertificate(const TlsPeer* tls) const {
  if (tls == nullptr || !tls->has_certificate) {
    return nullptr;
  }
  for (const std::string& name : tls->names) {
    if (const User* user = Find(name)) {
      return user;
    }
  }
  if (tls->distinguished_name) {
    for (auto same : {&DistinguishedName::Equals, &DistinguishedName::Matches}) {
      for (const auto& [name, user] : distinguished_users_) {
        if ((name.*same)(*tls->distinguished_name) && Find(user) != nullptr) {
          return Find(user);
        }
      }
    }
  }
  const User* user = tls->subject_with_domain.empty() ? nullptr : Find(tls->subject_with_domain);
  return user != nullptr ? user : Find(tls->subject);
}

AuthDecision Authenticator::DecideSingle(const protocol::ConnectOptions& connect) const {
  if (!token_.empty()) {
    return IfKnown(connect.auth_token, token_, {global_, nullptr});
  }
  if (single_user_.empty() || connect.user != single_user_) {
    return {};
  }
  return IfKnown(connect.pass, single_password_, {global_, nullptr, single_user_});
}

AuthDecision Authenticator::Decide(const AuthRequest& request) const {
  const protocol::ConnectOptions& connect = request.connect;
  if (!required_) {
    return {{global_, nullptr, connect.user}};
  }
  if (users_.empty()) {
    return DecideSingle(connect);
  }
  const User* user = nullptr;
  if (map_certificates_) {
    user = FindByCertificate(request.tls);
  } else if (connect.user.empty() && connect.pass.empty() && connect.auth_token.empty()) {
    return {Anonymous()};
  } else if (!connect.user.empty()) {
    user = Find(connect.user);
  }
  return user == nullptr ? AuthDecision{} : IfKnown(connect.pass, user->password, user->outcome);
}

const Account* Authenticator::AccountOf(const std::string& user, const AuthRequest& request) const {
  if (auto at = users_.find(user); at != users_.end()) {
    return at->second.outcome.account;
  }
  if (!required_) {
    return global_;
  }
  // One configured user may stay as long as nothing about it changes.
  return users_.empty() ? DecideSingle(request.connect).outcome.account : nullptr;
}

bool CheckBcrypt(const std::string& hash, const std::string& password) {
  if (password.find('\0') != std::string::npos) {
    return false;
  }
  // The variants differ in bugs of old programs; the reference takes them all for the correct one.
  std::string setting = hash;
  setting[2] = 'b';
  auto data = std::make_unique<crypt_data>();
  const char* computed = ::crypt_r(password.c_str(), setting.c_str(), data.get());
  return computed != nullptr && SameSecret(computed, setting);
}

}  // namespace weir::server

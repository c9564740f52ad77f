#include "server/account.h"

#include <algorithm>

#include "server/short_hash.h"

namespace weir::server {

AccountRegistry::AccountRegistry(std::string_view system_account) {
  Add("$G");
  Add(system_account.empty() ? "$SYS" : system_account);
}

Account& AccountRegistry::Add(std::string_view name) {
  if (Account* existing = FindByName(name)) {
    return *existing;
  }
  AccountId id(static_cast<uint32_t>(accounts_.size()));
  accounts_.push_back(std::make_shared<Account>(id, std::string(name)));
  return *accounts_.back();
}

Account& AccountRegistry::Get(AccountId id) const {
  return *accounts_.at(id.value());
}

Account* AccountRegistry::FindByName(std::string_view name) const {
  for (const auto& account : accounts_) {
    if (account->name() == name) {
      return account.get();
    }
  }
  return nullptr;
}

size_t AccountRegistry::ConfiguredCount() const {
  return static_cast<size_t>(std::count_if(
      accounts_.begin(), accounts_.end(), [](const auto& account) { return account->configured; }));
}

std::optional<AccountId> AccountRegistry::Find(std::string_view name) const {
  const Account* account = FindByName(name);
  return account == nullptr ? std::nullopt : std::optional<AccountId>(account->id());
}

std::string AccountRegistry::NameOf(AccountId account) const {
  return Get(account).name();
}

std::string AccountRegistry::HashOf(AccountId account) const {
  return ShortHash(Get(account).name());
}

std::optional<jetstream::AccountLimits> AccountRegistry::JetStreamLimits(AccountId account) const {
  return Get(account).jetstream_limits;
}

std::vector<AccountId> AccountRegistry::JetStreamAccounts() const {
  std::vector<AccountId> out;
  for (const auto& account : accounts_) {
    if (account->jetstream_limits) {
      out.push_back(account->id());
    }
  }
  return out;
}

std::vector<AccountId> AccountRegistry::AllAccounts() const {
  std::vector<AccountId> out;
  for (const auto& account : accounts_) {
    out.push_back(account->id());
  }
  return out;
}

}  // namespace weir::server

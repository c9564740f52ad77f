#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/environment.h"

namespace weir::testing {

// Accounts by number; "$G" with JetStream and without limits exists from the start.
class FakeAccounts : public jetstream::AccountDirectory {
 public:
  struct Entry {
    std::string name;
    std::optional<jetstream::AccountLimits> limits;
  };

  std::optional<AccountId> Find(std::string_view name) const override {
    for (const auto& [id, entry] : entries) {
      if (entry.name == name) {
        return AccountId(id);
      }
    }
    return std::nullopt;
  }
  std::string NameOf(AccountId account) const override {
    auto at = entries.find(account.value());
    return at == entries.end() ? std::string() : at->second.name;
  }
  std::string HashOf(AccountId account) const override {
    return "hash" + std::to_string(account.value());
  }
  std::optional<jetstream::AccountLimits> JetStreamLimits(AccountId account) const override {
    auto at = entries.find(account.value());
    return at == entries.end() ? std::nullopt : at->second.limits;
  }
  std::vector<AccountId> JetStreamAccounts() const override {
    std::vector<AccountId> out;
    for (const auto& [id, entry] : entries) {
      if (entry.limits) {
        out.push_back(AccountId(id));
      }
    }
    return out;
  }
  std::vector<AccountId> AllAccounts() const override {
    std::vector<AccountId> out;
    for (const auto& [id, entry] : entries) {
      out.push_back(AccountId(id));
    }
    return out;
  }

  std::map<uint32_t, Entry> entries{{0, {"$G", jetstream::AccountLimits{}}}, {1, {"$SYS", {}}}};
};

}  // namespace weir::testing

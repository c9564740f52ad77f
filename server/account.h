#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/environment.h"
#include "protocol/base/ids.h"
#include "protocol/base/mutex.h"
#include "server/options.h"
#include "server/subject_mapper.h"
#include "server/subscription_index.h"

namespace weir::server {

// A subject space with its subscriptions, limits and counters. Shared by the registry and the
// sessions bound to it; the subscription index and the counters are thread-safe, the rest changes
// only while no worker runs (start, reload).
class Account {
 public:
  Account(AccountId id, std::string name) : id_(id), name_(std::move(name)) {}
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  AccountId id() const { return id_; }
  const std::string& name() const { return name_; }
  bool is_system() const { return id_ == kSystemAccount; }
  SubscriptionIndex& subscriptions() { return subscriptions_; }
  const SubscriptionIndex& subscriptions() const { return subscriptions_; }

  // nullopt: JetStream is off for this account.
  std::optional<jetstream::AccountLimits> jetstream_limits;
  // Applied to what clients publish.
  SubjectMapper mapper;
  // Where messages with a sampled traceparent are reported; empty: nowhere.
  std::string trace_destination;
  int trace_sampling = 100;  // percent of them
  AccountLimitOptions limits;
  // False when a reload has taken it out of the configuration: nobody gets in.
  bool configured = true;
  // Sessions bound to the account.
  std::atomic<int64_t> clients{0};
  // What the connections that are closed have received and sent, and were cut for.
  struct Gone {
    std::atomic<uint64_t> in_msgs{0};
    std::atomic<uint64_t> in_bytes{0};
    std::atomic<uint64_t> out_msgs{0};
    std::atomic<uint64_t> out_bytes{0};
    std::atomic<uint64_t> slow_consumers{0};

    template <typename Counters>
    void Add(const Counters& counters) {
      in_msgs.fetch_add(counters.in_msgs, std::memory_order_relaxed);
      in_bytes.fetch_add(counters.in_bytes, std::memory_order_relaxed);
      out_msgs.fetch_add(counters.out_msgs, std::memory_order_relaxed);
      out_bytes.fetch_add(counters.out_bytes, std::memory_order_relaxed);
    }
  };
  Gone gone;

 private:
  const AccountId id_;
  const std::string name_;
  SubscriptionIndex subscriptions_;
};

// All accounts by id and by name. Ids are dense and stay for the life of the process.
class AccountRegistry : public jetstream::AccountDirectory {
 public:
  // Creates "$G" and the system account with their fixed ids.
  explicit AccountRegistry(std::string_view system_account = "$SYS");

  // Returns the account of that name, made if it is new. While no worker runs (start, reload).
  Account& Add(std::string_view name);

  Account& Get(AccountId id) const;
  Account* FindByName(std::string_view name) const;
  // Accounts of the configuration, with the two that always are.
  size_t ConfiguredCount() const;
  // Visits every account in the order of the ids.
  template <typename F>
  void ForEach(F&& visit) const {
    for (const auto& account : accounts_) {
      visit(*account);
    }
  }

  // AccountDirectory
  std::optional<AccountId> Find(std::string_view name) const override;
  std::string NameOf(AccountId account) const override;
  std::string HashOf(AccountId account) const override;
  std::optional<jetstream::AccountLimits> JetStreamLimits(AccountId account) const override;
  std::vector<AccountId> JetStreamAccounts() const override;
  std::vector<AccountId> AllAccounts() const override;

 private:
  // Grows only while no worker runs (start, reload), so reading takes no lock.
  std::vector<std::shared_ptr<Account>> accounts_;
};

}  // namespace weir::server

#pragma once

#include <map>
#include <string>
#include <tuple>

#include "absl/container/flat_hash_map.h"

#include "jetstream/environment.h"
#include "server/subscription_index.h"
#include "server/worker.h"

namespace weir::server {

// JetStream's Router on one worker: publishes through the worker's dispatcher, subscribes sinks.
class JetStreamHost : public jetstream::Router, private SubscriptionIndex::Listener {
 public:
  explicit JetStreamHost(Worker& worker) : worker_(worker) {}

  void Publish(AccountId account, const jetstream::Outbound& message) override;
  jetstream::Delivered Deliver(AccountId account, std::string_view inbox,
                               const jetstream::Outbound& message) override;
  bool HasInterest(AccountId account, std::string_view subject) override;
  bool HasLiteralInterest(AccountId account, std::string_view subject) override;
  bool IsSubscribed(AccountId account, std::string_view subject, std::string_view queue) override;
  WatchId Watch(AccountId account, std::string_view subject,
                jetstream::InterestWatcher& watcher) override;
  void Unwatch(WatchId id) override;
  bool HasStream(AccountId account, std::string_view subject) override;
  SubscriptionId Subscribe(AccountId account, std::string_view pattern, std::string_view queue,
                           jetstream::Sink& sink) override;
  void Unsubscribe(SubscriptionId id) override;
  void Park(SubscriptionId id) override;
  void DropParked() override;

 private:
  using What = std::tuple<AccountId, std::string, std::string>;  // pattern, queue

  struct Watched {
    AccountId account;
    std::string subject;
    jetstream::InterestWatcher* watcher;
  };

  // Listener; from any thread.
  void OnChange(uint64_t watch) override;

  Account& account(AccountId id) { return worker_.context().accounts.Get(id); }

  Worker& worker_;
  std::map<What, SubscriptionId> parked_;
  absl::flat_hash_map<WatchId, Watched> watched_;
  WatchId last_watch_ = 0;
};

}  // namespace weir::server

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "jetstream/api_queue.h"
#include "jetstream/catalog.h"
#include "jetstream/environment.h"

namespace weir::jetstream {

// Brings $JS.API requests to their handlers (jetstream-api.md 1, 2). Lives on the meta shard; what
// concerns one stream goes on to the stream's home by name. Pull requests, direct gets and consumer
// resets are subscriptions of the home and do not pass here.
//
// Subjects that nothing answers get no answer.
class ApiRouter : public Sink {
 public:
  explicit ApiRouter(Catalog& catalog);
  ~ApiRouter() override;
  ApiRouter(const ApiRouter&) = delete;
  ApiRouter& operator=(const ApiRouter&) = delete;

  // Subscribes in every account, those without JetStream too, which are told so: at the start, and
  // when the accounts have changed.
  void Subscribe();

  void OnMessage(const Inbound& message) override;

 private:
  // "$JS.<domain>.API.…" requests, published again under "$JS.API.…".
  class DomainSink : public Sink {
   public:
    explicit DomainSink(Environment& env);
    void OnMessage(const Inbound& message) override;
    const std::string& prefix() const { return prefix_; }

   private:
    Environment& env_;
    std::string prefix_;  // "$JS.<domain>.API."
  };

  std::vector<Router::SubscriptionId> SubscribeAccount(AccountId account);

  Catalog& catalog_;
  ApiQueue queue_;
  DomainSink domain_;
  absl::flat_hash_map<AccountId, std::vector<Router::SubscriptionId>> subscriptions_;
};

}  // namespace weir::jetstream

#include "server/jetstream_host.h"

#include <utility>

namespace weir::server {

namespace {

Message ToMessage(const jetstream::Outbound& message) {
  Message out{message.subject, message.reply, message.headers, message.payload};
  out.client = message.client;
  return out;
}

}  // namespace

void JetStreamHost::Publish(AccountId account_id, const jetstream::Outbound& message) {
  worker_.dispatcher().Publish(account(account_id), ToMessage(message), nullptr, nullptr);
  worker_.RequestEndTurn();
}

jetstream::Delivered JetStreamHost::Deliver(AccountId account_id, std::string_view inbox,
                                            const jetstream::Outbound& message) {
  worker_.RequestEndTurn();
  return worker_.dispatcher().DeliverTo(account(account_id), inbox, ToMessage(message));
}

bool JetStreamHost::HasInterest(AccountId account_id, std::string_view subject) {
  return worker_.dispatcher().HasInterest(account(account_id), subject);
}

bool JetStreamHost::HasLiteralInterest(AccountId account_id, std::string_view subject) {
  return account(account_id).subscriptions().ContainsLiteral(subject);
}

bool JetStreamHost::IsSubscribed(AccountId account_id, std::string_view subject,
                                 std::string_view queue) {
  return account(account_id).subscriptions().ContainsLiteral(subject, queue);
}

jetstream::Router::WatchId JetStreamHost::Watch(AccountId account_id, std::string_view subject,
                                                jetstream::InterestWatcher& watcher) {
  WatchId id = ++last_watch_;
  watched_.emplace(id, Watched{account_id, std::string(subject), &watcher});
  account(account_id).subscriptions().Watch(subject, *this, id);
  return id;
}

void JetStreamHost::Unwatch(WatchId id) {
  auto at = watched_.find(id);
  if (at != watched_.end()) {
    account(at->second.account).subscriptions().Unwatch(at->second.subject, *this, id);
    watched_.erase(at);
  }
}

void JetStreamHost::OnChange(uint64_t watch) {
  worker_.Post([this, watch] {
    if (auto at = watched_.find(watch); at != watched_.end()) {
      at->second.watcher->CheckInterest();
    }
  });
}

bool JetStreamHost::HasStream(AccountId account_id, std::string_view subject) {
  return worker_.dispatcher().HasSink(account(account_id), subject);
}

jetstream::Router::SubscriptionId JetStreamHost::Subscribe(AccountId account_id,
                                                           std::string_view pattern,
                                                           std::string_view queue,
                                                           jetstream::Sink& sink) {
  if (!parked_.empty()) [[unlikely]] {
    if (auto at = parked_.find({account_id, std::string(pattern), std::string(queue)});
        at != parked_.end()) {
      SubscriptionId id = at->second;
      parked_.erase(at);
      worker_.ReplaceSink(id, sink);
      return id;
    }
  }
  return worker_.AddSink(account_id, pattern, queue, sink);
}

void JetStreamHost::Park(SubscriptionId id) {
  if (auto what = worker_.SinkOf(id)) {
    auto [at, is_new] = parked_.try_emplace(*std::move(what), id);
    if (!is_new) {
      Unsubscribe(id);
    }
  }
}

void JetStreamHost::DropParked() {
  for (const auto& [what, id] : std::exchange(parked_, {})) {
    Unsubscribe(id);
  }
}

void JetStreamHost::Unsubscribe(SubscriptionId id) {
  worker_.RemoveSink(id);
}

}  // namespace weir::server

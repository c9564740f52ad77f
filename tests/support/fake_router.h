#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/environment.h"
#include "protocol/base/strings.h"
#include "protocol/subject.h"

namespace weir::testing {

// A router of one home that records what was published and delivered, and brings publishes to the
// sinks that subscribe.
class FakeRouter : public jetstream::Router {
 public:
  struct Sent {
    AccountId account;
    std::string inbox;  // of a delivery; equal to the subject of a publish
    std::string subject;
    std::string reply;
    std::string headers;
    std::string payload;
  };
  struct Subscription {
    AccountId account;
    std::string pattern;
    std::string queue;
    jetstream::Sink* sink;
  };

  void Publish(AccountId account, const jetstream::Outbound& message) override {
    Record(account, message.subject, message);
    Inject({account, message.subject, message.reply, message.headers, message.payload});
  }

  jetstream::Delivered Deliver(AccountId account, std::string_view inbox,
                               const jetstream::Outbound& message) override {
    if (no_interest.contains(inbox)) {
      return jetstream::Delivered::kNoInterest;
    }
    Record(account, inbox, message);
    Hand(account, inbox, message);
    return congested.contains(inbox) ? jetstream::Delivered::kCongested
                                     : jetstream::Delivered::kYes;
  }

  bool HasInterest(AccountId account, std::string_view subject) override {
    if (no_interest.contains(subject)) {
      return false;
    }
    auto covers = [&](std::string_view pattern) {
      return protocol::Matches(subject, pattern.substr(0, pattern.find(' ')));
    };
    return std::any_of(interest.begin(), interest.end(), covers) ||
           std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const auto& entry) {
             return entry.second.account == account &&
                    protocol::Matches(subject, entry.second.pattern);
           });
  }

  bool HasStream(AccountId account, std::string_view subject) override {
    return std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const auto& entry) {
      return entry.second.account == account && protocol::Matches(subject, entry.second.pattern);
    });
  }

  bool HasLiteralInterest(AccountId, std::string_view subject) override {
    return std::find(interest.begin(), interest.end(), subject) != interest.end();
  }
  bool IsSubscribed(AccountId account, std::string_view subject, std::string_view queue) override {
    auto is_it = [&](const auto& entry) {
      const Subscription& it = entry.second;
      return it.account == account && it.pattern == subject && it.queue == queue;
    };
    return !no_interest.contains(subject) &&
           (HasLiteralInterest(account, queue.empty() ? subject : Cat(subject, " ", queue)) ||
            std::any_of(subscriptions_.begin(), subscriptions_.end(), is_it));
  }
  WatchId Watch(AccountId, std::string_view, jetstream::InterestWatcher& watcher) override {
    watchers_.emplace(++last_id_, &watcher);
    return last_id_;
  }
  void Unwatch(WatchId id) override { watchers_.erase(id); }
  // After a test has changed `interest` or `no_interest`.
  void TellWatchers() {
    for (const auto& [id, watcher] : std::map(watchers_)) {
      if (watchers_.contains(id)) {
        watcher->CheckInterest();
      }
    }
  }

  SubscriptionId Subscribe(AccountId account, std::string_view pattern, std::string_view queue,
                           jetstream::Sink& sink) override {
    subscriptions_.emplace(++last_id_,
                           Subscription{account, std::string(pattern), std::string(queue), &sink});
    return last_id_;
  }

  void Unsubscribe(SubscriptionId id) override { subscriptions_.erase(id); }

  // What a client would publish: to every sink that subscribes. Returns how many there were.
  size_t Inject(const jetstream::Inbound& message) {
    std::vector<jetstream::Sink*> sinks;
    for (const auto& [id, subscription] : subscriptions_) {
      if (subscription.account == message.account &&
          protocol::Matches(message.subject, subscription.pattern)) {
        sinks.push_back(subscription.sink);
      }
    }
    for (auto* sink : sinks) {
      sink->OnMessage(message);
    }
    return sinks.size();
  }

  bool subscribes(std::string_view pattern) const {
    return std::any_of(subscriptions_.begin(), subscriptions_.end(),
                       [&](const auto& entry) { return entry.second.pattern == pattern; });
  }
  size_t subscription_count() const { return subscriptions_.size(); }

  // Everything sent since the last call.
  std::vector<Sent> Take() { return std::exchange(sent, {}); }
  // Payloads sent to one inbox or subject since the last Take().
  std::vector<std::string> PayloadsTo(std::string_view inbox) const {
    std::vector<std::string> out;
    for (const auto& message : sent) {
      if (message.inbox == inbox) {
        out.push_back(message.payload);
      }
    }
    return out;
  }

  std::vector<Sent> sent;
  std::vector<std::string> interest;  // patterns that clients subscribe; with " group" in a group
  StringSet no_interest;              // inboxes and subjects that nobody subscribes
  StringSet congested;                // inboxes whose receivers are slow

 private:
  // To the sinks that subscribe the inbox; they see the message's own subject.
  void Hand(AccountId account, std::string_view inbox, const jetstream::Outbound& message) {
    std::vector<jetstream::Sink*> sinks;
    for (const auto& [id, subscription] : subscriptions_) {
      if (subscription.account == account && protocol::Matches(inbox, subscription.pattern)) {
        sinks.push_back(subscription.sink);
      }
    }
    for (auto* sink : sinks) {
      sink->OnMessage({account, message.subject, message.reply, message.headers, message.payload});
    }
  }

  void Record(AccountId account, std::string_view inbox, const jetstream::Outbound& message) {
    sent.push_back({account, std::string(inbox), std::string(message.subject),
                    std::string(message.reply), std::string(message.headers),
                    std::string(message.payload)});
  }

  std::map<SubscriptionId, Subscription> subscriptions_;
  SubscriptionId last_id_ = 0;
  std::map<WatchId, jetstream::InterestWatcher*> watchers_;
};

}  // namespace weir::testing

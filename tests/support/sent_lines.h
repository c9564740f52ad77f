#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/json.h"
#include "protocol/base/strings.h"
#include "protocol/headers.h"
#include "tests/support/delivery_model.h"
#include "tests/support/fake_router.h"

namespace weir::testing {

// What clients were sent, as lines that a DeliveryModel can say beforehand: ids that are random
// (pins, requests of flow control) are told by the order in which a consumer's appear.
class SentLines {
 public:
  static constexpr std::string_view kGivenUp = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.";

  // Everything since the last call, by inbox.
  DeliveryModel::Sent Take(FakeRouter& router) {
    DeliveryModel::Sent out;
    for (const auto& sent : router.Take()) {
      if (router.no_interest.contains(sent.inbox)) {
        LineOf(sent);  // only counted: whether the one who has left is told so is all the same
      } else if (sent.inbox.starts_with("_INBOX.") || sent.inbox.starts_with("push.")) {
        out[sent.inbox].push_back(LineOf(sent));
      } else if (sent.inbox.starts_with(kGivenUp)) {
        out["MAX_DELIVERIES"].push_back(GivenUpLine(sent.payload));
      }
    }
    SortGivenUp(out);
    return out;
  }
  // They come from several consumers, in no order.
  static void SortGivenUp(DeliveryModel::Sent& sent) {
    if (auto at = sent.find("MAX_DELIVERIES"); at != sent.end()) {
      std::sort(at->second.begin(), at->second.end());
    }
  }

  // Of the how manieth pin, or request of flow control, of this consumer.
  std::string PinId(const std::string& consumer, int number) const {
    return pins_.IdOf(consumer, number);
  }
  std::string FlowControlId(const std::string& consumer, int number) const {
    return requests_.IdOf(consumer, number);
  }

 private:
  class Numbers {
   public:
    int Of(const std::string& consumer, std::string_view id) {
      auto [at, is_new] = numbers_.try_emplace(std::string(id), 0);
      if (is_new) {
        at->second = ++last_[consumer];
        ids_[{consumer, at->second}] = at->first;
      }
      return at->second;
    }
    std::string IdOf(const std::string& consumer, int number) const {
      auto at = ids_.find({consumer, number});
      return at == ids_.end() ? std::string() : at->second;
    }

   private:
    std::map<std::string, int> numbers_;                      // by id
    std::map<std::pair<std::string, int>, std::string> ids_;  // by consumer and number
    std::map<std::string, int> last_;                         // by consumer
  };

  static std::string GivenUpLine(std::string_view advisory) {
    auto value = ParseJson(advisory);
    WEIR_CHECK(value.ok());
    const auto& object = value->as_object();
    return Cat(std::string_view(object.at("consumer").as_string()), " ",
               object.at("stream_seq").to_number<uint64_t>(), " ",
               object.at("deliveries").to_number<uint64_t>());
  }
  int RequestOf(std::string_view id) {
    return requests_.Of(std::string(protocol::TokenAt(id, 3)), id);
  }
  std::string LineOf(const FakeRouter::Sent& sent) {
    std::string headers = sent.headers;
    if (sent.reply.starts_with("$JS.FC.")) {
      return Cat(headers, " #", RequestOf(sent.reply));
    }
    if (auto stalled = protocol::FindHeader(headers, "Nats-Consumer-Stalled")) {
      return protocol::WithHeader(headers, "Nats-Consumer-Stalled", Cat(RequestOf(*stalled)));
    }
    if (sent.reply.empty()) {
      return headers;
    }
    if (auto id = protocol::FindHeader(headers, "Nats-Pin-Id")) {
      int number = pins_.Of(std::string(protocol::TokenAt(sent.reply, 3)), *id);
      headers = protocol::WithHeader(headers, "Nats-Pin-Id", Cat(number));
    }
    return DeliveryModel::Line(sent.subject, sent.reply, headers, sent.payload);
  }

  Numbers pins_;
  Numbers requests_;
};

}  // namespace weir::testing

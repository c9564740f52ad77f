#pragma once

#include <array>
#include <string_view>

#include "jetstream/environment.h"
#include "jetstream/message_lookup.h"

namespace weir::jetstream {

class Stream;

// Direct gets of a stream with allow_direct (jetstream-api.md 7): one message by sequence, by last
// or next of a subject, or by time, answered from the home without the API router. Several at once
// are batch_get.h's.
class DirectGet : public Sink {
 public:
  explicit DirectGet(Stream& stream);  // subscribes
  ~DirectGet() override;               // unsubscribes
  DirectGet(const DirectGet&) = delete;
  DirectGet& operator=(const DirectGet&) = delete;

  void OnMessage(const Inbound& message) override;

 private:
  void Answer(std::string_view reply, int status, std::string_view text);
  void Find(MessageQuery query, std::string_view reply);

  Stream& stream_;
  std::array<Router::SubscriptionId, 2> subscriptions_{};
};

}  // namespace weir::jetstream

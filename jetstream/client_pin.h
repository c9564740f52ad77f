#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "jetstream/environment.h"

namespace weir::jetstream {

// The one client that gets the messages of a consumer with priority policy pinned_client, named by
// an id that its first message carries (jetstream-api.md 9.9). The pin is lost when no request
// with the id comes for the consumer's priority_timeout. Confined to the consumer's home.
class ClientPin {
 public:
  // `changed` is told of a new pin with an empty reason, of a lost one with "timeout" or "admin".
  ClientPin(Environment& env, std::function<void(std::string_view reason)> changed);
  ~ClientPin();
  ClientPin(const ClientPin&) = delete;
  ClientPin& operator=(const ClientPin&) = delete;

  void Configure(int64_t timeout_ns) { timeout_ns_ = timeout_ns; }

  // Empty: nobody is pinned.
  const std::string& id() const { return id_; }
  // Wall time; kZeroTime while nobody is pinned.
  int64_t since_ns() const { return since_ns_; }

  // Pins a client that has no id yet.
  void Assign();
  // A request with the id came.
  void Touch();
  void Release(std::string_view reason);

 private:
  Environment& env_;
  std::function<void(std::string_view)> changed_;
  int64_t timeout_ns_ = 0;
  std::string id_;
  int64_t since_ns_;
  TimerQueue::TimerId timer_;
};

}  // namespace weir::jetstream

#pragma once

#include <string>

#include "jetstream/environment.h"

namespace weir::jetstream {

// An inbound message with bytes of its own, for what has to wait.
struct OwnedMessage {
  AccountId account;
  std::string subject;
  std::string reply;
  std::string headers;
  std::string payload;

  static OwnedMessage Copy(const Inbound& message) {
    return {message.account, std::string(message.subject), std::string(message.reply),
            std::string(message.headers), std::string(message.payload)};
  }
  Inbound view() const { return {account, subject, reply, headers, payload}; }
  size_t bytes() const {
    return subject.size() + reply.size() + headers.size() + payload.size() + sizeof(*this);
  }
};

}  // namespace weir::jetstream

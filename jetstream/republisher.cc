#include "jetstream/republisher.h"

#include <utility>

#include "protocol/base/strings.h"
#include "protocol/headers.h"

namespace weir::jetstream {

Republisher::Republisher(std::string stream, const RepublishConfig& config)
    : stream_(std::move(stream)),
      config_(config),
      transform_(
          *protocol::SubjectTransform::Make(config.src.empty() ? ">" : config.src, config.dest)) {}

void Republisher::Stage(const storage::MessageView& message, StreamSeq previous, Random& random) {
  if (!transform_.Covers(message.subject)) {
    return;
  }
  std::string headers;
  if (message.headers.size() > protocol::kHeaderLine.size() + 2) {
    headers.assign(message.headers.substr(0, message.headers.size() - 2));
  } else {
    headers.assign(protocol::kHeaderLine);
  }
  CatTo(headers, "Nats-Stream: ", stream_, "\r\nNats-Subject: ", message.subject,
        "\r\nNats-Sequence: ", message.seq, "\r\nNats-Time-Stamp: ", FormatTime(message.time_ns),
        "\r\nNats-Last-Sequence: ", previous, "\r\n");
  if (config_.headers_only) {
    CatTo(headers, "Nats-Msg-Size: ", message.payload.size(), "\r\n");
  }
  headers.append("\r\n");
  waiting_.push_back({message.seq, transform_.Apply(message.subject, random), std::move(headers),
                      config_.headers_only ? std::string() : std::string(message.payload)});
}

void Republisher::Release(StreamSeq committed, AccountId account, Router& router) {
  while (!waiting_.empty() && waiting_.front().seq <= committed) {
    Waiting one = std::move(waiting_.front());
    waiting_.pop_front();
    router.Publish(account, {one.subject, {}, one.headers, one.payload});
  }
}

}  // namespace weir::jetstream

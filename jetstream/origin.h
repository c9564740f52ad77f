#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/environment.h"
#include "jetstream/js_subjects.h"
#include "jetstream/stream_config.h"
#include "protocol/base/json.h"
#include "protocol/base/timer_queue.h"
#include "protocol/subject_transform.h"

namespace weir::jetstream {

class Stream;

// A stream that another one mirrors or sources from (jetstream-api.md 10). Belongs to the stream
// that follows, at its home.
//
// Follows through an ephemeral push consumer on the origin, made and fed through the router, so
// that the origin may live at any home, or behind an import of another account. Flow control is
// answered when what came before is committed, which bounds what is under way. A gap in the
// consumer's sequence, ten silent seconds or a stream that is full end the consumer; another one
// goes on behind the last message that was taken.
class Origin {
 public:
  // `position`: the last sequence of the origin that has been taken; 0: none yet.
  Origin(Stream& stream, StreamSource source, bool mirror, StreamSeq position);
  ~Origin();
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  void Start();
  StreamSeq position() const { return position_; }
  // What tells origins of one stream apart: name, filters and where it is.
  static std::string KeyOf(const StreamSource& source);
  // An object for StreamInfo.
  void WriteInfo(JsonWriter& out) const;

 private:
  // Passes a subscription's messages on.
  class Ear : public Sink {
   public:
    explicit Ear(std::function<void(const Inbound&)> hear) : hear_(std::move(hear)) {}
    void OnMessage(const Inbound& message) override { hear_(message); }

   private:
    std::function<void(const Inbound&)> hear_;
  };

  void Connect();
  void Disconnect();
  void RetryLater();
  // Ends this consumer and makes another one after a while.
  void StartOver();
  void Watch();
  std::string ApiSubject(std::string_view rest) const;
  std::string CreateBody() const;
  void OnReply(const Inbound& reply);
  void OnDelivery(const Inbound& message);
  void OnStatus(const Inbound& message);
  void AnswerFlowControl(std::string_view subject);
  // False: the stream does not take it now.
  bool Take(const Inbound& message, const AckInfo& info);
  bool Mirror(const Inbound& message, const AckInfo& info, std::string_view subject);
  bool TakeSourced(const Inbound& message, const AckInfo& info, std::string_view subject,
                   const SubjectTransformConfig* transform);

  Stream& stream_;
  const StreamSource source_;
  const bool mirror_;
  std::vector<protocol::SubjectTransform> transforms_;  // one for each of source_'s with a target
  std::vector<int> transform_of_;                       // of each of source_'s; -1: none

  StreamSeq position_;
  std::string name_;  // of the consumer; empty when there is none
  std::string deliver_;
  ConsumerSeq heard_ = 0;
  uint64_t lag_ = 0;
  int64_t last_heard_ns_ = 0;  // steady; 0: never
  std::string error_;          // the error object that the origin answered with, as JSON
  int failures_ = 0;
  Ear replies_;
  Ear deliveries_;
  Router::SubscriptionId reply_subscription_ = 0;
  Router::SubscriptionId deliver_subscription_ = 0;
  TimerQueue::TimerId timer_;
};

}  // namespace weir::jetstream

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/api_errors.h"
#include "jetstream/environment.h"
#include "jetstream/js_subjects.h"
#include "jetstream/origin_position.h"
#include "jetstream/stream_config.h"
#include "protocol/base/json.h"
#include "protocol/base/timer_queue.h"
#include "protocol/subject_transform.h"

namespace weir::jetstream {

class Stream;

// A stream that another one mirrors or sources from (jetstream-api.md 10). Belongs to the stream
// that follows, at its home.
//
// Follows through a push consumer on the origin, made and fed through the router, so that the
// origin may live at any home or in another domain: an ephemeral one, or one that the
// configuration names and that is reset. Flow control is answered when what came before is
// committed, which bounds what is under way and is the acknowledgement of an origin that keeps its
// messages for that. A gap in the consumer's sequence, silence or a stream that is full
// end the session; another one goes on behind the last message that was taken.
class Origin {
 public:
  Origin(Stream& stream, StreamSource source, bool mirror, OriginPosition position);
  ~Origin();
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  void Start();
  // The configuration names the origin no more, or the stream is deleted: nothing of it is to stay
  // at the origin. Comes before the destruction, which leaves a durable consumer there.
  void Forget();
  // What tells origins of one stream apart: name, place, consumer, filters and targets, as in the
  // header Nats-Stream-Source.
  static std::string KeyOf(const StreamSource& source);
  // An object for StreamInfo; `stored` is the sequence to show, 0 for none.
  void WriteInfo(JsonWriter& out, StreamSeq stored) const;

 private:
  // Passes a subscription's messages on.
  class Ear : public Sink {
   public:
    explicit Ear(std::function<void(const Inbound&)> hear) : hear_(std::move(hear)) {}
    void OnMessage(const Inbound& message) override { hear_(message); }

   private:
    std::function<void(const Inbound&)> hear_;
  };

  bool has_own_consumer() const { return !source_.consumer; }
  std::string OwnName() const;
  void Connect();
  void Request(const std::string& reply);
  // Ends the session; an ephemeral consumer goes with it.
  void Disconnect();
  // Ends the session, and begins another one after a while that grows with the failures.
  void StartOver();
  void ConnectAfter(int64_t wait_ns);
  void Watch(int64_t due_ns);
  std::string ApiSubject(std::string_view rest) const;
  // The filter, if there is exactly one.
  std::string_view OnlyFilter() const;
  std::string CreateBody() const;
  void WriteStart(JsonWriter& out) const;
  void EndReply();
  void OnReply(const Inbound& reply);
  void OnRefused(const boost::json::object& error);
  void NoteIdentity(std::string_view identity);
  // The session stands; `info` describes the consumer. False: it is of no use.
  bool Adopt(const boost::json::object& info);
  void OnDelivery(const Inbound& message);
  void OnStatus(const Inbound& message);
  void OnStalled(std::string_view subject);
  void AnswerFlowControl(std::string_view subject);
  // False: the stream does not take it now.
  bool Take(const Inbound& message, const AckInfo& info);
  std::string Transformed(std::string_view subject) const;
  bool TakeMirrored(const Inbound& message, const AckInfo& info, std::string_view subject);
  bool TakeSourced(const Inbound& message, const AckInfo& info, std::string_view subject);

  Stream& stream_;
  const StreamSource source_;
  const bool mirror_;
  const std::string key_;
  std::vector<protocol::SubjectTransform> transforms_;  // those that change something

  OriginPosition position_;
  bool connected_ = false;  // or has tried to
  bool recreated_ = false;  // the origin was made anew: its beginning counts
  std::string name_;        // of the consumer; empty between sessions
  std::string deliver_;
  bool ephemeral_ = false;  // it goes with the session
  ConsumerSeq heard_ = 0;
  uint64_t lag_ = 0;
  int64_t last_heard_ns_ = 0;  // steady; 0: never
  ApiError error_;             // what the origin answered
  std::string stalled_on_;     // the flow control request that it waits for
  int stalls_ = 0;             // how often it has said so
  int failures_ = 0;
  Ear replies_;
  Ear deliveries_;
  Router::SubscriptionId reply_subscription_ = 0;
  Router::SubscriptionId deliver_subscription_ = 0;
  TimerQueue::TimerId timer_;
};

}  // namespace weir::jetstream

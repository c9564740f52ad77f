// What an origin does with the messages that come from it, and what is told of it.

#include <algorithm>
#include <utility>

#include "jetstream/origin.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

constexpr int kStalled = 10228;
constexpr int kTooManyStalls = 3;
// A mirror that is so many messages behind answers direct gets for its origin.
constexpr uint64_t kCaughtUp = 10;

bool IsForOrigin(std::string_view key) {
  return key.starts_with("Nats-Expected-") || key.starts_with("Nats-Batch-");
}

// The headers of a message without what was meant for the origin; `also` goes too.
std::string TakenHeaders(std::string_view headers, std::string_view also) {
  std::string out;
  for (protocol::HeaderCursor line(headers); line.Next();) {
    if (!IsForOrigin(line.key()) && line.key() != also) {
      CatTo(out, line.key(), ": ", line.value(), "\r\n");
    }
  }
  return out.empty() ? out : Cat(protocol::kHeaderLine, out, "\r\n");
}

bool HasForeign(std::string_view headers) {
  return headers.find("\nNats-Expected-") != std::string_view::npos ||
         headers.find("\nNats-Batch-") != std::string_view::npos;
}

}  // namespace

void Origin::OnDelivery(const Inbound& message) {
  if (stream_.stopped() || deliver_subscription_ == 0) {
    return;
  }
  last_heard_ns_ = stream_.env().clock.steady_ns();
  if (message.payload.empty() && message.headers.starts_with("NATS/1.0 100 ")) {
    OnStatus(message);
    return;
  }
  auto info = ParseAckSubject(message.reply);
  if (!info) {
    return;
  }
  if (info->consumer_seq != heard_ + 1 || !Take(message, *info)) {
    StartOver();
    return;
  }
  heard_ = info->consumer_seq;
  lag_ = info->pending == 0 ? 0 : info->pending - 1;
  position_.seq = std::max(position_.seq, info->stream_seq);
  OnStalled({});
  if (mirror_ && info->pending < kCaughtUp) {
    stream_.ServeMirrored();
  }
}

void Origin::OnStatus(const Inbound& message) {
  if (!message.reply.empty()) {
    AnswerFlowControl(message.reply);
    return;
  }
  auto last = protocol::FindHeader(message.headers, "Nats-Last-Consumer");
  ConsumerSeq said = last ? ParseNumber<ConsumerSeq>(*last).value_or(0) : 0;
  if (said > 0 && said != heard_) {
    StartOver();
    return;
  }
  auto stalled = protocol::FindHeader(message.headers, "Nats-Consumer-Stalled").value_or("");
  OnStalled(stalled);
  if (!stalled.empty()) {
    AnswerFlowControl(stalled);
  }
}

void Origin::OnStalled(std::string_view subject) {
  if (subject != stalled_on_) {
    stalled_on_ = subject;
    stalls_ = 0;
  }
  if (subject.empty()) {
    if (error_.err_code == kStalled) {
      error_ = {};
    }
    return;
  }
  if (++stalls_ == kTooManyStalls) {
    error_ = MakeError(kStalled);
    Environment& env = stream_.env();
    env.log.Warn("JetStream stream '", env.accounts.NameOf(stream_.account()), " > ",
                 stream_.name(), "' ", mirror_ ? "mirror" : "source", " '", source_.name,
                 "' is stalled on flow control, replies are not reaching the consumer");
  }
}

// An origin that keeps its messages for us lets them go with this answer: what was taken must have
// been stored as safely as this server stores.
void Origin::AnswerFlowControl(std::string_view subject) {
  std::string headers = protocol::HeaderBuilder()
                            .Add("Nats-Last-Consumer", Cat(heard_))
                            .Add("Nats-Last-Stream", Cat(position_.seq))
                            .Take();
  auto answer = [&shard = stream_.shard(), id = stream_.id(), subject = std::string(subject),
                 headers = std::move(headers)](const Status& status) {
    Stream* stream = shard.Find(id);
    if (status.ok() && stream != nullptr) {
      stream->env().router.Publish(stream->account(), {subject, {}, headers, {}});
    }
  };
  if (stream_.persistent() && stream_.env().options.sync_always) {
    stream_.shard().WhenDurable(std::move(answer));
  } else {
    stream_.shard().WhenCommitted(std::move(answer));
  }
}

bool Origin::Take(const Inbound& message, const AckInfo& info) {
  if (info.stream_seq <= position_.seq) {
    return true;
  }
  std::string subject = Transformed(message.subject);
  return mirror_ ? TakeMirrored(message, info, subject) : TakeSourced(message, info, subject);
}

std::string Origin::Transformed(std::string_view subject) const {
  for (const auto& transform : transforms_) {
    if (transform.Covers(subject)) {
      return stream_.Transformed(transform.Apply(subject, stream_.env().random));
    }
  }
  return stream_.Transformed(subject);
}

bool Origin::TakeMirrored(const Inbound& message, const AckInfo& info, std::string_view subject) {
  storage::MessageView view;
  view.seq = info.stream_seq;
  view.time_ns = info.time_ns;
  view.subject = subject;
  view.payload = message.payload;
  view.headers = message.headers;
  std::string headers;
  if (HasForeign(message.headers)) {
    headers = TakenHeaders(message.headers, {});
    view.headers = headers;
  }
  return stream_.StoreMirrored(view);
}

bool Origin::TakeSourced(const Inbound& message, const AckInfo& info, std::string_view subject) {
  constexpr std::string_view kMark = "Nats-Stream-Source";
  size_t name_end = key_.find(' ');
  std::string mark =
      Cat(key_.substr(0, name_end), " ", info.stream_seq, key_.substr(name_end), " ",
          message.subject, position_.identity.empty() ? "" : " ", position_.identity);
  std::string headers = protocol::WithHeader(TakenHeaders(message.headers, kMark), kMark, mark);
  Inbound sourced;
  sourced.account = stream_.account();
  sourced.subject = subject;
  sourced.headers = headers;
  sourced.payload = message.payload;
  return stream_.StoreSourced(sourced, key_, {info.stream_seq, position_.identity});
}

void Origin::WriteInfo(JsonWriter& out, StreamSeq stored) const {
  out.OpenObject().Field("name", source_.name);
  if (source_.external) {
    out.Key("external").OpenObject().Field("api", source_.external->api);
    out.Field("deliver", source_.external->deliver).CloseObject();
  }
  out.Field("lag", lag_).Optional("seq", stored);
  int64_t now_ns = stream_.env().clock.steady_ns();
  out.Field("active", last_heard_ns_ == 0 ? int64_t{-1} : now_ns - last_heard_ns_);
  if (error_) {
    error_.WriteTo(out);
  }
  if (!mirror_ || connected_) {
    // As the reference has it, which knows a mirror's filter when it has asked for a consumer.
    out.Optional("filter_subject", source_.filter_subject);
  }
  if (!source_.subject_transforms.empty()) {
    out.Key("subject_transforms").OpenArray();
    for (const auto& transform : source_.subject_transforms) {
      out.OpenObject().Field("src", transform.src).Field("dest", transform.dest).CloseObject();
    }
    out.CloseArray();
  }
  out.CloseObject();
}

}  // namespace weir::jetstream

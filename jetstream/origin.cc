#include "jetstream/origin.h"

#include <algorithm>
#include <utility>

#include <boost/json/serialize.hpp>

#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "jetstream/stream_rules.h"
#include "protocol/base/nuid.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kApi = "$JS.API";
constexpr size_t kNameSize = 8;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSilence = 10 * kSecond;
constexpr int64_t kHeartbeat = kSecond;
constexpr int kLongestRetry = 10;  // seconds

// The headers of a mirrored message without what was meant for the origin.
std::string MirroredHeaders(std::string_view headers) {
  std::string out;
  for (protocol::HeaderCursor line(headers); line.Next();) {
    std::string_view key = line.key();
    if (!key.starts_with("Nats-Expected-") && !key.starts_with("Nats-Batch-")) {
      CatTo(out, key, ": ", line.value(), "\r\n");
    }
  }
  return out.empty() ? out : Cat("NATS/1.0\r\n", out, "\r\n");
}

}  // namespace

Origin::Origin(Stream& stream, StreamSource source, bool mirror, StreamSeq position)
    : stream_(stream),
      source_(std::move(source)),
      mirror_(mirror),
      position_(position),
      replies_([this](const Inbound& reply) { OnReply(reply); }),
      deliveries_([this](const Inbound& message) { OnDelivery(message); }) {
  for (const auto& config : source_.subject_transforms) {
    auto made = MakeTransform(config);
    WEIR_CHECK(made.ok());  // CheckOrigins() has seen it
    transform_of_.push_back(made->has_value() ? static_cast<int>(transforms_.size()) : -1);
    if (made->has_value()) {
      transforms_.push_back(**std::move(made));
    }
  }
}

Origin::~Origin() {
  stream_.env().timers.Cancel(timer_);
  Disconnect();
}

std::string Origin::KeyOf(const StreamSource& source) {
  std::string out = Cat(source.name, " ", source.filter_subject);
  for (const auto& transform : source.subject_transforms) {
    CatTo(out, " ", transform.src, ">", transform.dest);
  }
  if (source.external) {
    CatTo(out, " ", source.external->api, " ", source.external->deliver);
  }
  return out;
}

void Origin::Start() {
  Connect();
}

std::string Origin::ApiSubject(std::string_view rest) const {
  std::string_view prefix = source_.external && !source_.external->api.empty()
                                ? std::string_view(source_.external->api)
                                : kApi;
  return Cat(prefix, ".", rest);
}

std::string Origin::CreateBody() const {
  JsonWriter out;
  out.OpenObject().Field("stream_name", source_.name).Key("config").OpenObject();
  out.Field("name", name_).Field("deliver_subject", deliver_);
  if (position_ > 0) {
    out.Field("deliver_policy", "by_start_sequence").Field("opt_start_seq", position_ + 1);
  } else if (source_.opt_start_seq > 0) {
    out.Field("deliver_policy", "by_start_sequence").Field("opt_start_seq", source_.opt_start_seq);
  } else if (source_.opt_start_time_ns) {
    out.Field("deliver_policy", "by_start_time");
    out.Key("opt_start_time").Time(*source_.opt_start_time_ns);
  } else {
    out.Field("deliver_policy", "all");
  }
  out.Field("ack_policy", "none").Field("max_deliver", 1).Field("replay_policy", "instant");
  if (!source_.filter_subject.empty()) {
    out.Field("filter_subject", source_.filter_subject);
  } else if (!source_.subject_transforms.empty()) {
    std::vector<std::string> filters;
    for (const auto& transform : source_.subject_transforms) {
      filters.push_back(transform.src.empty() ? ">" : transform.src);
    }
    out.Strings("filter_subjects", filters);
  }
  out.Field("flow_control", true).Field("idle_heartbeat", kHeartbeat);
  out.Field("inactive_threshold", kSilence).Field("direct", true).Field("sourcing", true);
  out.CloseObject().CloseObject();
  return out.Take();
}

void Origin::Connect() {
  Environment& env = stream_.env();
  std::string id = RandomName(env.random, kNameSize);
  name_ = Cat(mirror_ ? "JS_MIRROR_" : "JS_SOURCE_", id);
  bool away = source_.external && !source_.external->deliver.empty();
  deliver_ =
      Cat(away ? std::string_view(source_.external->deliver) : "$JS", mirror_ ? ".M." : ".S.", id);
  std::string reply = Cat("$JSC.R.", id);
  heard_ = 0;
  deliver_subscription_ = env.router.Subscribe(stream_.account(), deliver_, {}, deliveries_);
  reply_subscription_ = env.router.Subscribe(stream_.account(), reply, {}, replies_);
  std::string subject = ApiSubject(Cat("CONSUMER.CREATE.", source_.name, ".", name_));
  if (!source_.filter_subject.empty()) {
    CatTo(subject, ".", source_.filter_subject);
  }
  env.router.Publish(stream_.account(), {subject, reply, {}, CreateBody()});
  Watch();
}

void Origin::Disconnect() {
  if (name_.empty()) {
    return;
  }
  Environment& env = stream_.env();
  env.router.Unsubscribe(deliver_subscription_);
  env.router.Unsubscribe(reply_subscription_);
  std::string subject = ApiSubject(Cat("CONSUMER.DELETE.", source_.name, ".", name_));
  env.router.Publish(stream_.account(), {subject, {}, {}, {}});
  name_.clear();
}

void Origin::StartOver() {
  Disconnect();
  RetryLater();
}

void Origin::RetryLater() {
  Environment& env = stream_.env();
  env.timers.Cancel(timer_);
  failures_ = std::min(failures_ + 1, kLongestRetry);
  timer_ = env.timers.Schedule(env.clock.steady_ns() + failures_ * kSecond, [this] {
    timer_ = {};
    Connect();
  });
}

void Origin::Watch() {
  Environment& env = stream_.env();
  env.timers.Cancel(timer_);
  timer_ = env.timers.Schedule(env.clock.steady_ns() + kSilence, [this] {
    timer_ = {};
    StartOver();
  });
}

void Origin::OnReply(const Inbound& reply) {
  auto value = ParseJson(reply.payload);
  const auto* answer = value.ok() ? value->if_object() : nullptr;
  if (answer == nullptr) {
    StartOver();  // nobody is there
    return;
  }
  const auto* error = answer->if_contains("error");
  if (error != nullptr) {
    error_ = boost::json::serialize(*error);
    StartOver();
    return;
  }
  error_.clear();
  failures_ = 0;
  JsonReader in(*answer);
  in.Read("num_pending", lag_);
  last_heard_ns_ = stream_.env().clock.steady_ns();
}

void Origin::OnDelivery(const Inbound& message) {
  if (stream_.stopped() || name_.empty()) {
    return;
  }
  last_heard_ns_ = stream_.env().clock.steady_ns();
  Watch();
  if (protocol::StatusOf(message.headers)) {
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
  lag_ = info->pending;
  position_ = std::max(position_, info->stream_seq);
}

void Origin::OnStatus(const Inbound& message) {
  if (!message.reply.empty()) {
    AnswerFlowControl(message.reply);
    return;
  }
  auto stalled = protocol::FindHeader(message.headers, "Nats-Consumer-Stalled");
  if (stalled && !stalled->empty()) {
    AnswerFlowControl(*stalled);
  }
  auto last = protocol::FindHeader(message.headers, "Nats-Last-Consumer");
  if (last && ParseNumber<ConsumerSeq>(*last).value_or(heard_) != heard_) {
    StartOver();
  }
}

void Origin::AnswerFlowControl(std::string_view subject) {
  stream_.shard().WhenCommitted([&shard = stream_.shard(), id = stream_.id(),
                                 subject = std::string(subject)](const Status& status) {
    Stream* stream = shard.Find(id);
    if (status.ok() && stream != nullptr) {
      stream->env().router.Publish(stream->account(), {subject, {}, {}, {}});
    }
  });
}

bool Origin::Take(const Inbound& message, const AckInfo& info) {
  if (info.stream_seq <= position_) {
    return true;
  }
  const SubjectTransformConfig* config = nullptr;
  std::string subject(message.subject);
  for (size_t i = 0; i < source_.subject_transforms.size(); ++i) {
    const auto& candidate = source_.subject_transforms[i];
    if (!candidate.src.empty() && !protocol::IsSubset(message.subject, candidate.src)) {
      continue;
    }
    config = &candidate;
    if (transform_of_[i] >= 0) {
      const auto& transform = transforms_[static_cast<size_t>(transform_of_[i])];
      subject = transform.Apply(message.subject, stream_.env().random);
    }
    break;
  }
  return mirror_ ? Mirror(message, info, subject) : TakeSourced(message, info, subject, config);
}

bool Origin::Mirror(const Inbound& message, const AckInfo& info, std::string_view subject) {
  std::string headers = MirroredHeaders(message.headers);
  storage::MessageView view;
  view.seq = info.stream_seq;
  view.time_ns = info.time_ns;
  view.subject = subject;
  view.headers = headers;
  view.payload = message.payload;
  return stream_.StoreMirrored(view);
}

bool Origin::TakeSourced(const Inbound& message, const AckInfo& info, std::string_view subject,
                         const SubjectTransformConfig* transform) {
  std::string_view filter = source_.filter_subject;
  std::string_view target = ">";
  if (transform != nullptr) {
    filter = transform->src;
    target = transform->dest.empty() ? std::string_view(">") : transform->dest;
  }
  std::string mark = Cat(source_.name, " ", info.stream_seq, " ", filter.empty() ? ">" : filter,
                         " ", target, " ", message.subject);
  std::string headers = protocol::WithHeader(message.headers, "Nats-Stream-Source", mark);
  Inbound sourced;
  sourced.account = stream_.account();
  sourced.subject = subject;
  sourced.headers = headers;
  sourced.payload = message.payload;
  return stream_.StoreSourced(sourced);
}

void Origin::WriteInfo(JsonWriter& out) const {
  out.OpenObject().Field("name", source_.name);
  if (source_.external) {
    out.Key("external").OpenObject().Field("api", source_.external->api);
    out.Field("deliver", source_.external->deliver).CloseObject();
  }
  out.Field("lag", lag_);
  if (!mirror_) {
    out.Optional("seq", position_);
  }
  int64_t now_ns = stream_.env().clock.steady_ns();
  out.Field("active", last_heard_ns_ == 0 ? int64_t{-1} : now_ns - last_heard_ns_);
  if (!error_.empty()) {
    out.Key("error").Raw(error_);
  }
  out.Optional("filter_subject", source_.filter_subject);
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

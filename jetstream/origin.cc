#include "jetstream/origin.h"

#include <algorithm>
#include <utility>

#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "jetstream/stream_rules.h"
#include "protocol/base/nuid.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kApi = "$JS.API";
constexpr std::string_view kIdentity = "Nats-Stream-Identity";
constexpr size_t kNameSize = 8;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kFirstWait = kSecond / 10;
constexpr int64_t kSilence = 4 * kSecond;  // with a heartbeat every second
constexpr int64_t kInactive = 10 * kSecond;
constexpr int64_t kHeartbeat = kSecond;
constexpr int64_t kAckWait = 22 * 3600 * kSecond;  // longer than any session
constexpr int kLongestRetry = 10;                  // seconds
constexpr int kOtherIdentity = 10225;

// "a..b", where a prefix ended in a dot.
std::string WithoutEmptyTokens(std::string subject) {
  for (size_t at = subject.find(".."); at != std::string::npos; at = subject.find("..", at)) {
    subject.erase(at, 1);
  }
  return subject;
}

}  // namespace

Origin::Origin(Stream& stream, StreamSource source, bool mirror, OriginPosition position)
    : stream_(stream),
      source_(std::move(source)),
      mirror_(mirror),
      key_(KeyOf(source_)),
      position_(std::move(position)),
      replies_([this](const Inbound& reply) { OnReply(reply); }),
      deliveries_([this](const Inbound& message) { OnDelivery(message); }) {
  for (const auto& config : source_.subject_transforms) {
    auto made = MakeTransform(config);
    WEIR_CHECK(made.ok());  // CheckOrigins() has seen it
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
  auto all = [](std::string_view subject) {
    return subject.empty() ? std::string_view(">") : subject;
  };
  std::string out = source.name;
  if (source.external) {
    CatTo(out, ":", StableName(source.external->api));
  }
  if (source.consumer) {
    CatTo(out, ":C=", StableName(source.consumer->name));
  }
  if (source.subject_transforms.empty()) {
    return Cat(out, " ", all(source.filter_subject), " >");
  }
  std::vector<std::string> filters;
  std::vector<std::string> targets;
  for (const auto& transform : source.subject_transforms) {
    filters.emplace_back(all(transform.src));
    targets.emplace_back(all(transform.dest));
  }
  return Cat(out, " ", Join(filters, "\f"), " ", Join(targets, "\f"));
}

// ---- the session ----

void Origin::Start() {
  ConnectAfter(kFirstWait);
}

void Origin::Connect() {
  Environment& env = stream_.env();
  std::string id = RandomName(env.random, kNameSize);
  std::string reply = Cat("$JSC.R.", id);
  connected_ = true;
  heard_ = 0;
  stalled_on_.clear();
  stalls_ = 0;
  Watch(env.clock.steady_ns() + kSilence);
  reply_subscription_ = env.router.Subscribe(stream_.account(), reply, {}, replies_);
  if (!has_own_consumer()) {
    name_ = source_.consumer->name;
    deliver_ = source_.consumer->deliver_subject;
    ephemeral_ = false;
    env.router.Publish(stream_.account(),
                       {ApiSubject(Cat("CONSUMER.RESET.", source_.name, ".", name_)),
                        reply,
                        Cat(protocol::kHeaderLine, kIdentity, ": \r\n\r\n"),
                        {}});
  } else {
    name_ = OwnName();
    ephemeral_ = true;
    bool away = source_.external && !source_.external->deliver.empty();
    std::string_view prefix = away ? std::string_view(source_.external->deliver) : "$JS";
    deliver_ = WithoutEmptyTokens(Cat(prefix, mirror_ ? ".M." : ".S.", id));
    Request(reply);
  }
}

// Always the same, so that a durable consumer is found again.
std::string Origin::OwnName() const {
  Environment& env = stream_.env();
  return Cat(mirror_ ? "JS_MIRROR_" : "JS_SRC_",
             StableName(Cat(stream_.name(), " ", env.accounts.NameOf(stream_.account()), " ",
                            env.options.domain, " ", mirror_ ? std::string() : key_)));
}

void Origin::Request(const std::string& reply) {
  std::string subject = Cat("CONSUMER.CREATE.", source_.name);
  if (std::string_view filter = OnlyFilter(); !filter.empty()) {
    CatTo(subject, ".", name_, ".", filter);
  }
  protocol::HeaderBuilder headers;
  headers.Add("Nats-Required-Api-Level", mirror_ ? "4" : "5");
  if (!position_.identity.empty()) {
    headers.Add(kIdentity, position_.identity);
  }
  stream_.env().router.Publish(stream_.account(),
                               {ApiSubject(subject), reply, headers.Take(), CreateBody()});
}

std::string Origin::ApiSubject(std::string_view rest) const {
  std::string_view prefix = source_.external && !source_.external->api.empty()
                                ? std::string_view(source_.external->api)
                                : kApi;
  return WithoutEmptyTokens(Cat(prefix, ".", rest));
}

std::string_view Origin::OnlyFilter() const {
  if (!source_.filter_subject.empty()) {
    return source_.filter_subject;
  }
  return source_.subject_transforms.size() == 1
             ? std::string_view(source_.subject_transforms.front().src)
             : std::string_view();
}

std::string Origin::CreateBody() const {
  Environment& env = stream_.env();
  JsonWriter out;
  out.OpenObject().Field("stream_name", source_.name).Key("config").OpenObject();
  out.Field("name", name_).Field("deliver_subject", deliver_);
  WriteStart(out);
  out.Field("ack_policy", "none").Field("ack_wait", kAckWait).Field("max_deliver", 1);
  if (std::string_view filter = OnlyFilter(); !filter.empty()) {
    out.Field("filter_subject", filter);
  } else if (!source_.subject_transforms.empty()) {
    std::vector<std::string> filters;
    for (const auto& transform : source_.subject_transforms) {
      filters.push_back(transform.src.empty() ? ">" : transform.src);
    }
    out.Strings("filter_subjects", filters);
  }
  out.Field("replay_policy", "instant").Field("flow_control", true);
  out.Field("idle_heartbeat", kHeartbeat).Field("inactive_threshold", kInactive);
  out.Field("direct", true).Field("sourcing", true);
  std::string_view prefix = mirror_ ? "_nats.mirror." : "_nats.src.";
  out.Key("metadata").OpenObject();
  out.Field(Cat(prefix, "acc"), env.accounts.NameOf(stream_.account()));
  if (!env.options.domain.empty()) {
    out.Field(Cat(prefix, "domain"), env.options.domain);
  }
  out.Field(Cat(prefix, "stream"), stream_.name()).CloseObject();
  out.CloseObject().CloseObject();
  return out.Take();
}

// Behind what has been taken. In the beginning where the configuration says; where it says nothing,
// a source of a stream that has lived already begins with what comes now, as in the reference.
void Origin::WriteStart(JsonWriter& out) const {
  const auto& state = stream_.store().state();
  auto by_sequence = [&out](StreamSeq seq) {
    out.Field("deliver_policy", "by_start_sequence").Field("opt_start_seq", seq);
  };
  auto by_time = [&out](int64_t time_ns) {
    out.Field("deliver_policy", "by_start_time").Key("opt_start_time").Time(time_ns);
  };
  if (position_.seq > 0) {
    by_sequence(position_.seq + 1);
  } else if (source_.opt_start_seq > 0) {
    by_sequence(source_.opt_start_seq);
  } else if (source_.opt_start_time_ns) {
    by_time(mirror_ ? *source_.opt_start_time_ns
                    : std::max(*source_.opt_start_time_ns, state.last_time_ns));
  } else if (!mirror_ && state.first_seq > 1 && state.last_time_ns != 0 && !recreated_) {
    by_time(state.last_time_ns);
  } else {
    out.Field("deliver_policy", "all");
  }
}

void Origin::EndReply() {
  stream_.env().router.Unsubscribe(std::exchange(reply_subscription_, 0));
}

void Origin::Disconnect() {
  if (name_.empty()) {
    return;
  }
  Environment& env = stream_.env();
  EndReply();
  env.router.Unsubscribe(std::exchange(deliver_subscription_, 0));
  if (ephemeral_) {
    Forget();
  }
  name_.clear();
}

void Origin::Forget() {
  if (!has_own_consumer()) {
    return;
  }
  ephemeral_ = false;
  std::string name = name_.empty() ? OwnName() : name_;
  std::string subject = ApiSubject(Cat("CONSUMER.DELETE.", source_.name, ".", name));
  stream_.env().router.Publish(stream_.account(), {subject, {}, {}, {}});
}

void Origin::StartOver() {
  Disconnect();
  failures_ = std::min(failures_ + 1, kLongestRetry);
  ConnectAfter(failures_ * kSecond);
}

void Origin::ConnectAfter(int64_t wait_ns) {
  Environment& env = stream_.env();
  env.timers.Cancel(timer_);
  timer_ = env.timers.Schedule(env.clock.steady_ns() + wait_ns, [this] {
    timer_ = {};
    Connect();
  });
}

void Origin::Watch(int64_t due_ns) {
  Environment& env = stream_.env();
  env.timers.Cancel(timer_);
  timer_ = env.timers.Schedule(due_ns, [this] {
    timer_ = {};
    int64_t due = last_heard_ns_ + kSilence;
    if (reply_subscription_ == 0 && due > stream_.env().clock.steady_ns()) {
      Watch(due);
    } else {
      StartOver();
    }
  });
}

void Origin::OnReply(const Inbound& reply) {
  if (reply_subscription_ == 0) {
    return;
  }
  auto value = ParseJson(reply.payload);
  const auto* answer = value.ok() ? value->if_object() : nullptr;
  if (answer == nullptr) {
    StartOver();  // nobody is there
    return;
  }
  const auto* error = answer->if_contains("error");
  if (error != nullptr && error->is_object()) {
    OnRefused(error->get_object());
    return;
  }
  EndReply();
  if (!Adopt(*answer)) {
    StartOver();
    return;
  }
  error_ = {};
  failures_ = 0;
  last_heard_ns_ = stream_.env().clock.steady_ns();
  if (!mirror_) {
    auto identity = protocol::FindHeader(reply.headers, kIdentity).value_or("");
    NoteIdentity(identity);
  }
  Environment& env = stream_.env();
  deliver_subscription_ = env.router.Subscribe(stream_.account(), deliver_, {}, deliveries_);
}

void Origin::OnRefused(const boost::json::object& error) {
  JsonReader in(error);
  int64_t code = 0;
  int64_t err_code = 0;
  in.Read("code", code);
  in.Read("err_code", err_code);
  in.Read("description", error_.description);
  error_.code = static_cast<int>(code);
  error_.err_code = static_cast<int>(err_code);
  ephemeral_ = false;  // none was made
  if (err_code == kOtherIdentity) {
    error_ = {};
    position_ = {};
    recreated_ = true;
    failures_ = 0;
  }
  StartOver();
}

// A stream of the name that is not the one which was read before is read from its beginning.
void Origin::NoteIdentity(std::string_view identity) {
  Environment& env = stream_.env();
  bool other = !identity.empty() && !position_.identity.empty() && identity != position_.identity;
  if (recreated_ || other) {
    env.log.Warn("JetStream source stream ", Quoted(source_.name), " for stream '",
                 env.accounts.NameOf(stream_.account()), " > ", stream_.name(),
                 "' was recreated, resetting source state");
    position_.seq = 0;
  }
  recreated_ = false;
  position_.identity = identity;
}

bool Origin::Adopt(const boost::json::object& info) {
  JsonReader in(info);
  in.Read("name", name_);
  StreamSeq delivered = 0;
  if (const auto* at = in.Object("delivered", "")) {
    JsonReader(*at).Read("stream_seq", delivered);
  }
  std::string ack_policy;
  if (const auto* config = in.Object("config", "")) {
    JsonReader(*config).Read("ack_policy", ack_policy);
  }
  bool acknowledges = ack_policy == "flow_control";
  ephemeral_ = !acknowledges && has_own_consumer();
  if (!has_own_consumer() && !acknowledges) {
    error_ = MakeError(mirror_ ? 10214 : 10217);
    return false;
  }
  if (mirror_ && delivered > position_.seq) {
    stream_.SkipMirrored(delivered);
  }
  position_.seq = std::max(position_.seq, delivered);
  return true;
}

}  // namespace weir::jetstream

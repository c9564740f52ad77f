#include "jetstream/consumer_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/serialize.hpp>

namespace weir::jetstream {

namespace {

template <typename T, size_t N>
using Names = std::array<std::pair<std::string_view, T>, N>;

constexpr Names<DeliverPolicy, 7> kDeliverPolicies{{
    {"all", DeliverPolicy::kAll},
    {"last", DeliverPolicy::kLast},
    {"new", DeliverPolicy::kNew},
    {"by_start_sequence", DeliverPolicy::kByStartSequence},
    {"by_start_time", DeliverPolicy::kByStartTime},
    {"last_per_subject", DeliverPolicy::kLastPerSubject},
    {"undefined", DeliverPolicy::kAll},
}};
constexpr Names<AckPolicy, 4> kAckPolicies{{
    {"none", AckPolicy::kNone},
    {"all", AckPolicy::kAll},
    {"explicit", AckPolicy::kExplicit},
    {"flow_control", AckPolicy::kFlowControl},
}};
constexpr Names<ReplayPolicy, 2> kReplayPolicies{{
    {"instant", ReplayPolicy::kInstant},
    {"original", ReplayPolicy::kOriginal},
}};
constexpr Names<PriorityPolicy, 4> kPriorityPolicies{{
    {"none", PriorityPolicy::kNone},
    {"overflow", PriorityPolicy::kOverflow},
    {"pinned_client", PriorityPolicy::kPinnedClient},
    {"prioritized", PriorityPolicy::kPrioritized},
}};

template <typename T, size_t N>
std::string_view NameOf(const Names<T, N>& names, T value) {
  auto at = std::find_if(names.begin(), names.end(),
                         [value](const auto& entry) { return entry.second == value; });
  return at->first;
}

// Go's enum decoders quote the raw JSON once more in their errors.
template <typename T, size_t N>
void ReadEnum(JsonReader& in, std::string_view field, const Names<T, N>& names,
              std::string_view error_prefix, bool quote, T& out) {
  const auto* value = in.Find(field);
  if (value == nullptr) {
    return;
  }
  std::string raw;
  if (const auto* text = value->if_string()) {
    std::string_view view(text->data(), text->size());
    auto at = std::find_if(names.begin(), names.end(),
                           [view](const auto& entry) { return entry.first == view; });
    if (at != names.end()) {
      out = at->second;
      return;
    }
    AppendJsonString(raw, view);
  } else {
    raw = boost::json::serialize(*value);
  }
  in.Fail(Cat(error_prefix, quote ? Quoted(raw) : raw));
}

void ReadOptionalTime(JsonReader& in, std::string_view field, std::optional<int64_t>& out) {
  if (in.Find(field) != nullptr) {
    int64_t time = kZeroTime;
    in.ReadTime(field, time);
    out = time;
  }
}

void WriteMetadata(JsonWriter& out, const ConsumerConfig& config,
                   const StringMap<std::string>& extra) {
  if (config.metadata.empty() && extra.empty()) {
    return;
  }
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  for (const auto& [key, value] : config.metadata) {
    if (!extra.contains(key)) {
      fields.emplace_back(key, value);
    }
  }
  for (const auto& [key, value] : extra) {
    fields.emplace_back(key, value);
  }
  std::sort(fields.begin(), fields.end());
  out.Key("metadata").OpenObject();
  for (const auto& [key, value] : fields) {
    out.Field(key, value);
  }
  out.CloseObject();
}

void ReadLimits(JsonReader& in, ConsumerConfig& config) {
  in.Read("ack_wait", config.ack_wait_ns, "time.Duration");
  in.Read("max_deliver", config.max_deliver, "int");
  in.Read("backoff", config.backoff_ns);
  in.Read("rate_limit_bps", config.rate_limit_bps);
  in.Read("max_waiting", config.max_waiting, "int");
  in.Read("max_ack_pending", config.max_ack_pending, "int");
  in.Read("max_batch", config.max_batch, "int");
  in.Read("max_expires", config.max_expires_ns, "time.Duration");
  in.Read("max_bytes", config.max_bytes, "int");
  in.Read("idle_heartbeat", config.idle_heartbeat_ns, "time.Duration");
  in.Read("inactive_threshold", config.inactive_threshold_ns, "time.Duration");
  in.Read("num_replicas", config.num_replicas, "int");
  in.Read("priority_timeout", config.priority_timeout_ns, "time.Duration");
}

}  // namespace

std::vector<std::string> ConsumerConfig::Filters() const {
  if (!filter_subject.empty()) {
    return {filter_subject};
  }
  return filter_subjects;
}

std::optional<std::string> ConsumerConfig::dead_letter() const {
  auto at = metadata.find("weir.dead_letter");
  return at == metadata.end() ? std::nullopt : std::optional(at->second);
}

int64_t ConsumerConfig::SamplePercent() const {
  std::string_view text = sample_freq;
  if (text.ends_with('%')) {
    text.remove_suffix(1);
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  return ParseNumber<int64_t>(text).value_or(0);
}

StatusOr<ConsumerConfig> ReadConsumerConfig(const boost::json::object& object, bool strict) {
  constexpr std::string_view kWrongEnum = "can not unmarshal ";
  ConsumerConfig config;
  JsonReader in(object, "ConsumerConfig.config");
  in.Read("durable_name", config.durable_name);
  in.Read("name", config.name);
  in.Read("description", config.description);
  ReadEnum(in, "deliver_policy", kDeliverPolicies, kWrongEnum, true, config.deliver_policy);
  in.Read("opt_start_seq", config.opt_start_seq);
  ReadOptionalTime(in, "opt_start_time", config.opt_start_time_ns);
  ReadEnum(in, "ack_policy", kAckPolicies, kWrongEnum, true, config.ack_policy);
  in.Read("filter_subject", config.filter_subject);
  in.Read("filter_subjects", config.filter_subjects);
  ReadEnum(in, "replay_policy", kReplayPolicies, kWrongEnum, true, config.replay_policy);
  in.Read("sample_freq", config.sample_freq);
  in.Read("flow_control", config.flow_control);
  in.Read("headers_only", config.headers_only);
  in.Read("deliver_subject", config.deliver_subject);
  in.Read("deliver_group", config.deliver_group);
  in.Read("mem_storage", config.mem_storage);
  in.Read("direct", config.direct);
  in.Read("sourcing", config.sourcing);
  in.Read("metadata", config.metadata);
  ReadOptionalTime(in, "pause_until", config.pause_until_ns);
  in.Read("priority_groups", config.priority_groups);
  ReadEnum(in, "priority_policy", kPriorityPolicies, "unknown priority policy: ", false,
           config.priority_policy);
  ReadLimits(in, config);
  WEIR_RETURN_IF_ERROR(in.Finish(strict));
  return config;
}

StatusOr<ConsumerConfig> ParseConsumerConfig(std::string_view text) {
  WEIR_ASSIGN_OR_RETURN(boost::json::value value, ParseJson(text));
  const auto* object = value.if_object();
  if (object == nullptr) {
    return InvalidArgument("consumer configuration is not a JSON object");
  }
  return ReadConsumerConfig(*object, false);
}

void WriteConsumerConfig(JsonWriter& out, const ConsumerConfig& config,
                         const StringMap<std::string>& extra) {
  out.OpenObject();
  out.Optional("durable_name", config.durable_name).Optional("name", config.name);
  out.Optional("description", config.description);
  out.Field("deliver_policy", NameOf(kDeliverPolicies, config.deliver_policy));
  out.Optional("opt_start_seq", config.opt_start_seq);
  if (config.opt_start_time_ns) {
    out.Key("opt_start_time").Time(*config.opt_start_time_ns);
  }
  out.Field("ack_policy", NameOf(kAckPolicies, config.ack_policy));
  out.Optional("ack_wait", config.ack_wait_ns).Optional("max_deliver", config.max_deliver);
  if (!config.backoff_ns.empty()) {
    out.Key("backoff").OpenArray();
    for (int64_t wait : config.backoff_ns) {
      out.Value(wait);
    }
    out.CloseArray();
  }
  out.Optional("filter_subject", config.filter_subject);
  if (!config.filter_subjects.empty()) {
    out.Strings("filter_subjects", config.filter_subjects);
  }
  out.Field("replay_policy", NameOf(kReplayPolicies, config.replay_policy));
  out.Optional("rate_limit_bps", config.rate_limit_bps);
  out.Optional("sample_freq", config.sample_freq).Optional("max_waiting", config.max_waiting);
  out.Optional("max_ack_pending", config.max_ack_pending);
  out.Optional("flow_control", config.flow_control).Optional("headers_only", config.headers_only);
  out.Optional("max_batch", config.max_batch).Optional("max_expires", config.max_expires_ns);
  out.Optional("max_bytes", config.max_bytes);
  out.Optional("deliver_subject", config.deliver_subject);
  out.Optional("deliver_group", config.deliver_group);
  out.Optional("idle_heartbeat", config.idle_heartbeat_ns);
  out.Optional("inactive_threshold", config.inactive_threshold_ns);
  out.Field("num_replicas", config.num_replicas);
  out.Optional("mem_storage", config.mem_storage).Optional("direct", config.direct);
  out.Optional("sourcing", config.sourcing);
  WriteMetadata(out, config, extra);
  if (config.pause_until_ns) {
    out.Key("pause_until").Time(*config.pause_until_ns);
  }
  if (!config.priority_groups.empty()) {
    out.Strings("priority_groups", config.priority_groups);
  }
  if (config.priority_policy != PriorityPolicy::kNone) {
    out.Field("priority_policy", NameOf(kPriorityPolicies, config.priority_policy));
  }
  out.Optional("priority_timeout", config.priority_timeout_ns);
  out.CloseObject();
}

void StampConsumerMetadata(ConsumerConfig& config) {
  config.metadata.erase("_nats.ver");
  config.metadata.erase("_nats.level");
  int level = 0;
  bool pauses = config.pause_until_ns && *config.pause_until_ns != kZeroTime;
  if (pauses || config.priority_policy != PriorityPolicy::kNone ||
      config.priority_timeout_ns != 0 || !config.priority_groups.empty()) {
    level = 1;
  }
  if (config.ack_policy == AckPolicy::kFlowControl) {
    level = 4;
  }
  config.metadata.insert_or_assign("_nats.req.level", Cat(level));
}

StringMap<std::string> AnswerMetadata(std::string_view server_version) {
  StringMap<std::string> extra;
  extra.insert_or_assign("_nats.ver", std::string(server_version));
  extra.insert_or_assign("_nats.level", "5");
  return extra;
}

}  // namespace weir::jetstream

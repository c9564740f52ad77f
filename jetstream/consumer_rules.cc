#include "jetstream/consumer_rules.h"

#include <algorithm>

#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kDefaultMaxWaiting = 512;
constexpr int64_t kDefaultMaxAckPending = 1000;
constexpr int64_t kDefaultAckWait = 30 * kSecond;
constexpr int64_t kDefaultPinnedTimeout = 120 * kSecond;
constexpr int64_t kFlowControlHeartbeat = kSecond;
constexpr size_t kMaxDescription = 4096;
constexpr size_t kMaxMetadata = 128 * 1024;
constexpr size_t kMaxName = 255;
constexpr size_t kMaxGroupName = 16;

ApiError Ok() {
  return {};
}

ApiError Pedantic(std::string_view text) {
  return MakeError(10157, text);
}

bool IsAssetName(std::string_view name) {
  return !name.empty() && name.find_first_of(" \t\r\n\f.*>\\/") == std::string_view::npos;
}

// A number that means "no limit" below zero becomes `value`; pedantic callers must say so.
ApiError Clamp(int64_t& field, int64_t below, int64_t value, bool pedantic, std::string_view text) {
  if (field < below) {
    if (pedantic) {
      return Pedantic(text);
    }
    field = value;
  }
  return Ok();
}

ApiError ClampNegatives(ConsumerConfig& config, bool pedantic) {
  struct Rule {
    int64_t& field;
    int64_t below;
    int64_t value;
    std::string_view text;
  };
  const Rule rules[] = {
      {config.max_deliver, -1, -1, "max_deliver must be set to -1"},
      {config.max_waiting, 0, 0, "max_waiting must not be negative"},
      {config.max_ack_pending, -1, -1, "max_ack_pending must be set to -1"},
      {config.max_batch, 0, 0, "max_batch must not be negative"},
      {config.max_expires_ns, 0, 0, "max_expires must not be negative"},
      {config.max_bytes, 0, 0, "max_bytes must not be negative"},
      {config.idle_heartbeat_ns, 0, 0, "idle_heartbeat must not be negative"},
      {config.inactive_threshold_ns, 0, 0, "inactive_threshold must not be negative"},
      {config.priority_timeout_ns, 0, 0, "priority_timeout must not be negative"},
  };
  for (const Rule& rule : rules) {
    if (ApiError error = Clamp(rule.field, rule.below, rule.value, pedantic, rule.text)) {
      return error;
    }
  }
  return Ok();
}

// max_ack_pending and inactive_threshold come from the stream's consumer_limits when left out.
ApiError InheritStreamLimits(ConsumerConfig& config, const ConsumerRules& rules, bool pedantic) {
  if (config.max_ack_pending == 0) {
    if (pedantic && rules.stream_max_ack_pending > 0) {
      return Pedantic("max_ack_pending must be set if it's configured in stream limits");
    }
    config.max_ack_pending = rules.stream_max_ack_pending;
  }
  if (config.inactive_threshold_ns == 0) {
    if (pedantic && rules.stream_inactive_threshold_ns > 0) {
      return Pedantic("inactive_threshold must be set if it's configured in stream limits");
    }
    config.inactive_threshold_ns = rules.stream_inactive_threshold_ns;
  }
  if (config.max_ack_pending == 0 && config.ack_policy != AckPolicy::kNone) {
    config.max_ack_pending = kDefaultMaxAckPending;
    for (int64_t limit : {rules.server_max_ack_pending, rules.account_max_ack_pending}) {
      if (limit > 0) {
        config.max_ack_pending = std::min(config.max_ack_pending, limit);
      }
    }
  }
  return Ok();
}

ApiError CheckReplicas(const ConsumerConfig& config, const ConsumerRules& rules) {
  if (config.num_replicas > 0 && config.num_replicas > rules.stream_replicas) {
    return MakeError(10126);
  }
  if (config.num_replicas < 0) {
    return MakeError(10133);
  }
  if (rules.retention != ConsumerRules::Retention::kLimits && config.num_replicas != 0 &&
      config.num_replicas != rules.stream_replicas) {
    return MakeError(10134);
  }
  return Ok();
}

ApiError CheckFlowControlAcks(const ConsumerConfig& config) {
  if (config.ack_policy != AckPolicy::kFlowControl) {
    return Ok();
  }
  if (!config.is_push()) {
    return MakeError(10218);
  }
  if (!config.flow_control) {
    return MakeError(10219);
  }
  if (config.idle_heartbeat_ns != kFlowControlHeartbeat) {
    return MakeError(10052, "flow control ack policy heartbeat needs to be 1s");
  }
  if (config.max_ack_pending <= 0) {
    return MakeError(10220);
  }
  if (config.ack_wait_ns != 0 || !config.backoff_ns.empty()) {
    return MakeError(10221);
  }
  return config.max_deliver > 0 ? MakeError(10222) : Ok();
}

ApiError CheckWaits(const ConsumerConfig& config) {
  if (std::any_of(config.backoff_ns.begin(), config.backoff_ns.end(),
                  [](int64_t wait) { return wait < 0; })) {
    return MakeError(10184);
  }
  return config.ack_wait_ns < 0 ? MakeError(10183) : Ok();
}

bool BackoffTooLong(const ConsumerConfig& config) {
  return !config.backoff_ns.empty() && config.max_deliver != -1 &&
         static_cast<int64_t>(config.backoff_ns.size()) > config.max_deliver;
}

ApiError CheckPush(const ConsumerConfig& config, const ConsumerRules& rules) {
  if (protocol::HasWildcard(config.deliver_subject)) {
    return MakeError(10079);
  }
  if (!protocol::IsValidConfigPattern(config.deliver_subject)) {
    return MakeError(10112);
  }
  for (const std::string& subject : rules.stream_subjects) {
    if (protocol::Matches(config.deliver_subject, subject)) {
      return MakeError(10081);
    }
  }
  if (config.max_waiting != 0) {
    return MakeError(10080);
  }
  if (config.max_ack_pending > 0 && config.ack_policy == AckPolicy::kNone) {
    return MakeError(10082);
  }
  if (config.idle_heartbeat_ns > 0 && config.idle_heartbeat_ns < 100 * kMillisecond) {
    return MakeError(10083);
  }
  return Ok();
}

ApiError CheckPull(const ConsumerConfig& config, const ConsumerRules& rules) {
  if (config.ack_policy == AckPolicy::kNone &&
      rules.retention == ConsumerRules::Retention::kWorkQueue) {
    return MakeError(10084);
  }
  if (config.rate_limit_bps > 0) {
    return MakeError(10086);
  }
  if (config.idle_heartbeat_ns > 0) {
    return MakeError(10088);
  }
  if (config.flow_control) {
    return MakeError(10089);
  }
  if (config.max_expires_ns != 0 && config.max_expires_ns < kMillisecond) {
    return MakeError(10115);
  }
  if (rules.server_max_request_batch > 0 && config.max_batch > rules.server_max_request_batch) {
    return MakeError(10125, Cat(rules.server_max_request_batch));
  }
  return Ok();
}

ApiError CheckCeilings(const ConsumerConfig& config, const ConsumerRules& rules) {
  for (int64_t limit : {rules.server_max_ack_pending, rules.account_max_ack_pending,
                        rules.stream_max_ack_pending}) {
    if (limit > 0 && config.max_ack_pending > limit) {
      return MakeError(10121, Cat(limit));
    }
  }
  if (rules.stream_inactive_threshold_ns > 0 &&
      config.inactive_threshold_ns > rules.stream_inactive_threshold_ns) {
    return MakeError(10153, FormatDuration(rules.stream_inactive_threshold_ns));
  }
  if (config.direct) {
    if (!config.is_push()) {
      return MakeError(10090);
    }
    if (config.is_durable()) {
      return MakeError(10091);
    }
  }
  return Ok();
}

ApiError CheckFilters(const ConsumerConfig& config) {
  constexpr std::string_view kBadSubject = "invalid subject";
  if (!config.filter_subject.empty() && !config.filter_subjects.empty()) {
    return MakeError(10136);
  }
  if (!config.filter_subject.empty() && !protocol::IsValidConfigPattern(config.filter_subject)) {
    return MakeError(10052, kBadSubject);
  }
  const auto& filters = config.filter_subjects;
  if (std::any_of(filters.begin(), filters.end(), [](const auto& f) { return f.empty(); })) {
    return MakeError(10139);
  }
  for (size_t outer = 0; outer < filters.size(); ++outer) {
    if (!protocol::IsValidConfigPattern(filters[outer])) {
      return MakeError(10052, kBadSubject);
    }
    for (size_t inner = 0; inner < filters.size(); ++inner) {
      if (inner != outer && protocol::IsSubset(filters[outer], filters[inner])) {
        return MakeError(10138);
      }
    }
  }
  return Ok();
}

ApiError BadStart(std::string_view policy, std::string_view start) {
  return MakeError(10094, Cat("consumer delivery policy is deliver ", policy,
                              ", but optional start ", start, " is also set"));
}
ApiError NotSet(std::string_view policy, std::string_view what) {
  return MakeError(10094, Cat("consumer delivery policy is deliver ", policy, ", but optional ",
                              what, " is not set"));
}

ApiError CheckStart(const ConsumerConfig& config) {
  std::string_view policy;
  switch (config.deliver_policy) {
    case DeliverPolicy::kAll:
      policy = "all";
      break;
    case DeliverPolicy::kLast:
      policy = "last";
      break;
    case DeliverPolicy::kNew:
      policy = "new";
      break;
    case DeliverPolicy::kLastPerSubject:
      policy = "last per subject";
      break;
    case DeliverPolicy::kByStartSequence:
      if (config.opt_start_seq == 0) {
        return NotSet("by start sequence", "start sequence");
      }
      return config.opt_start_time_ns ? BadStart("by start sequence", "time") : Ok();
    case DeliverPolicy::kByStartTime:
      if (!config.opt_start_time_ns) {
        return NotSet("by start time", "start time");
      }
      return config.opt_start_seq != 0 ? BadStart("by start time", "start sequence") : Ok();
  }
  if (config.opt_start_seq > 0) {
    return BadStart(policy, "sequence");
  }
  if (config.opt_start_time_ns) {
    return BadStart(policy, "time");
  }
  if (config.deliver_policy == DeliverPolicy::kLastPerSubject && config.Filters().empty()) {
    return NotSet(policy, "filter subject");
  }
  return Ok();
}

ApiError CheckSampling(std::string_view text) {
  if (text.empty()) {
    return Ok();
  }
  if (text.ends_with('%')) {
    text.remove_suffix(1);
  }
  bool plus = text.starts_with('+') && !text.starts_with("+-");
  auto number = ParseNumber<int64_t>(text.substr(plus ? 1 : 0));
  if (!number) {
    return MakeError(10095, Cat("strconv.Atoi: parsing ", Quoted(text), ": invalid syntax"));
  }
  // Go formats the missing error of a number that is merely negative.
  return *number < 0 ? MakeError(10095, "<nil>") : Ok();
}

ApiError CheckMetadata(const ConsumerConfig& config) {
  size_t size = 0;
  for (const auto& [key, value] : config.metadata) {
    size += key.size() + value.size();
  }
  return size > kMaxMetadata ? MakeError(10135, Cat(kMaxMetadata / 1024, "KB")) : Ok();
}

ApiError CheckPriority(const ConsumerConfig& config) {
  if (config.priority_policy == PriorityPolicy::kNone) {
    if (!config.priority_groups.empty()) {
      return MakeError(10196);
    }
    return config.priority_timeout_ns > 0 ? MakeError(10197) : Ok();
  }
  if (config.is_push()) {
    return MakeError(10178);
  }
  if (config.priority_groups.empty()) {
    return MakeError(10159);
  }
  for (const std::string& group : config.priority_groups) {
    if (group.empty()) {
      return MakeError(10161);
    }
    if (!IsValidPriorityGroup(group)) {
      return MakeError(10162);
    }
  }
  return Ok();
}

ApiError CheckNames(const ConsumerConfig& config) {
  constexpr std::string_view kCharacters = " can not contain '.', '*', '>', '\\', '/'";
  if (!config.name.empty() && !IsAssetName(config.name)) {
    return MakeError(10052, Cat("consumer name", kCharacters));
  }
  if (!config.durable_name.empty() && !IsAssetName(config.durable_name)) {
    return MakeError(10052, Cat("consumer durable name", kCharacters));
  }
  return Ok();
}

ApiError First(std::initializer_list<ApiError> errors) {
  for (const ApiError& error : errors) {
    if (error) {
      return error;
    }
  }
  return Ok();
}

ApiError CheckDeadLetter(const ConsumerConfig& config, const ConsumerRules& rules) {
  auto subject = config.dead_letter();
  if (!subject) {
    return Ok();
  }
  auto refuse = [](std::string_view why) {
    return MakeError(10012, Cat("weir.dead_letter: ", why));
  };
  if (!protocol::IsValidLiteral(*subject)) {
    return refuse("not a valid subject");
  }
  if (subject->starts_with('$') || subject->starts_with("_INBOX.")) {
    return refuse("the subject is reserved");
  }
  if (config.ack_policy != AckPolicy::kExplicit) {
    return refuse("needs the ack policy explicit");
  }
  auto covers = [&](const std::string& pattern) {
    return protocol::Matches(*subject, pattern);
  };
  auto filters = config.Filters();
  bool delivered_here = filters.empty() || std::any_of(filters.begin(), filters.end(), covers);
  if (delivered_here &&
      std::any_of(rules.stream_subjects.begin(), rules.stream_subjects.end(), covers)) {
    return refuse("the subject forms a cycle");
  }
  return Ok();
}

}  // namespace

ApiError ApplyConsumerDefaults(ConsumerConfig& config, const ConsumerRules& rules, bool pedantic) {
  if (config.max_deliver == 0) {
    config.max_deliver = -1;
  }
  if (ApiError error = ClampNegatives(config, pedantic)) {
    return error;
  }
  if (!config.is_push() && config.max_waiting == 0) {
    config.max_waiting = kDefaultMaxWaiting;
  }
  if (config.ack_wait_ns == 0 &&
      (config.ack_policy == AckPolicy::kExplicit || config.ack_policy == AckPolicy::kAll)) {
    config.ack_wait_ns = kDefaultAckWait;
  }
  if (!config.backoff_ns.empty()) {
    if (pedantic && config.ack_wait_ns != config.backoff_ns[0]) {
      return Pedantic("first backoff value has to equal batch AckWait");
    }
    config.ack_wait_ns = config.backoff_ns[0];
  }
  if (ApiError error = InheritStreamLimits(config, rules, pedantic)) {
    return error;
  }
  if (!config.is_push() && config.max_batch == 0 && rules.server_max_request_batch > 0) {
    if (pedantic) {
      return Pedantic("max_request_batch must be set if it's JetStream limits are set");
    }
    config.max_batch = rules.server_max_request_batch;
  }
  if (config.priority_policy == PriorityPolicy::kPinnedClient && config.priority_timeout_ns == 0) {
    config.priority_timeout_ns = kDefaultPinnedTimeout;
  }
  if (config.ack_policy == AckPolicy::kFlowControl && !pedantic) {
    config.flow_control = true;
    config.idle_heartbeat_ns = kFlowControlHeartbeat;
  }
  return Ok();
}

ApiError CheckConsumerConfig(const ConsumerConfig& config, const ConsumerRules& rules) {
  if (ApiError error = First({CheckNames(config), CheckReplicas(config, rules), CheckWaits(config),
                              CheckFlowControlAcks(config)})) {
    return error;
  }
  if (BackoffTooLong(config)) {
    return MakeError(10116);
  }
  if (config.description.size() > kMaxDescription) {
    return MakeError(10107, Cat(kMaxDescription));
  }
  ApiError error = config.is_push() ? CheckPush(config, rules) : CheckPull(config, rules);
  if (!error) {
    error = First({CheckCeilings(config, rules), CheckFilters(config), CheckStart(config),
                   CheckSampling(config.sample_freq)});
  }
  if (error) {
    return error;
  }
  if (config.flow_control && config.idle_heartbeat_ns == 0) {
    return MakeError(10108);
  }
  if (config.is_durable() && !config.name.empty() && config.name != config.durable_name) {
    return MakeError(10132);
  }
  return First({CheckMetadata(config), CheckPriority(config), CheckDeadLetter(config, rules)});
}

ApiError CheckNameLength(const ConsumerConfig& config) {
  return std::max(config.name.size(), config.durable_name.size()) > kMaxName
             ? MakeError(10102, Cat(kMaxName))
             : Ok();
}

bool IsValidPriorityGroup(std::string_view name) {
  return !name.empty() && name.size() <= kMaxGroupName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '=' || c == '-';
         });
}

ApiError CheckConsumerUpdate(const ConsumerConfig& old, const ConsumerConfig& updated) {
  auto refuse = [](std::string_view text) {
    return MakeError(10012, text);
  };
  struct Rule {
    bool changed;
    std::string_view text;
  };
  const Rule rules[] = {
      {old.deliver_policy != updated.deliver_policy, "deliver policy can not be updated"},
      {old.mem_storage != updated.mem_storage, "storage type can not be updated"},
      {old.direct != updated.direct, "direct can not be updated"},
      {old.sourcing != updated.sourcing, "sourcing can not be updated"},
      {old.opt_start_seq != updated.opt_start_seq, "start sequence can not be updated"},
      {old.opt_start_time_ns != updated.opt_start_time_ns, "start time can not be updated"},
      {old.ack_policy != updated.ack_policy, "ack policy can not be updated"},
      {old.replay_policy != updated.replay_policy, "replay policy can not be updated"},
      {old.idle_heartbeat_ns != updated.idle_heartbeat_ns, "heart beats can not be updated"},
      {old.flow_control != updated.flow_control, "flow control can not be updated"},
      {!old.is_push() && updated.is_push(), "can not update pull consumer to push based"},
      {old.is_push() && !updated.is_push(), "can not update push consumer to pull based"},
      {old.max_waiting != updated.max_waiting, "max waiting can not be updated"},
  };
  for (const Rule& rule : rules) {
    if (rule.changed) {
      return refuse(rule.text);
    }
  }
  return BackoffTooLong(updated) ? MakeError(10116) : Ok();
}

}  // namespace weir::jetstream

#include "jetstream/stream_rules.h"

#include <algorithm>
#include <initializer_list>

#include "protocol/subject.h"
#include "protocol/subject_transform.h"

namespace weir::jetstream {

namespace {

using protocol::IsSubset;
using protocol::Overlap;

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kShortest = 100 * kMillisecond;
constexpr int64_t kDefaultDuplicateWindow = 120 * kSecond;
constexpr size_t kMaxNameLength = 255;
constexpr size_t kMaxDescriptionLength = 4096;
constexpr size_t kMaxMetadataBytes = 128 << 10;
constexpr int64_t kMaxReplicas = 5;

ApiError Invalid(std::string_view text) {
  return MakeError(10052, text);
}
ApiError Pedantic(std::string_view text) {
  return MakeError(10157, text);
}

ApiError CheckNames(const StreamConfig& config) {
  if (config.name.empty() || config.name.find_first_of(" \t\r\n\f.*>\\/") != std::string::npos) {
    return Invalid("stream name is required and can not contain '.', '*', '>', '\\', '/'");
  }
  if (config.name.size() > kMaxNameLength) {
    return Invalid(Cat("stream name is too long, maximum allowed is ", kMaxNameLength));
  }
  if (config.description.size() > kMaxDescriptionLength) {
    return Invalid(
        Cat("stream description is too long, maximum allowed is ", kMaxDescriptionLength));
  }
  size_t metadata = 0;
  for (const auto& [key, value] : config.metadata) {
    metadata += key.size() + value.size();
  }
  if (metadata > kMaxMetadataBytes) {
    return Invalid(Cat("stream metadata exceeds maximum size of ", kMaxMetadataBytes, " bytes"));
  }
  return {};
}

ApiError FillLimits(StreamConfig& config, bool pedantic) {
  if (config.num_replicas == 0) {
    config.num_replicas = 1;
  }
  if (config.num_replicas > kMaxReplicas) {
    return Invalid(Cat("maximum replicas is ", kMaxReplicas));
  }
  if (config.num_replicas < 0) {
    return MakeError(10133);
  }
  auto fill = [&](auto& limit, std::string_view name) -> ApiError {
    if (limit < -1 && pedantic) {
      return Pedantic(Cat(name, " must be set to -1"));
    }
    if (limit <= 0) {
      limit = -1;
    }
    return {};
  };
  if (auto error = fill(config.max_msgs, "max_msgs")) {
    return error;
  }
  if (auto error = fill(config.max_msgs_per_subject, "max_msgs_per_subject")) {
    return error;
  }
  if (auto error = fill(config.max_bytes, "max_bytes")) {
    return error;
  }
  if (auto error = fill(config.max_msg_size, "max_msg_size")) {
    return error;
  }
  return fill(config.max_consumers, "max_consumers");
}

ApiError FillDuplicateWindow(StreamConfig& config, const JetStreamOptions& options, bool pedantic) {
  int64_t& window = config.duplicate_window_ns;
  if (window == 0 && !config.mirror && config.sources.empty()) {
    window = kDefaultDuplicateWindow;
    if (options.duplicate_window_ns > 0 && options.duplicate_window_ns < window) {
      if (pedantic) {
        return Pedantic("duplicate window limits are higher than current limits");
      }
      window = options.duplicate_window_ns;
    }
    if (config.max_age_ns > 0 && config.max_age_ns < window) {
      if (pedantic) {
        return Pedantic("duplicate window cannot be bigger than max age");
      }
      window = config.max_age_ns;
    }
  }
  if (window < 0) {
    return Invalid("duplicates window can not be negative");
  }
  if (config.max_age_ns != 0 && window > config.max_age_ns) {
    return Invalid("duplicates window can not be larger then max age");
  }
  if (options.duplicate_window_ns > 0 && window > options.duplicate_window_ns) {
    return Invalid(Cat("duplicates window can not be larger then server limit of ",
                       FormatDuration(options.duplicate_window_ns)));
  }
  if (window > 0 && window < kShortest) {
    return Invalid("duplicates window needs to be >= 100ms");
  }
  return {};
}

ApiError CheckCounter(const StreamConfig& config) {
  if (!config.allow_msg_counter) {
    return {};
  }
  if (config.discard == DiscardPolicy::kNew) {
    return Invalid("counter stream cannot use discard new");
  }
  if (config.allow_msg_ttl) {
    return Invalid("counter stream cannot use message TTLs");
  }
  if (config.allow_msg_schedules) {
    return Invalid("counter stream cannot use message schedules");
  }
  return config.retention == RetentionPolicy::kLimits
             ? ApiError{}
             : Invalid("counter stream can only use limits retention");
}

ApiError CheckPolicies(const StreamConfig& config) {
  if (config.deny_purge && config.allow_rollup) {
    return Invalid("roll-ups require the purge permission");
  }
  if (auto error = CheckCounter(config)) {
    return error;
  }
  if (config.discard_new_per_subject) {
    if (config.discard != DiscardPolicy::kNew) {
      return Invalid("discard new per subject requires discard new policy to be set");
    }
    if (config.max_msgs_per_subject <= 0) {
      return Invalid("discard new per subject requires max msgs per subject > 0");
    }
  }
  return {};
}

ApiError CheckPersistMode(const StreamConfig& config) {
  if (config.persist_mode != PersistMode::kAsync) {
    return {};
  }
  if (config.storage != StorageType::kFile) {
    return Invalid("async persist mode is only supported on file storage");
  }
  if (config.num_replicas > 1) {
    return Invalid("async persist mode is not supported on replicated streams");
  }
  return config.allow_atomic
             ? Invalid("async persist mode is not supported with atomic batch publish")
             : ApiError{};
}

ApiError FillSchedules(StreamConfig& config, bool pedantic) {
  if (!config.allow_msg_schedules) {
    return {};
  }
  if (config.discard == DiscardPolicy::kNew) {
    return Invalid("message scheduling cannot use discard new");
  }
  if (!config.allow_rollup) {
    if (pedantic) {
      return Invalid("message scheduling cannot be set if roll-ups are disabled");
    }
    config.allow_rollup = true;
    config.deny_purge = false;
  }
  return {};
}

ApiError FillMarkers(StreamConfig& config, bool pedantic) {
  int64_t ttl = config.subject_delete_marker_ttl_ns;
  if (ttl == 0) {
    return {};
  }
  if (ttl < 0) {
    return Invalid("subject delete marker TTL must not be negative");
  }
  if (ttl < kSecond) {
    return Invalid("subject delete marker TTL must be at least 1 second");
  }
  if (pedantic && !config.allow_msg_ttl) {
    return Invalid("subject delete marker cannot be set if message TTLs are disabled");
  }
  if (pedantic && !config.allow_rollup) {
    return Invalid("subject delete marker cannot be set if roll-ups are disabled");
  }
  config.allow_msg_ttl = true;
  if (!config.allow_rollup) {
    config.allow_rollup = true;
    config.deny_purge = false;
  }
  return {};
}

ApiError CheckRewrites(StreamConfig& config, bool pedantic) {
  if (config.subject_transform) {
    const auto& transform = *config.subject_transform;
    if (!transform.src.empty() && !protocol::IsValidConfigPattern(transform.src)) {
      return MakeError(10155, Cat("invalid subject ", transform.src));
    }
    auto made = MakeTransform(transform);
    if (!made.ok()) {
      return MakeError(10156, Message(made.status()));
    }
  }
  if (!config.republish) {
    return {};
  }
  auto& republish = *config.republish;
  if (republish.src.empty()) {
    if (pedantic) {
      return Pedantic("republish source can not be empty");
    }
    republish.src = ">";
  }
  for (const auto& subject : config.subjects) {
    if (!republish.dest.empty() && Overlap(republish.dest, subject)) {
      return Invalid("stream configuration for republish destination forms a cycle");
    }
  }
  if (!republish.dest.empty() &&
      !protocol::SubjectTransform::Make(republish.src, republish.dest).ok()) {
    return Invalid(Cat("stream configuration for republish with transform from '", republish.src,
                       "' to '", republish.dest, "' not valid"));
  }
  return {};
}

// What a configuration may ask for and would not get.
ApiError CheckSupported(const StreamConfig& config) {
  if (!config.sources.empty() && config.allow_msg_schedules) {
    return MakeError(10187);
  }
  struct Feature {
    bool wanted;
    std::string_view name;
  };
  const Feature features[] = {
      {config.mirror.has_value(), "stream mirrors"},
      {!config.sources.empty(), "stream sources"},
  };
  for (const auto& feature : features) {
    if (feature.wanted) {
      return Invalid(Cat(feature.name, " are not supported by this server"));
    }
  }
  return {};
}

ApiError CheckReserved(const StreamConfig& config, std::string_view subject) {
  if (config.no_ack) {
    return {};
  }
  if (subject == ">") {
    return Invalid("capturing all subjects requires no-ack to be true");
  }
  if (!IsSubset(subject, "$JS.EVENT.>") &&
      (Overlap(subject, "$JS.>") || Overlap(subject, "$JSC.>") || Overlap(subject, "$NRG.>"))) {
    return Invalid("subjects that overlap with jetstream api require no-ack to be true");
  }
  if (!IsSubset(subject, "$SYS.ACCOUNT.>") && Overlap(subject, "$SYS.>")) {
    return Invalid("subjects that overlap with system api require no-ack to be true");
  }
  return {};
}

ApiError CheckSubjects(StreamConfig& config) {
  if (config.mirror) {
    return config.subjects.empty() ? ApiError{} : MakeError(10034);
  }
  if (config.subjects.empty() && config.sources.empty()) {
    config.subjects.push_back(config.name);
  }
  for (size_t i = 0; i < config.subjects.size(); ++i) {
    const std::string& subject = config.subjects[i];
    if (!protocol::IsValidConfigPattern(subject)) {
      return Invalid("invalid subject");
    }
    if (auto error = CheckReserved(config, subject)) {
      return error;
    }
    for (size_t j = 0; j < i; ++j) {
      if (Overlap(config.subjects[j], subject)) {
        return Invalid(
            Cat("subject ", Quoted(config.subjects[j]), " overlaps with ", Quoted(subject)));
      }
    }
  }
  return {};
}

ApiError CheckAccount(const StreamConfig& config, const AccountLimits& limits) {
  int64_t largest = config.storage == StorageType::kMemory ? limits.memory_max_stream_bytes
                                                           : limits.storage_max_stream_bytes;
  if (limits.max_bytes_required && config.max_bytes <= 0) {
    return MakeError(10113);
  }
  if (largest > 0 && config.max_bytes > largest) {
    return MakeError(10122);
  }
  return {};
}

}  // namespace

StatusOr<std::optional<protocol::SubjectTransform>> MakeTransform(
    const SubjectTransformConfig& config) {
  if (config.dest.empty()) {
    return std::optional<protocol::SubjectTransform>();
  }
  std::string_view source = config.src.empty() ? std::string_view(">") : config.src;
  auto is_tail = [](std::string_view subject) {
    return subject == ">" || subject.ends_with(".>");
  };
  if (is_tail(source) != is_tail(config.dest) && protocol::IsValidConfigPattern(config.dest)) {
    return InvalidArgument("invalid subject");
  }
  WEIR_ASSIGN_OR_RETURN(auto made, protocol::SubjectTransform::Make(source, config.dest));
  return std::optional<protocol::SubjectTransform>(std::move(made));
}

ApiError CheckStreamConfig(StreamConfig& config, const JetStreamOptions& options,
                           const AccountLimits& limits, bool pedantic) {
  if (auto error = CheckNames(config)) {
    return error;
  }
  if (auto error = FillLimits(config, pedantic)) {
    return error;
  }
  if (config.max_age_ns < 0) {
    return Invalid("max age can not be negative");
  }
  if (config.max_age_ns != 0 && config.max_age_ns < kShortest) {
    return Invalid("max age needs to be >= 100ms");
  }
  if (auto error = FillDuplicateWindow(config, options, pedantic)) {
    return error;
  }
  if (auto error = CheckPolicies(config)) {
    return error;
  }
  if (auto error = FillMarkers(config, pedantic)) {
    return error;
  }
  if (auto error = FillSchedules(config, pedantic)) {
    return error;
  }
  if (auto error = CheckPersistMode(config)) {
    return error;
  }
  if (auto error = CheckSubjects(config)) {
    return error;
  }
  if (auto error = CheckAccount(config, limits)) {
    return error;
  }
  if (auto error = CheckRewrites(config, pedantic)) {
    return error;
  }
  if (config.placement && !config.placement->preferred.empty()) {
    return Invalid("preferred server not permitted in placement");
  }
  if (config.num_replicas > 1) {
    return MakeError(10074);
  }
  return CheckSupported(config);
}

void StampStreamMetadata(StreamConfig& config) {
  config.metadata.erase("_nats.ver");
  config.metadata.erase("_nats.level");
  int level = 0;
  if (config.allow_msg_ttl || config.subject_delete_marker_ttl_ns > 0) {
    level = 1;
  }
  if (config.allow_msg_counter || config.allow_atomic || config.allow_msg_schedules ||
      config.persist_mode == PersistMode::kAsync) {
    level = 2;
  }
  if (config.allow_batched) {
    level = 4;
  }
  config.metadata.insert_or_assign("_nats.req.level", Cat(level));
}

bool SameStreamConfig(const StreamConfig& a, const StreamConfig& b) {
  StreamConfig left = a;
  StreamConfig right = b;
  StampStreamMetadata(left);
  StampStreamMetadata(right);
  return left == right;
}

}  // namespace weir::jetstream

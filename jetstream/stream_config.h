#pragma once

// The configuration of a stream (jetstream-api.md 4): its fields and their JSON in the order of the
// reference. Defaults and checks are stream_rules.h's, updates stream_update.h's.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/json.h"
#include "protocol/base/status.h"
#include "protocol/base/strings.h"

namespace weir::jetstream {

enum class RetentionPolicy : uint8_t { kLimits, kInterest, kWorkQueue };
enum class DiscardPolicy : uint8_t { kOld, kNew };
enum class StorageType : uint8_t { kFile, kMemory };
enum class Compression : uint8_t { kNone, kS2 };
enum class PersistMode : uint8_t { kDefault, kAsync };

struct Placement {
  std::string cluster;
  std::vector<std::string> tags;
  std::string preferred;
  bool operator==(const Placement&) const = default;
};

struct SubjectTransformConfig {
  std::string src;
  std::string dest;
  bool operator==(const SubjectTransformConfig&) const = default;
};

struct ExternalStream {
  std::string api;
  std::string deliver;
  bool operator==(const ExternalStream&) const = default;
};

struct StreamSourceConsumer {
  std::string name;
  std::string deliver_subject;
  bool operator==(const StreamSourceConsumer&) const = default;
};

// A mirror or a source.
struct StreamSource {
  std::string name;
  uint64_t opt_start_seq = 0;
  std::optional<int64_t> opt_start_time_ns;  // Unix
  std::string filter_subject;
  std::vector<SubjectTransformConfig> subject_transforms;
  std::optional<ExternalStream> external;
  std::optional<StreamSourceConsumer> consumer;
  bool operator==(const StreamSource&) const = default;
};

struct RepublishConfig {
  std::string src;
  std::string dest;
  bool headers_only = false;
  bool operator==(const RepublishConfig&) const = default;
};

struct ConsumerLimits {
  int64_t inactive_threshold_ns = 0;
  int64_t max_ack_pending = 0;
  bool operator==(const ConsumerLimits&) const = default;
};

// Durations are nanoseconds. Limits are -1 when there is none, once the defaults are filled in.
struct StreamConfig {
  std::string name;
  std::string description;
  std::vector<std::string> subjects;
  RetentionPolicy retention = RetentionPolicy::kLimits;
  int64_t max_consumers = 0;
  int64_t max_msgs = 0;
  int64_t max_bytes = 0;
  int64_t max_age_ns = 0;
  int64_t max_msgs_per_subject = 0;
  int32_t max_msg_size = 0;
  DiscardPolicy discard = DiscardPolicy::kOld;
  StorageType storage = StorageType::kFile;
  int64_t num_replicas = 0;
  bool no_ack = false;
  int64_t duplicate_window_ns = 0;
  std::optional<Placement> placement;
  std::optional<StreamSource> mirror;
  std::vector<StreamSource> sources;
  Compression compression = Compression::kNone;
  uint64_t first_seq = 0;
  std::optional<SubjectTransformConfig> subject_transform;
  std::optional<RepublishConfig> republish;
  bool allow_direct = false;
  bool mirror_direct = false;
  bool discard_new_per_subject = false;
  bool sealed = false;
  bool deny_delete = false;
  bool deny_purge = false;
  bool allow_rollup = false;
  ConsumerLimits consumer_limits;
  bool allow_msg_ttl = false;
  int64_t subject_delete_marker_ttl_ns = 0;
  bool allow_msg_counter = false;
  bool allow_atomic = false;
  bool allow_msg_schedules = false;
  PersistMode persist_mode = PersistMode::kDefault;
  bool allow_batched = false;
  StringMap<std::string> metadata;

  bool operator==(const StreamConfig&) const = default;
};

// Reads an object; with `strict`, unknown fields are errors. The error text is what stands behind
// "invalid JSON: ". `pedantic` (may be null) receives the request's flag of that name. `go_struct`
// is how Go calls the object in errors.
StatusOr<StreamConfig> ReadStreamConfig(const boost::json::object& object, bool strict,
                                        bool* pedantic,
                                        std::string_view go_struct = "StreamConfigRequest");
// The same from text, leniently: what WriteStreamConfig() stored.
StatusOr<StreamConfig> ParseStreamConfig(std::string_view text);

// Writes the object (not its key) with Go's omit rules. `extra` is added to the metadata, for
// answers: the server's version and level.
void WriteStreamConfig(JsonWriter& out, const StreamConfig& config,
                       const StringMap<std::string>& extra = {});

}  // namespace weir::jetstream

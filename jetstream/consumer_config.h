#pragma once

// The configuration of a consumer (jetstream-api.md 9.1): its fields and their JSON in the order of
// the reference. The rules for creating and updating are in consumer_rules.h.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/json.h"
#include "protocol/base/status.h"
#include "protocol/base/strings.h"

namespace weir::jetstream {

enum class DeliverPolicy : uint8_t {
  kAll,
  kLast,
  kNew,
  kByStartSequence,
  kByStartTime,
  kLastPerSubject,
};
enum class AckPolicy : uint8_t { kNone, kAll, kExplicit, kFlowControl };
enum class ReplayPolicy : uint8_t { kInstant, kOriginal };
enum class PriorityPolicy : uint8_t { kNone, kOverflow, kPinnedClient, kPrioritized };

// Durations are nanoseconds, 0 where Go leaves the field out.
struct ConsumerConfig {
  std::string durable_name;
  std::string name;
  std::string description;
  DeliverPolicy deliver_policy = DeliverPolicy::kAll;
  uint64_t opt_start_seq = 0;
  std::optional<int64_t> opt_start_time_ns;  // Unix
  AckPolicy ack_policy = AckPolicy::kNone;
  int64_t ack_wait_ns = 0;
  int64_t max_deliver = 0;  // -1: no limit
  std::vector<int64_t> backoff_ns;
  std::string filter_subject;
  std::vector<std::string> filter_subjects;
  ReplayPolicy replay_policy = ReplayPolicy::kInstant;
  uint64_t rate_limit_bps = 0;
  std::string sample_freq;
  int64_t max_waiting = 0;
  int64_t max_ack_pending = 0;  // -1: no limit
  bool flow_control = false;
  bool headers_only = false;
  int64_t max_batch = 0;
  int64_t max_expires_ns = 0;
  int64_t max_bytes = 0;
  std::string deliver_subject;
  std::string deliver_group;
  int64_t idle_heartbeat_ns = 0;
  int64_t inactive_threshold_ns = 0;
  int64_t num_replicas = 0;
  bool mem_storage = false;
  bool direct = false;
  bool sourcing = false;
  StringMap<std::string> metadata;
  std::optional<int64_t> pause_until_ns;  // Unix
  std::vector<std::string> priority_groups;
  PriorityPolicy priority_policy = PriorityPolicy::kNone;
  int64_t priority_timeout_ns = 0;
  // The server chose the name: stored, but left out of answers. Not a field of the JSON.
  bool auto_named = false;

  bool operator==(const ConsumerConfig&) const = default;

  bool is_push() const { return !deliver_subject.empty(); }
  bool is_durable() const { return !durable_name.empty(); }
  // filter_subject or filter_subjects as one list; empty: everything.
  std::vector<std::string> Filters() const;
  // Where dead letters go, from the metadata; nullopt: nowhere.
  std::optional<std::string> dead_letter() const;
  // sample_freq as a percentage, 0 without one.
  int64_t SamplePercent() const;
};

// Reads an object; unknown fields are errors when `strict`. The error text is what stands behind
// "invalid JSON: ".
StatusOr<ConsumerConfig> ReadConsumerConfig(const boost::json::object& object, bool strict);
// The same from text, leniently: what WriteConsumerConfig() stored.
StatusOr<ConsumerConfig> ParseConsumerConfig(std::string_view text);

// Writes the object (not its key) with Go's omit rules. `extra` is added to the metadata, for
// answers: the server's version and level.
void WriteConsumerConfig(JsonWriter& out, const ConsumerConfig& config,
                         const StringMap<std::string>& extra = {});

// The metadata that the reference keeps with a consumer: "_nats.req.level"; takes away what only
// answers carry.
void StampConsumerMetadata(ConsumerConfig& config);
// What answers add: "_nats.ver", "_nats.level".
StringMap<std::string> AnswerMetadata(std::string_view server_version);

}  // namespace weir::jetstream

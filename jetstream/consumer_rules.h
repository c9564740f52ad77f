#pragma once

// Defaults of a consumer's configuration and the rules for creating and updating one
// (jetstream-api.md 9.2, 9.3), with the reference's error codes in the reference's order.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/api_errors.h"
#include "jetstream/consumer_config.h"

namespace weir::jetstream {

// What the rules need to know of the stream, the server and the account. 0 or less: no limit.
struct ConsumerRules {
  enum class Retention : uint8_t { kLimits, kInterest, kWorkQueue };
  Retention retention = Retention::kLimits;
  int64_t stream_replicas = 1;
  std::vector<std::string> stream_subjects;
  int64_t stream_max_ack_pending = 0;        // consumer_limits of the stream
  int64_t stream_inactive_threshold_ns = 0;  // consumer_limits of the stream
  int64_t server_max_ack_pending = 0;
  int64_t server_max_request_batch = 0;
  int64_t account_max_ack_pending = 0;
};

// Fills in what was left out. Fails only in pedantic mode (10157).
ApiError ApplyConsumerDefaults(ConsumerConfig& config, const ConsumerRules& rules, bool pedantic);

// The checks of 9.2 that need nothing but the configuration, in the reference's order.
ApiError CheckConsumerConfig(const ConsumerConfig& config, const ConsumerRules& rules);

// 10102, which a new consumer gets after everything else.
ApiError CheckNameLength(const ConsumerConfig& config);

// What may not change (9.3). A changed deliver subject with interest on the old one is the caller's
// to refuse (10013).
ApiError CheckConsumerUpdate(const ConsumerConfig& old, const ConsumerConfig& updated);

// What a priority group may be called (10162).
bool IsValidPriorityGroup(std::string_view name);

}  // namespace weir::jetstream

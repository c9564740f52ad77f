#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/status.h"

namespace weir::jetstream {

// The body of a pull request (jetstream-api.md 9.9).
struct PullRequest {
  int64_t batch = 1;
  int64_t max_bytes = 0;     // 0: no limit
  int64_t expires_ns = 0;    // 0: never
  int64_t heartbeat_ns = 0;  // 0: none
  bool no_wait = false;
  bool is_object = false;  // JSON: the priority fields below count
  std::string group;
  std::string pin_id;
  int64_t min_pending = 0;
  int64_t min_ack_pending = 0;
  int64_t priority = 0;  // lowest first; what is no object comes behind all of them
};

// Empty or unreadable text means one message; a number is the batch. The error is what stands
// behind "Bad Request - ".
StatusOr<PullRequest> ParsePullRequest(std::string_view body);

}  // namespace weir::jetstream

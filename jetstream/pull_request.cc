#include "jetstream/pull_request.h"

#include "protocol/base/json.h"
#include "protocol/base/strings.h"

namespace weir::jetstream {

StatusOr<PullRequest> ParsePullRequest(std::string_view body) {
  PullRequest request;
  body = TrimSpace(body);
  if (body.empty() || body.front() != '{') {
    request.batch = ParseNumber<int64_t>(body).value_or(1);
    request.priority = INT32_MAX;
    return request;
  }
  WEIR_ASSIGN_OR_RETURN(boost::json::value value, ParseJson(body));
  const auto* object = value.if_object();
  if (object == nullptr) {
    return InvalidArgument("not an object");
  }
  request.is_object = true;
  request.batch = 0;
  JsonReader in(*object);
  in.Read("expires", request.expires_ns);
  in.Read("batch", request.batch);
  in.Read("max_bytes", request.max_bytes);
  in.Read("no_wait", request.no_wait);
  in.Read("idle_heartbeat", request.heartbeat_ns);
  in.Read("group", request.group);
  in.Read("min_pending", request.min_pending);
  in.Read("min_ack_pending", request.min_ack_pending);
  in.Read("id", request.pin_id);
  in.Read("priority", request.priority);
  WEIR_RETURN_IF_ERROR(in.Finish(false));
  if (request.heartbeat_ns > 0 && request.heartbeat_ns > request.expires_ns / 2) {
    return InvalidArgument("heartbeat value too large");
  }
  return request;
}

}  // namespace weir::jetstream

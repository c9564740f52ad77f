#include "jetstream/pull_request.h"

#include "protocol/base/json.h"
#include "protocol/base/json_syntax.h"
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
  auto value = ParseJson(body);
  if (!value.ok()) {
    return InvalidArgument(WithoutJsonOffset(Message(value.status())));
  }
  const auto* object = value->if_object();
  if (object == nullptr) {
    return InvalidArgument("not an object");
  }
  request.is_object = true;
  request.batch = 0;
  JsonReader in(*object, "JSApiConsumerGetNextRequest");
  in.Read("expires", request.expires_ns, "time.Duration");
  in.Read("batch", request.batch, "int");
  in.Read("max_bytes", request.max_bytes, "int");
  in.Read("no_wait", request.no_wait);
  in.Read("idle_heartbeat", request.heartbeat_ns, "time.Duration");
  WEIR_RETURN_IF_ERROR(in.Finish(false));
  JsonReader group(*object, "JSApiConsumerGetNextRequest.PriorityGroup");
  group.Read("group", request.group);
  group.Read("min_pending", request.min_pending);
  group.Read("min_ack_pending", request.min_ack_pending);
  group.Read("id", request.pin_id);
  group.Read("priority", request.priority, "int");
  WEIR_RETURN_IF_ERROR(group.Finish(false));
  if (request.heartbeat_ns > 0 && request.heartbeat_ns > request.expires_ns / 2) {
    return InvalidArgument("heartbeat value too large");
  }
  return request;
}

}  // namespace weir::jetstream

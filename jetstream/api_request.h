#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "jetstream/api_errors.h"
#include "jetstream/environment.h"
#include "protocol/base/json.h"

namespace weir::jetstream {

struct AccountUsage;

// A $JS.API request with bytes of its own, so that it can be mailed from the meta shard to a home.
struct ApiRequest {
  AccountId account;
  std::string
      subject;  // in the account's space, domain prefix removed: "$JS.API.STREAM.INFO.ORDERS"
  std::string reply;
  std::string headers;
  std::string payload;
  std::string client;             // Inbound::client
  AccountUsage* usage = nullptr;  // counts requests and errors; may be null

  static ApiRequest Copy(const Inbound& message);

  // The token at this position; "$JS" is 0. Empty when there are fewer.
  std::string_view token(size_t index) const;
};

// The body as an object. An empty body and null are empty objects; anything else that is not one is
// an error, whose text is what stands behind "invalid JSON: ". `go_struct` is how Go calls what
// should have come.
StatusOr<boost::json::object> ReadBody(const ApiRequest& request,
                                       std::string_view go_struct = "JSApiRequest");
// The body of a request that may come without one: ignored unless it looks like JSON (1.2).
StatusOr<boost::json::object> ReadOptionalBody(const ApiRequest& request,
                                               std::string_view go_struct = "JSApiRequest");
// What the log says of a request that a strict server refuses.
void WarnOfRequest(Environment& env, const ApiRequest& request, const Status& problem);
// Runs `read(strict)`, which reads a body that has been parsed. Where the server is not strict, a
// request that only a strict one would refuse is logged, and read leniently.
template <typename Read>
Status ReadFields(Environment& env, const ApiRequest& request, const Read& read) {
  Status status = read(/*strict=*/true);
  if (status.ok() || env.options.strict) {
    return status;
  }
  WarnOfRequest(env, request, status);
  return read(/*strict=*/false);
}
// Zero bytes, or an object without members.
bool IsEmptyBody(std::string_view payload);
// 10025.
ApiError InvalidJson(const Status& status);

// Every answer has a type: "io.nats.jetstream.api.v1." + `type` ("stream_info_response").
// Starts the object and writes the member "type".
JsonWriter StartResponse(std::string_view type);
// Publishes `json` to the request's reply; nothing without one. `error` is for the statistics.
void Respond(Environment& env, const ApiRequest& request, std::string_view json, bool error = false,
             std::string_view headers = {});
void RespondError(Environment& env, const ApiRequest& request, std::string_view type,
                  const ApiError& error, bool counted = true);
// {"type":…,"success":true}
void RespondSuccess(Environment& env, const ApiRequest& request, std::string_view type);

}  // namespace weir::jetstream

#pragma once

#include <string>
#include <string_view>

#include "jetstream/api_errors.h"
#include "jetstream/environment.h"

namespace weir::jetstream {

// A $JS.API request with bytes of its own, so that it can be mailed from the meta shard to a home.
struct ApiRequest {
  AccountId account;
  std::string
      subject;  // in the account's space, domain prefix removed: "$JS.API.STREAM.INFO.ORDERS"
  std::string reply;
  std::string headers;
  std::string payload;

  static ApiRequest Copy(const Inbound& message);
};

// Every answer has a type: "io.nats.jetstream.api.v1." + `type` ("stream_info_response").
// Starts the object and writes the member "type".
JsonWriter StartResponse(std::string_view type);
// Publishes `json` to the request's reply; nothing without one.
void Respond(Environment& env, const ApiRequest& request, std::string_view json);
void RespondError(Environment& env, const ApiRequest& request, std::string_view type,
                  const ApiError& error);

}  // namespace weir::jetstream

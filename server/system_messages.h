#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/json.h"
#include "protocol/base/nuid.h"
#include "server/connection_info.h"
#include "server/context.h"

namespace weir::server {

// The JSON of what the system account sees (monitoring.md 13, 14). Any thread.

// "server": who sends; counts the message.
std::string ServerInfoJson(ServerContext& context);

// Opens the object of an event with "type", "id", "timestamp" and "server". `type` is what stands
// behind "io.nats.server.advisory.v1.".
JsonWriter StartSystemEvent(ServerContext& context, Random& random, std::string_view type);

// "client", as events show it.
void WriteEventClient(JsonWriter& out, const ConnectionInfo& info, std::string_view account);

// The client as JetStream's audits show it (jetstream-api.md 11).
std::string RequesterJson(ServerContext& context, const ConnectionInfo& info);

// The envelope of a service's answer.
std::string DataEnvelope(ServerContext& context, std::string_view data);
// `with_data`: with "data":null, as where the request was understood.
std::string ErrorEnvelope(ServerContext& context, int code, std::string_view text, bool with_data);

}  // namespace weir::server

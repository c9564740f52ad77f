#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/handshake.h"
#include "protocol/serializer.h"
#include "server/options.h"

namespace weir::server {

// How the log speaks of clients and of what they say (server-config.md 11). Pure functions.

// What stands behind the address and id of a client once it is known who it is:
// `"v1.40:go:name" - "account/user:bob" - `, either part only when there is something in it.
std::string ClientLabel(const protocol::ConnectOptions& options, std::string_view account);

// "authentication error", with who it was that failed.
std::string AuthenticationErrorText(const protocol::ConnectOptions& options);

// The lines that trace one operation of a client, given whole as it came: `<<- [PUB foo 5]`,
// `<<- MSG_PAYLOAD: ["hello"]`. Passwords and tokens are not shown.
std::vector<std::string> TraceOperation(std::string_view bytes, const LogOptions& options);

// The lines that trace one message to a client: `->> [MSG foo 1 5]` and its payload.
std::vector<std::string> TraceMessage(const protocol::WireMessage& message,
                                      const LogOptions& options);

}  // namespace weir::server

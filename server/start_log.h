#pragma once

#include <string>
#include <string_view>

#include "protocol/base/log.h"
#include "server/context.h"
#include "server/options.h"

namespace weir::server {

// The first lines of the log, in the reference's order (server-config.md 11): who this is, what
// its configuration came from, what to worry about.
void LogStart(Log& log, const Options& options, const Identity& identity);

// The name that the reference derives from a server's name for its JetStream peers: 8 characters.
std::string NodeName(std::string_view server_name);

}  // namespace weir::server

#pragma once

#include <string>

#include "server/pages.h"

namespace weir::server {

// Pages that say little of a server that runs alone: routes, gateways, leaf nodes and queues
// between servers are empty (monitoring.md 4, 8, 9, 12).
std::string RoutezJson(const PageSources& sources);
std::string GatewayzJson(const PageSources& sources);
std::string LeafzJson(const PageSources& sources);

// The command line and the memory of the process under the names of Go's expvar.
std::string ExpvarMemoryJson();
std::string ExpvarCommandJson();

// What every thread of the process is called and does, as text.
std::string StacksText();

}  // namespace weir::server

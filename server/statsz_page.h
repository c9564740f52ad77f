#pragma once

#include "server/pages.h"

namespace weir::server {

// What the server tells of itself in STATSZ messages (monitoring.md 13): the whole message.
void MakeStatsz(PageSources& sources, std::function<void(const std::string& json)> done);

}  // namespace weir::server

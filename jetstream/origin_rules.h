#pragma once

#include <functional>
#include <string_view>

#include "jetstream/api_errors.h"
#include "jetstream/stream_config.h"

namespace weir::jetstream {

// The configuration of a stream of the same account; null when there is none of that name.
using StreamLookup = std::function<const StreamConfig*(std::string_view name)>;

// The checks of mirror and sources (jetstream-api.md 4.1, steps 14 to 17). Fills in what a mirror
// takes over from an origin that can be seen.
ApiError CheckOrigins(StreamConfig& config, const StreamLookup& find, bool pedantic);

}  // namespace weir::jetstream

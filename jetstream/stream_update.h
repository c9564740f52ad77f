#pragma once

#include "jetstream/api_errors.h"
#include "jetstream/stream_config.h"

namespace weir::jetstream {

// May a stream change from `old` to `updated` (jetstream-api.md 4.2)? Both have passed
// CheckStreamConfig(). Sealing forces some fields of `updated`.
ApiError CheckStreamUpdate(const StreamConfig& old, StreamConfig& updated);

}  // namespace weir::jetstream

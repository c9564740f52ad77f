#pragma once

#include <optional>

#include "jetstream/api_errors.h"
#include "jetstream/environment.h"
#include "jetstream/stream_config.h"
#include "protocol/subject_transform.h"

namespace weir::jetstream {

// Fills in what was left out and runs the checks of jetstream-api.md 4.1 that need nothing but the
// configuration (steps 3 to 22), in the reference's order; for create and update. A feature that
// this server does not have is refused, never ignored.
ApiError CheckStreamConfig(StreamConfig& config, const JetStreamOptions& options,
                           const AccountLimits& limits, bool pedantic);

// What a stream's subject_transform does: an empty source covers everything, an empty destination
// changes nothing.
StatusOr<std::optional<protocol::SubjectTransform>> MakeTransform(
    const SubjectTransformConfig& config);

// The metadata that the reference keeps with a stream: "_nats.req.level"; takes away what only
// answers carry.
void StampStreamMetadata(StreamConfig& config);

// Are they the same but for the stamps in the metadata (4.1, step 23)?
bool SameStreamConfig(const StreamConfig& a, const StreamConfig& b);

}  // namespace weir::jetstream

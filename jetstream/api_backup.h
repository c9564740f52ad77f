#pragma once

#include "jetstream/api_request.h"
#include "jetstream/catalog.h"

namespace weir::jetstream {

// STREAM.SNAPSHOT and STREAM.RESTORE (jetstream-api.md 8): they check the request, answer it and
// start the transfer at the stream's home. On the meta shard.
void HandleStreamSnapshot(Catalog& catalog, ApiRequest request);
void HandleStreamRestore(Catalog& catalog, ApiRequest request);

}  // namespace weir::jetstream

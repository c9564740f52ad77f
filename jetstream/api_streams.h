#pragma once

#include "jetstream/api_request.h"
#include "jetstream/catalog.h"

namespace weir::jetstream {

class Stream;

// The stream half of the API (jetstream-api.md 2, 4, 6.3). Each handler answers the request.

// On the meta shard.
void HandleStreamCreate(Catalog& catalog, ApiRequest request);
void HandleStreamUpdate(Catalog& catalog, ApiRequest request);
void HandleStreamDelete(Catalog& catalog, ApiRequest request);
void HandleStreamNames(Catalog& catalog, ApiRequest request);
void HandleStreamList(Catalog& catalog, ApiRequest request);
void HandleStreamInfo(Catalog& catalog, ApiRequest request);

// On the meta shard, before the stream is looked for: what is wrong with the body alone.
ApiError CheckStreamPurge(Environment& env, const ApiRequest& request);

// At the stream's home.
void HandleStreamPurge(Stream& stream, const ApiRequest& request);

}  // namespace weir::jetstream

#pragma once

#include "jetstream/api_request.h"
#include "jetstream/catalog.h"

namespace weir::jetstream {

class Stream;

// Single messages and the account (jetstream-api.md 3, 6). Each handler answers the request.

// What is wrong with the request whatever the stream.
ApiError CheckMessageGet(Environment& env, const ApiRequest& request);
ApiError CheckMessageDelete(Environment& env, const ApiRequest& request);

// At the stream's home.
void HandleMessageGet(Stream& stream, const ApiRequest& request);
void HandleMessageDelete(Stream& stream, const ApiRequest& request);

// On the meta shard.
void HandleAccountInfo(Catalog& catalog, ApiRequest request);

}  // namespace weir::jetstream

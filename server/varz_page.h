#pragma once

#include "server/pages.h"

namespace weir::server {

// The server as a whole: configuration, resources, totals (monitoring.md 2).
void MakeVarz(PageSources& sources, PageDone done);

// The four flags of the reference with what the configuration makes of them, as an object.
void WriteFeatureFlags(JsonWriter& out, const Options& options);

// A configured map of texts, sorted by key; left out when empty.
void WriteMetadata(JsonWriter& out, const Options& options);

}  // namespace weir::server

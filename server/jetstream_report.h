#pragma once

#include <cstdint>

#include "protocol/base/json.h"
#include "server/pages.h"

namespace weir::server {

// What several pages tell of JetStream as a whole (monitoring.md 2, 10). On the first worker, with
// JetStream enabled.
struct JetStreamUsage {
  int64_t memory = 0;
  int64_t storage = 0;
  int64_t reserved_memory = 0;
  int64_t reserved_storage = 0;
  size_t accounts = 0;
  uint64_t api_total = 0;
  uint64_t api_errors = 0;
};

JetStreamUsage ReadJetStreamUsage(const PageSources& sources);

// The members of the statistics into an open object.
void WriteJetStreamUsage(JsonWriter& out, const JetStreamUsage& usage);
// Objects. `with_directory`: where the store is.
void WriteJetStreamConfig(JsonWriter& out, const PageSources& sources, bool with_directory);
void WriteJetStreamLimits(JsonWriter& out, const JetStreamLimits& limits);

// "config", "stats" and "limits" as one object; an empty one without JetStream.
std::string JetStreamVarzJson(const PageSources& sources, bool with_directory);

}  // namespace weir::server

#pragma once

#include <string>

#include "jetstream/environment.h"
#include "jetstream/pending_stream.h"
#include "jetstream/stream.h"
#include "protocol/base/json.h"

namespace weir::jetstream {

// What an answer shows of a stream (jetstream-api.md 4.3).
struct StreamInfoOptions {
  bool deleted = false;              // the list of interior deletes
  std::string subjects_filter = {};  // with the counts of these subjects
  uint64_t offset = 0;               // into them
  bool stamps = true;                // the server's version and level in the metadata
  bool cluster = false;              // who leads: this server
  bool domain = true;
};

// What the paging of the subjects says; zeros when none were asked for.
struct StreamInfoPage {
  uint64_t total = 0;
  uint64_t offset = 0;
  uint64_t limit = 0;
};

// The state of the store with its subjects and deletes, as an object. Sets `page`.
std::string StreamStateJson(const Stream& stream, const StreamInfoOptions& options,
                            StreamInfoPage& page);
// The same of a stream that is still being read; nothing has been asked for but the counters.
std::string PendingStateJson(const storage::PeekedState& state, size_t consumers);
// The members of StreamInfo into an open object; `state` comes from StreamStateJson().
void WriteStreamInfo(JsonWriter& out, Stream& stream, std::string_view state,
                     const StreamInfoOptions& options);
// The same of a stream that is still being read.
void WritePendingInfo(JsonWriter& out, Environment& env, const PendingStream& stream,
                      const StreamInfoOptions& options);
// Is what is known of such a stream the whole answer?
bool CanAnswer(const PendingStream& stream, const StreamInfoOptions& options);

}  // namespace weir::jetstream

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.h"
#include "storage/database.h"
#include "storage/stream_store.h"

namespace weir::storage {

// The position record of a stream (FORMAT.md): where it begins and ends, and what it has.
struct StreamPosition {
  StreamSeq first_seq = 0;
  StreamSeq last_seq = 0;
  int64_t last_time_ns = 0;
  bool counted = false;  // the rest is known; older records end here
  uint64_t messages = 0;
  uint64_t bytes = 0;
  uint64_t subjects = 0;
  uint64_t lost_messages = 0;  // to damage, as far as was known
  uint64_t lost_bytes = 0;
};

// `position.counted` is taken for true.
std::string EncodePosition(const StreamPosition& position);
std::optional<StreamPosition> DecodePosition(std::string_view content);

// From whichever copy is right; nullopt when there is none. A damaged copy is a line in `damage`.
std::optional<StreamPosition> ReadPosition(Database& db, StreamId stream,
                                           std::vector<std::string>& damage);

// The counters of a stream that is not open, without reading it: two or three blocks at most.
// nullopt when nobody has written them down, or when something is known to be lost. Exact unless
// something has been damaged since; whoever opens the stream knows better. May block.
std::optional<PeekedState> PeekState(Database& db, StreamId stream);

}  // namespace weir::storage

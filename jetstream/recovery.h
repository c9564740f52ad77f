#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jetstream/catalog.h"
#include "storage/meta_store.h"

namespace weir::jetstream {

// What a boot found (architecture 7.6).
struct RecoveryReport {
  size_t streams = 0;
  size_t consumers = 0;
  // Of restores that did not come to their end, by home: on their shards, to be destroyed.
  std::vector<std::pair<size_t, StreamId>> incomplete;
  // What is damaged in the meta data; of a record with a second copy nothing is lost.
  std::vector<std::string> damaged;
};

// The record of a stream that is being restored, from the one that it will have. A boot that finds
// such a stream throws it away.
std::string MarkIncomplete(std::string_view config);

// Reads the meta store and the streams' counters, and puts the streams with their consumers on the
// catalog's shards, not started: their messages are read when they are (pending_stream.h). Blocks
// on the disk: runs on the booting thread, before the shards' homes run. Fails only when the meta
// store cannot be read at all; what cannot be loaded is logged and set aside
// (Catalog::set_aside()).
StatusOr<RecoveryReport> Recover(Catalog& catalog);

}  // namespace weir::jetstream

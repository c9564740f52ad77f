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
  // One line each: streams and consumers that were set aside. They stay on the disk.
  std::vector<std::string> set_aside;
  // Of restores that did not come to their end, by home: on their shards, to be destroyed.
  std::vector<std::pair<size_t, StreamId>> incomplete;
};

// The record of a stream that is being restored, from the one that it will have. A boot that finds
// such a stream throws it away.
std::string MarkIncomplete(std::string_view config);

// Reads the meta store, opens the stores, rebuilds the dedupe windows and puts the streams with
// their consumers on the catalog's shards, not started. Blocks on the disk: runs on the booting
// thread, before the shards' homes run. Fails only when the meta store cannot be read at all; a
// stream that cannot be loaded is logged and set aside.
StatusOr<RecoveryReport> Recover(Catalog& catalog);

}  // namespace weir::jetstream

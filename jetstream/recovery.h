#pragma once

#include <vector>

#include "jetstream/catalog.h"
#include "storage/meta_store.h"

namespace weir::jetstream {

// What a boot found (architecture 7.6).
struct RecoveryReport {
  size_t streams = 0;
  size_t consumers = 0;
  // One line each: streams and consumers that cannot be read. They stay on the disk.
  std::vector<std::string> set_aside;
  // What is damaged in the meta data; of a record with a second copy nothing is lost.
  std::vector<std::string> damaged;
};

// Reads the meta store, opens the stores, rebuilds the dedupe windows and puts the streams with
// their consumers on the catalog's shards, not started. Blocks on the disk: runs on the booting
// thread, before the shards' homes run. Fails only when the meta store cannot be read at all; a
// stream that cannot be loaded is logged and set aside.
StatusOr<RecoveryReport> Recover(Catalog& catalog);

}  // namespace weir::jetstream

#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/container/flat_hash_map.h"

#include "protocol/base/ids.h"
#include "protocol/base/mutex.h"
#include "storage/commit_queue.h"
#include "storage/value_sealer.h"

namespace rocksdb {
class CompactionFilterFactory;
}  // namespace rocksdb

namespace weir::storage {

// From which sequence on the messages of each stream are kept, for the compaction filter: trimming
// a stream writes one number, and the blocks below it disappear as files are compacted. A stream
// that is not in the table loses nothing, so a stream that could not be read stays on disk.
//
// Thread-safe; its lock is held for a look-up or a copy only.
class RetentionTable {
 public:
  // The marks follow the stream's commits by themselves; first = UINT64_MAX: all of it goes.
  void Watch(StreamId stream, std::shared_ptr<const CommitMarks> marks);

  // Syncs the log; false when that fails.
  void set_sync(std::function<bool()> sync);

  using Limits = absl::flat_hash_map<uint32_t, StreamSeq>;  // stream id → first sequence kept
  // What is on the disk: a block must not go before the number that says so is safe. Syncs, so it
  // may block.
  Limits Snapshot() const;

 private:
  mutable Mutex mu_;
  std::function<bool()> sync_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<uint32_t, std::shared_ptr<const CommitMarks>> marks_ ABSL_GUARDED_BY(mu_);
};

// Drops blocks that end below their stream's first sequence, and pages of interior deletes that do.
std::shared_ptr<rocksdb::CompactionFilterFactory> MakeRetentionFilter(
    std::shared_ptr<const RetentionTable> table, std::shared_ptr<const ValueSealer> sealer,
    Family family);

}  // namespace weir::storage

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "rocksdb/file_system.h"

#include "protocol/base/ids.h"
#include "protocol/base/mutex.h"

namespace weir::storage {

// The last sequence of each stream as far as it is synced, in a small file of our own (FORMAT.md):
// where a log or a table is cut off, the numbers that were handed out must not be handed out again.
//
// Like the marks (guarded_files.h) written after each sync and not synced itself: exact after a
// crash of the process, after loss of power perhaps older, never newer. Thread-safe.
class EndsFile {
 public:
  EndsFile(std::shared_ptr<rocksdb::FileSystem> files, std::string path);

  // The last sequence that is known to have been synced; 0: nothing is known.
  StreamSeq Of(StreamId stream);
  void Note(StreamId stream, StreamSeq last);
  // The stream is deleted.
  void Forget(StreamId stream);
  // What the file says is not about this store.
  void Discard();

 private:
  struct Slot {
    uint32_t index = 0;
    StreamSeq last = 0;
  };

  void Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Write(uint32_t index, StreamId stream, StreamSeq last) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::string path_;
  Mutex mu_;
  absl::flat_hash_map<StreamId, Slot> slots_ ABSL_GUARDED_BY(mu_);
  std::vector<uint32_t> free_ ABSL_GUARDED_BY(mu_);
  uint32_t used_ ABSL_GUARDED_BY(mu_) = 0;  // slots of the file
  std::unique_ptr<rocksdb::FSRandomRWFile> file_ ABSL_GUARDED_BY(mu_);
  bool failed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace weir::storage

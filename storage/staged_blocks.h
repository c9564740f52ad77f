#pragma once

#include <cstdint>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"

#include "protocol/base/ids.h"
#include "storage/block_source.h"

namespace weir::storage {

// Blocks that take the place of others in the database and are not committed yet, or are while
// somebody may still come back with what was there before: until then they are read from here.
//
// Commits are told by their number: a block is put with the number of the commit that will hold it.
// Confined to the stream's home.
class StagedBlocks {
 public:
  // Takes the place of what begins with the same sequence.
  void Put(LoadedBlock block, uint64_t commit);
  const LoadedBlock* Find(StreamSeq seq) const;
  // Is any of it within the interval?
  bool Overlaps(StreamSeq first, StreamSeq last) const;

  // A load begins when `committed` commits are done; returns what to end it with.
  uint64_t BeginLoad(uint64_t committed);
  void EndLoad(uint64_t load) { loads_.erase(loads_.find(load)); }
  // Forgets what is in the database and was before the oldest load under way began.
  void Release(uint64_t committed);
  void Clear();

  bool empty() const { return blocks_.empty(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    LoadedBlock block;
    uint64_t commit;
  };

  absl::btree_map<StreamSeq, Entry> blocks_;  // by first sequence
  absl::btree_multiset<uint64_t> loads_;
  size_t bytes_ = 0;
};

}  // namespace weir::storage

#pragma once

#include <bit>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "protocol/base/ids.h"
#include "storage/block.h"
#include "storage/sequence_set.h"

namespace weir::storage {

// Where a block begins and ends, or a stretch of several.
struct BlockExtent {
  StreamSeq first = 0;
  StreamSeq last = 0;
};

// The blocks of a stream of which little lives, in the order in which that was noticed. A block
// waits until much else has been deleted: in a queue that is worked off, most blocks are wholly
// dead by then, and nothing has to be written. Where messages are deleted without a look at their
// block, it is noticed of pages (sequence_set.h) that little of them lives, which may mean that
// blocks in them are dead.
//
// Confined to the stream's home.
class SparseBlocks {
 public:
  // `patience_bytes`: how much else is deleted before a block's turn comes.
  explicit SparseBlocks(uint64_t patience_bytes) : patience_bytes_(patience_bytes) {}

  // Is it worth writing anew?
  static bool IsSparse(uint64_t live, uint64_t count) { return live * 4 <= count; }

  // Should a page be noted when so much of it lives? Again each time that a quarter is left.
  static bool IsPageSparse(uint64_t live) {
    return live == 0 || (live <= SequenceSet::kPageSize / 4 && (live & (live - 1)) == 0 &&
                         std::countr_zero(live) % 2 == 0);
  }

  struct Stretch {
    BlockExtent extent;
    bool page = false;  // not a block
  };

  // Little of it lives now; again and again is fine.
  void Note(const Stretch& stretch);
  void NoteDeleted(uint64_t bytes) { deleted_bytes_ += bytes; }
  // At most `most` that have waited long enough and end below `end`; they are forgotten.
  std::vector<Stretch> Take(size_t most, StreamSeq end);
  void Clear();
  bool empty() const { return waiting_.empty(); }
  uint64_t deleted_bytes() const { return deleted_bytes_; }

 private:
  struct Waiting {
    Stretch stretch;
    uint64_t since;  // bytes that had been deleted before
  };

  const uint64_t patience_bytes_;
  static StreamSeq KeyOf(const Stretch& stretch) {
    return stretch.extent.first << 1 | (stretch.page ? 1 : 0);
  }

  uint64_t deleted_bytes_ = 0;
  std::deque<Waiting> waiting_;
  absl::flat_hash_set<StreamSeq> known_;  // of those that wait, see KeyOf()
};

// What lives of a block, as blocks that take its place: stretches of dead messages are left out,
// short ones are stubs. `dead`: what was deleted. nullopt when a record of it cannot be read, or
// when nothing would be won.
std::optional<std::vector<BlockBuilder::Sealed>> RewriteBlock(BlockBuilder& builder,
                                                              const BlockReader& reader,
                                                              size_t bytes,
                                                              const SequenceSet& dead);

}  // namespace weir::storage

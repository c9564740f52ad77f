#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "storage/block.h"

namespace weir::storage {

// The newest blocks of a stream, as they were built: readers that keep up never reach the database.
// Bounded by bytes, but a block stays at least until it is committed, for nobody else has it.
// Confined to the stream's home; what is handed out keeps its bytes.
class TailCache {
 public:
  explicit TailCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  void Push(BlockBuilder::Sealed sealed);
  // The block that holds `seq`, nullptr when it is not here.
  const BlockBuilder::Sealed* Find(StreamSeq seq) const;
  // Other bytes for a block, if it is here.
  void Replace(const BlockBuilder::Sealed& sealed);
  // Drops the oldest ones over the limit, but nothing above `committed`.
  void Evict(StreamSeq committed) { EvictTo(max_bytes_, committed); }
  void EvictAll(StreamSeq committed) { EvictTo(0, committed); }
  void DropBelow(StreamSeq seq);
  void Clear();

  // Everything that exists at or above this sequence is here (or not sealed yet); UINT64_MAX when
  // empty.
  StreamSeq covers_from() const { return blocks_.empty() ? UINT64_MAX : blocks_.front().first; }
  // The blocks that overlap the interval, oldest first, until they have `max_bytes`.
  std::vector<BlockBuilder::Sealed> Overlapping(StreamSeq first, StreamSeq last,
                                                size_t max_bytes) const;
  size_t bytes() const { return bytes_; }

 private:
  static size_t CostOf(const BlockBuilder::Sealed& sealed) {
    return sealed.size + sizeof(BlockBuilder::Sealed);
  }
  void EvictTo(size_t max_bytes, StreamSeq committed);
  std::deque<BlockBuilder::Sealed>::const_iterator At(StreamSeq seq) const;

  const size_t max_bytes_;
  std::deque<BlockBuilder::Sealed> blocks_;
  size_t bytes_ = 0;
  mutable const BlockBuilder::Sealed* recent_ = nullptr;
};

}  // namespace weir::storage

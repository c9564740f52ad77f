#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/container/btree_map.h"

#include "protocol/base/ids.h"
#include "storage/block_source.h"

namespace weir::storage {

// The blocks that a store has read from the database lately, bounded by bytes; the oldest go first,
// but what the latest Add() brought stays until the next. Confined to the stream's home.
class LoadedBlocks {
 public:
  explicit LoadedBlocks(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Blocks of which nothing can be read are not kept.
  void Add(std::vector<LoadedBlock> blocks);
  // The block that holds `seq`, or nullptr; lives until the next change.
  const LoadedBlock* Find(StreamSeq seq) const;
  void Drop(StreamSeq first);
  void DropBelow(StreamSeq seq);
  void Clear();
  size_t bytes() const { return bytes_; }

 private:
  static size_t CostOf(const LoadedBlock& block) { return block.bytes.size() + 128; }

  const size_t max_bytes_;
  absl::btree_map<StreamSeq, LoadedBlock> blocks_;
  std::deque<StreamSeq> order_;  // first sequences of all, oldest first
  size_t bytes_ = 0;
};

}  // namespace weir::storage

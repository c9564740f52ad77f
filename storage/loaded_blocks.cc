#include "storage/loaded_blocks.h"

#include <algorithm>
#include <utility>

namespace weir::storage {

void LoadedBlocks::Add(std::vector<LoadedBlock> blocks) {
  size_t added = 0;
  for (LoadedBlock& block : blocks) {
    StreamSeq first = block.reader.first();
    if (block.reader.count() == 0 || blocks_.contains(first)) {
      continue;
    }
    bytes_ += CostOf(block);
    blocks_.emplace(first, std::move(block));
    order_.push_back(first);
    ++added;
  }
  while (bytes_ > max_bytes_ && order_.size() > added) {
    Drop(order_.front());
  }
}

const LoadedBlock* LoadedBlocks::Find(StreamSeq seq) const {
  auto at = blocks_.upper_bound(seq);
  if (at == blocks_.begin() || std::prev(at)->second.reader.last() < seq) {
    return nullptr;
  }
  return &std::prev(at)->second;
}

void LoadedBlocks::Drop(StreamSeq first) {
  auto found = blocks_.find(first);
  if (found != blocks_.end()) {
    bytes_ -= CostOf(found->second);
    blocks_.erase(found);
    order_.erase(std::find(order_.begin(), order_.end(), first));
  }
}

void LoadedBlocks::DropBelow(StreamSeq seq) {
  while (!blocks_.empty() && blocks_.begin()->second.reader.last() < seq) {
    Drop(blocks_.begin()->first);
  }
}

void LoadedBlocks::Clear() {
  blocks_.clear();
  order_.clear();
  bytes_ = 0;
}

}  // namespace weir::storage

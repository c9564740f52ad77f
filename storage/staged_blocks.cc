#include "storage/staged_blocks.h"

#include <algorithm>
#include <utility>

namespace weir::storage {

void StagedBlocks::Put(LoadedBlock block, uint64_t commit) {
  Entry& entry = blocks_[block.reader.first()];
  bytes_ += block.bytes.size() - entry.block.bytes.size();
  entry = {std::move(block), commit};
}

const LoadedBlock* StagedBlocks::Find(StreamSeq seq) const {
  auto at = blocks_.upper_bound(seq);
  if (at == blocks_.begin() || std::prev(at)->second.block.reader.last() < seq) {
    return nullptr;
  }
  return &std::prev(at)->second.block;
}

bool StagedBlocks::Overlaps(StreamSeq first, StreamSeq last) const {
  auto at = blocks_.upper_bound(last);
  return at != blocks_.begin() && std::prev(at)->second.block.reader.last() >= first;
}

uint64_t StagedBlocks::BeginLoad(uint64_t committed) {
  loads_.insert(committed);
  return committed;
}

void StagedBlocks::Release(uint64_t committed) {
  if (blocks_.empty()) {
    return;
  }
  uint64_t safe = loads_.empty() ? committed : std::min(committed, *loads_.begin());
  for (auto at = blocks_.begin(); at != blocks_.end();) {
    if (at->second.commit <= safe) {
      bytes_ -= at->second.block.bytes.size();
      at = blocks_.erase(at);
    } else {
      ++at;
    }
  }
}

void StagedBlocks::Clear() {
  blocks_.clear();
  bytes_ = 0;
}

}  // namespace weir::storage

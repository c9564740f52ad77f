#include "storage/tail_cache.h"

#include <algorithm>
#include <utility>

namespace weir::storage {

void TailCache::Push(BlockBuilder::Sealed sealed) {
  recent_ = nullptr;
  bytes_ += CostOf(sealed);
  blocks_.push_back(std::move(sealed));
}

std::deque<BlockBuilder::Sealed>::const_iterator TailCache::At(StreamSeq seq) const {
  auto after = std::upper_bound(
      blocks_.begin(), blocks_.end(), seq,
      [](StreamSeq s, const BlockBuilder::Sealed& block) { return s < block.first; });
  if (after == blocks_.begin() || std::prev(after)->last < seq) {
    return blocks_.end();
  }
  return std::prev(after);
}

const BlockBuilder::Sealed* TailCache::Find(StreamSeq seq) const {
  if (recent_ != nullptr && recent_->first <= seq && seq <= recent_->last) {
    return recent_;
  }
  auto found = seq < covers_from() ? blocks_.end() : At(seq);
  if (found == blocks_.end()) {
    return nullptr;
  }
  recent_ = &*found;
  return recent_;
}

void TailCache::Replace(const BlockBuilder::Sealed& sealed) {
  auto found = At(sealed.first);
  if (found != blocks_.end()) {
    auto index = static_cast<size_t>(found - blocks_.begin());
    bytes_ += CostOf(sealed) - CostOf(blocks_[index]);
    blocks_[index] = sealed;
  }
}

void TailCache::EvictTo(size_t max_bytes, StreamSeq committed) {
  while (bytes_ > max_bytes && !blocks_.empty() && blocks_.front().last <= committed) {
    recent_ = nullptr;
    bytes_ -= CostOf(blocks_.front());
    blocks_.pop_front();
  }
}

void TailCache::DropBelow(StreamSeq seq) {
  while (!blocks_.empty() && blocks_.front().last < seq) {
    recent_ = nullptr;
    bytes_ -= CostOf(blocks_.front());
    blocks_.pop_front();
  }
}

void TailCache::Clear() {
  recent_ = nullptr;
  blocks_.clear();
  bytes_ = 0;
}

std::vector<BlockBuilder::Sealed> TailCache::Overlapping(StreamSeq first, StreamSeq last,
                                                         size_t max_bytes) const {
  std::vector<BlockBuilder::Sealed> out;
  size_t bytes = 0;
  auto at = std::lower_bound(
      blocks_.begin(), blocks_.end(), first,
      [](const BlockBuilder::Sealed& block, StreamSeq seq) { return block.last < seq; });
  for (; at != blocks_.end() && at->first <= last && (bytes < max_bytes || out.empty()); ++at) {
    bytes += at->size;
    out.push_back(*at);
  }
  return out;
}

}  // namespace weir::storage

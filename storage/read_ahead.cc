#include "storage/read_ahead.h"

#include <algorithm>

namespace weir::storage {

ReadAhead::Plan ReadAhead::Begin(StreamSeq seq) {
  // Deleted messages, and such that a filter leaves out, make small gaps.
  const bool goes_on = next_ != 0 && seq >= next_ && seq - next_ < kFirst;
  return {seq, goes_on ? std::min(messages_ * 4, kMost) : kFirst};
}

void ReadAhead::Loaded(const Plan& plan, const std::vector<LoadedBlock>& blocks) {
  if (early_.from == plan.from) {
    early_ = {0, 0};
  }
  if (blocks.empty() || blocks.back().reader.count() == 0) {
    return;
  }
  size_t bytes = 0;
  for (const LoadedBlock& block : blocks) {
    bytes += block.bytes.size();
  }
  next_ = blocks.back().reader.last() + 1;
  messages_ = plan.messages;
  const bool early = plan.sequential() && bytes <= most_bytes_;
  due_from_ = early ? blocks[blocks.size() / 2].reader.first() : UINT64_MAX;
}

ReadAhead::Plan ReadAhead::BeginEarly() {
  due_from_ = UINT64_MAX;
  early_ = Begin(next_);
  return early_;
}

}  // namespace weir::storage

#include "storage/sparse_blocks.h"

#include <utility>

namespace weir::storage {

void SparseBlocks::Note(const Stretch& stretch) {
  if (known_.insert(KeyOf(stretch)).second) {
    waiting_.push_back({stretch, deleted_bytes_});
  }
}

std::vector<SparseBlocks::Stretch> SparseBlocks::Take(size_t most, StreamSeq end) {
  std::vector<Stretch> out;
  for (size_t look = waiting_.size(); look > 0 && out.size() < most; --look) {
    Waiting next = waiting_.front();
    if (deleted_bytes_ - next.since < patience_bytes_) {
      break;
    }
    waiting_.pop_front();
    if (next.stretch.extent.last < end) {
      known_.erase(KeyOf(next.stretch));
      out.push_back(next.stretch);
    } else {
      next.since = deleted_bytes_;
      waiting_.push_back(next);
    }
  }
  return out;
}

void SparseBlocks::Clear() {
  waiting_.clear();
  known_.clear();
}

std::optional<std::vector<BlockBuilder::Sealed>> RewriteBlock(BlockBuilder& builder,
                                                              const BlockReader& reader,
                                                              size_t bytes,
                                                              const SequenceSet& dead) {
  // A key and its place in the tables of the database, about.
  constexpr size_t kCostOfBlock = 32;
  std::vector<BlockBuilder::Sealed> out;
  size_t fresh_bytes = 0;
  auto seal = [&] {
    out.push_back(builder.Seal());
    fresh_bytes += out.back().size + kCostOfBlock;
  };
  bool readable = reader.intact();
  for (uint32_t position = 0; readable && position < reader.count(); ++position) {
    StreamSeq seq = reader.first() + position;
    if (dead.Contains(seq)) {
      continue;
    }
    MessageView message;
    if (reader.Record(position, /*verify=*/true, message) != record::State::kGood) {
      readable = false;
      break;
    }
    if (builder.open()) {
      StreamSeq stubs = seq - builder.last() - 1;
      if (stubs <= block::kMaxStubs && builder.Fits(message, stubs)) {
        for (; stubs > 0; --stubs) {
          builder.AddStub();
        }
      } else {
        seal();
      }
    }
    builder.Add(message);
  }
  if (builder.open()) {
    seal();
  }
  if (!readable || fresh_bytes >= bytes / 4 * 3) {
    return std::nullopt;
  }
  return out;
}

}  // namespace weir::storage

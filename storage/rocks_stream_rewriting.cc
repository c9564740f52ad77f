#include <algorithm>
#include <utility>

#include "storage/rocks_stream_store.h"

namespace weir::storage {

namespace {

// What one step writes anew, at most; the next one begins when it is flushed.
constexpr size_t kBlocksAtOnce = 16;
// No step begins while so much waits for its commit.
constexpr size_t kMaxStagedBytes = 8 << 20;
// The numbers that a mirror leaves out are written down as deletes when they are few.
constexpr StreamSeq kLargeGap = 64 * SequenceSet::kPageSize;

}  // namespace

bool RocksStreamStore::IsDead(const BlockExtent& block) const {
  StreamSeq first = std::max(block.first, raw_state().first_seq);
  return first > block.last || deleted().CountIn(first, block.last) == block.last - first + 1;
}

// A block behind a gap is the only one that knows of it, until the deletes do. False when they
// cannot.
bool RocksStreamStore::SettleGap(StreamSeq previous, StreamSeq first) {
  if (previous + 1 == first) {
    return true;
  }
  if (first - previous > kLargeGap) {
    return false;
  }
  StreamSeq last_page = SequenceSet::PageOf(first - 1);
  for (StreamSeq page = SequenceSet::PageOf(previous + 1); page <= last_page; ++page) {
    dirty_pages_.insert(page);
  }
  return true;
}

// One more message of the block is deleted. True when that was the last of them, and the block
// goes.
bool RocksStreamStore::NoteDeadIn(const BlockExtent& block, StreamSeq previous) {
  StreamSeq first = std::max(block.first, raw_state().first_seq);
  if (counted_.first == first && counted_.last == block.last) {
    ++counted_dead_;
  } else {
    counted_ = {first, block.last};
    counted_dead_ = deleted().CountIn(first, block.last);
  }
  uint64_t live = block.last - first + 1 - counted_dead_;
  if (live == 0 && SettleGap(previous, block.first)) {
    dead_blocks_.push_back(block.first);
    position_dirty_ = true;
    return true;
  }
  if (live > 0 && SparseBlocks::IsSparse(live, block.last - block.first + 1)) {
    sparse_.Note(block);
  }
  return false;
}

void RocksStreamStore::RewriteSparse() {
  if (rewriting_ || staged_.bytes() > kMaxStagedBytes) {
    return;
  }
  struct Plan {
    BlockExtent block;
    SequenceSet dead;
  };
  std::vector<Plan> plans;
  while (plans.size() < kBlocksAtOnce) {
    auto blocks = sparse_.Take(kBlocksAtOnce - plans.size(), tail_.covers_from());
    if (blocks.empty()) {
      break;
    }
    for (const BlockExtent& block : blocks) {
      if (IsDead(block) || staged_.Overlaps(block.first, block.last)) {
        continue;
      }
      plans.push_back({block, deleted().Slice(block.first, block.last)});
      if (block.first < raw_state().first_seq) {
        plans.back().dead.InsertRange(block.first, raw_state().first_seq - 1);
      }
    }
  }
  if (plans.empty()) {
    return;
  }
  rewriting_ = true;
  context_.pool->Run([source = source_, id = id_, plans = std::move(plans), home = context_.home,
                      self = std::weak_ptr<RocksStreamStore*>(self_)]() mutable {
    std::vector<Rewritten> done;
    BlockBuilder builder(id);
    for (const Plan& plan : plans) {
      auto read = source.Read(plan.block.first, plan.block.first, BlockSource::Tier::kDisk, 1, 1);
      if (!read.ok() || read->empty() || read->front().reader.first() != plan.block.first ||
          read->front().reader.last() != plan.block.last) {
        continue;
      }
      const LoadedBlock& old = read->front();
      auto fresh = RewriteBlock(builder, old.reader, old.bytes.size(), plan.dead);
      if (!fresh.has_value()) {
        continue;
      }
      done.push_back({plan.block, old.reader.previous(), {}});
      for (const BlockBuilder::Sealed& sealed : *fresh) {
        LoadedBlock block;
        block.bytes = SharedBytes::Copy(sealed.bytes());
        block.reader = BlockReader::Trusted(sealed.first, block.bytes.view());
        done.back().fresh.push_back(std::move(block));
      }
    }
    home->Post([done = std::move(done), self = std::move(self)]() mutable {
      if (auto store = self.lock(); store != nullptr) {
        (*store)->TakeRewritten(std::move(done));
      }
    });
  });
}

void RocksStreamStore::TakeRewritten(std::vector<Rewritten> blocks) {
  rewriting_ = false;
  for (Rewritten& block : blocks) {
    const BlockExtent& old = block.old;
    if (IsDead(old) || staged_.Overlaps(old.first, old.last) ||
        !SettleGap(block.previous, old.first)) {
      continue;
    }
    bool replaced = false;
    loaded_.Drop(old.first);
    for (LoadedBlock& fresh : block.fresh) {
      if (IsDead({fresh.reader.first(), fresh.reader.last()})) {
        continue;  // meanwhile
      }
      replaced = replaced || fresh.reader.first() == old.first;
      rewritten_.push_back(AsSealed(fresh));
      staged_.Put(std::move(fresh), flushes_ + 1);
    }
    if (!replaced) {
      dead_blocks_.push_back(old.first);
    }
    dirty_ = true;
  }
  if (rewritten_.empty() && dead_blocks_.empty()) {
    RewriteSparse();
  } else if (flush_soon_) {
    flush_soon_();
  }
}

}  // namespace weir::storage

#include <algorithm>
#include <utility>

#include "rocksdb/db.h"
#include "rocksdb/options.h"

#include "storage/rocks_stream_store.h"

namespace weir::storage {

namespace {

// What one step looks at, at most; the next one begins when it is flushed.
constexpr size_t kStretchesAtOnce = 8;
// No step begins while so much waits for its commit.
constexpr size_t kMaxStagedBytes = 8 << 20;
// The numbers that a mirror leaves out are written down as deletes when they are few.
constexpr StreamSeq kLargeGap = 64 * SequenceSet::kPageSize;
// After deleting so much one by one the memtables are flushed.
constexpr uint64_t kFlushDeletedBytes = 64 << 20;

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
    sparse_.Note({block, /*page=*/false});
  }
  return false;
}

void RocksStreamStore::NoteDeletedNumber(StreamSeq seq, uint64_t bytes) {
  dirty_ = true;
  // The number of the last message must survive it.
  position_dirty_ = position_dirty_ || seq == raw_state().last_seq;
  if (StreamSeq page = SequenceSet::PageOf(seq); page != dirtied_page_) {
    dirty_pages_.insert(page);
    dirtied_page_ = page;
  }
  sparse_.NoteDeleted(bytes);
}

void RocksStreamStore::OnRemovedUnread(StreamSeq seq, uint64_t bytes) {
  NoteDeletedNumber(seq, bytes);
  counted_ = {};
  StreamSeq first = SequenceSet::PageOf(seq) * SequenceSet::kPageSize;
  StreamSeq last = first + SequenceSet::kPageSize - 1;
  if (SparseBlocks::IsPageSparse(SequenceSet::kPageSize - deleted().CountIn(first, last))) {
    sparse_.Note({{first, last}, /*page=*/true});
  }
}

// Reads the blocks of these stretches and builds what takes the place of those that are sparse.
std::vector<RocksStreamStore::Rewritten> RocksStreamStore::Rewrite(const BlockSource& source,
                                                                   StreamId id,
                                                                   const std::vector<Plan>& plans) {
  std::vector<Rewritten> done;
  BlockBuilder builder(id);
  for (const Plan& plan : plans) {
    auto visit = [&](const BlockReader& old, std::string_view bytes) {
      if (old.first() > plan.extent.last) {
        return false;
      }
      uint64_t live = old.count() - plan.dead.CountIn(old.first(), old.last());
      if (!old.intact() || !SparseBlocks::IsSparse(live, old.count())) {
        return true;
      }
      auto fresh = RewriteBlock(builder, old, bytes.size(), plan.dead);
      if (!fresh.has_value()) {
        return true;
      }
      done.push_back({{old.first(), old.last()}, old.previous(), {}});
      for (const BlockBuilder::Sealed& sealed : *fresh) {
        LoadedBlock block;
        block.bytes = SharedBytes::Copy(sealed.bytes());
        block.reader = BlockReader::Trusted(sealed.first, block.bytes.view());
        done.back().fresh.push_back(std::move(block));
      }
      return true;
    };
    IgnoreError(source.Visit(plan.extent.first, BlockSource::Tier::kDisk, visit),
                "what cannot be read stays as it is");
  }
  return done;
}

void RocksStreamStore::RewriteSparse() {
  if (rewriting_ || staged_.bytes() > kMaxStagedBytes) {
    return;
  }
  std::vector<Plan> plans;
  while (plans.size() < kStretchesAtOnce) {
    auto stretches = sparse_.Take(kStretchesAtOnce - plans.size(), tail_.covers_from());
    if (stretches.empty()) {
      break;
    }
    for (const auto& [extent, page] : stretches) {
      if (extent.last < raw_state().first_seq || (!page && IsDead(extent)) ||
          staged_.Overlaps(extent.first, extent.last)) {
        continue;
      }
      // A block that is partly in the stretch reaches no further than this.
      StreamSeq from = extent.first > block::kMaxCount ? extent.first - block::kMaxCount : 0;
      plans.push_back({extent, deleted().Slice(from, extent.last + block::kMaxCount)});
      if (from < raw_state().first_seq) {
        plans.back().dead.InsertRange(from, raw_state().first_seq - 1);
      }
    }
  }
  if (plans.empty()) {
    return;
  }
  rewriting_ = true;
  uint64_t load = staged_.BeginLoad(marks_->moves.load(std::memory_order_acquire));
  context_.pool->Run([source = source_, id = id_, load, plans = std::move(plans),
                      home = context_.home,
                      self = std::weak_ptr<RocksStreamStore*>(self_)]() mutable {
    auto done = Rewrite(source, id, plans);
    home->Post([done = std::move(done), load, self = std::move(self)]() mutable {
      if (auto store = self.lock(); store != nullptr) {
        (*store)->TakeRewritten(std::move(done), load);
      }
    });
  });
}

void RocksStreamStore::TakeRewritten(std::vector<Rewritten> blocks, uint64_t load) {
  rewriting_ = false;
  staged_.EndLoad(load);
  for (Rewritten& block : blocks) {
    const BlockExtent& old = block.old;
    if (old.last < raw_state().first_seq || staged_.Overlaps(old.first, old.last) ||
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

// What says that blocks are gone is small and may stay in memory for long; the room that they took
// is free when it has reached the files.
void RocksStreamStore::ReclaimDeleted() {
  if (rewriting_ || sparse_.deleted_bytes() - flushed_deleted_bytes_ < kFlushDeletedBytes) {
    return;
  }
  flushed_deleted_bytes_ = sparse_.deleted_bytes();
  context_.pool->Run([db = context_.db] {
    rocksdb::FlushOptions options;
    options.wait = false;
    IgnoreError(Database::FromRocks(db->db().Flush(options, db->family(Family::kBlocks)), "flush"),
                "a full memtable is flushed as well");
  });
}

}  // namespace weir::storage

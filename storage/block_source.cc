#include "storage/block_source.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "rocksdb/db.h"
#include "rocksdb/options.h"

#include "protocol/base/strings.h"
#include "storage/block.h"
#include "storage/keys.h"

namespace weir::storage {

namespace {

rocksdb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

class BlockSource::Cursor {
 public:
  Cursor(Database& db, StreamId stream, Tier tier)
      : begin_(stream, 0),
        end_(StreamId(stream.value() + 1), 0),
        lower_(ToSlice(begin_.view())),
        upper_(ToSlice(end_.view())) {
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &lower_;
    options.iterate_upper_bound = &upper_;
    if (tier == Tier::kMemory) {
      options.read_tier = rocksdb::kBlockCacheTier;
    } else if (tier != Tier::kDisk) {
      options.readahead_size = tier == Tier::kScan ? 2 << 20 : 256 << 10;
      options.fill_cache = false;
    }
    at_.reset(db.db().NewIterator(options, db.family(Family::kBlocks)));
  }

  rocksdb::Iterator* operator->() { return at_.get(); }

 private:
  const BlockKey begin_;
  const BlockKey end_;
  const rocksdb::Slice lower_;
  const rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> at_;
};

Status BlockSource::VisitOnce(
    Tier tier, Progress& progress,
    const std::function<bool(const BlockReader&, std::string_view)>& visit) const {
  Cursor at(*db_, stream_, tier);
  if (progress.resume == 0) {
    BlockKey target(stream_, progress.from);
    // A scan mostly begins where a block does, and going backwards costs reads of every file.
    bool found = false;
    if (tier == Tier::kScan) {
      at->Seek(ToSlice(target.view()));
      found = at->Valid() && at->key() == ToSlice(target.view());
    }
    if (!found) {
      at->SeekForPrev(ToSlice(target.view()));
    }
    if (!at->Valid() && at->status().ok()) {
      at->Seek(ToSlice(target.view()));
    }
    // Where damage begins that keeps the block from being found: no earlier than this.
    progress.resume = std::max<StreamSeq>(progress.from, block::kMaxCount) - block::kMaxCount + 1;
  } else {
    BlockKey target(stream_, progress.resume);
    at->Seek(ToSlice(target.view()));
  }
  std::string scratch;
  for (; at->Valid(); at->Next()) {
    auto key = BlockKey::Parse({at->key().data(), at->key().size()});
    if (!key.has_value()) {
      continue;
    }
    // Without a good MAC nothing in it can be trusted.
    std::string_view bytes = db_->sealer()
                                 .UnpackBlock({at->key().data(), at->key().size()},
                                              {at->value().data(), at->value().size()}, scratch)
                                 .value_or(std::string_view());
    BlockReader reader(stream_, key->first, bytes);
    progress.resume = std::max(reader.first(), reader.last()) + 1;
    if (reader.count() > 0 && reader.last() < progress.from) {
      continue;  // the block before a gap
    }
    if (!visit(reader, bytes)) {
      return OkStatus();
    }
    progress.from = progress.resume;
  }
  return Database::FromRocks(at->status(), "read blocks");
}

StreamSeq BlockSource::FirstReadable(Tier tier, StreamSeq from) const {
  bool ended = false;
  StreamSeq found = 0;
  auto readable = [&](StreamSeq seq) {
    // A cursor that has met damage once reports it again wherever it goes.
    Cursor at(*db_, stream_, tier);
    BlockKey target(stream_, seq);
    at->Seek(ToSlice(target.view()));
    ended = !at->Valid() && at->status().ok();
    auto key = at->Valid() ? BlockKey::Parse({at->key().data(), at->key().size()}) : std::nullopt;
    found = key.has_value() ? key->first : 0;
    return ended || at->Valid();
  };
  StreamSeq bad = from;
  StreamSeq step = 1;
  while (!readable(bad)) {
    if (bad > UINT64_MAX - step) {
      return 0;
    }
    bad += step;
    step *= 2;
  }
  // Between the last failure and here, the damage ends.
  StreamSeq good = bad;
  bad = step > 1 ? good - step / 2 : good;
  while (good - bad > 1) {
    StreamSeq middle = bad + (good - bad) / 2;
    (readable(middle) ? good : bad) = middle;
  }
  readable(good);
  return found;
}

Status BlockSource::Visit(
    StreamSeq from, Tier tier,
    const std::function<bool(const BlockReader&, std::string_view bytes)>& visit) const {
  Progress progress{from, 0};
  Status damage;
  while (true) {
    Status status = VisitOnce(tier, progress, visit);
    if (status.code() != StatusCode::kDataLoss) {
      return status.ok() ? damage : status;
    }
    if (db_->Mend()) {
      continue;
    }
    damage = status;
    progress.resume = FirstReadable(tier, progress.resume);
    if (progress.resume == 0) {
      return damage;
    }
  }
}

StatusOr<std::vector<LoadedBlock>> BlockSource::Read(StreamSeq from, StreamSeq upto, Tier tier,
                                                     size_t max_messages, size_t max_bytes) const {
  std::vector<LoadedBlock> blocks;
  size_t messages = 0;
  size_t total = 0;
  Status status = Visit(from, tier, [&](const BlockReader& reader, std::string_view bytes) {
    if (reader.first() > upto && !blocks.empty()) {
      return false;
    }
    LoadedBlock block;
    block.bytes = SharedBytes::Copy(bytes);
    block.reader = BlockReader(stream_, reader.first(), block.bytes.view());
    messages += reader.count();
    total += bytes.size();
    blocks.push_back(std::move(block));
    return messages < max_messages && total < max_bytes;
  });
  if (!status.ok() && blocks.empty()) {
    return status;
  }
  return blocks;
}

StatusOr<LoadedBlock> BlockSource::Last() const {
  LoadedBlock block;
  Cursor at(*db_, stream_, Tier::kDisk);
  at->SeekToLast();
  auto key = at->Valid() ? BlockKey::Parse({at->key().data(), at->key().size()}) : std::nullopt;
  if (!key.has_value()) {
    WEIR_RETURN_IF_ERROR(Database::FromRocks(at->status(), "read the newest block"));
    return block;
  }
  std::string scratch;
  auto bytes = db_->sealer().UnpackBlock({at->key().data(), at->key().size()},
                                         {at->value().data(), at->value().size()}, scratch);
  block.bytes = SharedBytes::Copy(bytes.value_or(std::string_view()));
  block.reader = BlockReader(stream_, key->first, block.bytes.view());
  return block;
}

}  // namespace weir::storage

#include "storage/block_source.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "rocksdb/db.h"
#include "rocksdb/options.h"

#include "protocol/base/strings.h"
#include "storage/keys.h"

namespace weir::storage {

namespace {

rocksdb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

Status BlockSource::VisitOnce(
    Tier tier, bool verify, Progress& progress,
    const std::function<bool(const BlockReader&, std::string_view)>& visit) const {
  BlockKey begin(stream_, 0);
  BlockKey end(StreamId(stream_.value() + 1), 0);
  BlockKey target(stream_, progress.from);
  rocksdb::Slice lower = ToSlice(begin.view());
  rocksdb::Slice upper = ToSlice(end.view());
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;
  options.iterate_upper_bound = &upper;
  options.verify_checksums = verify;
  if (tier == Tier::kMemory) {
    options.read_tier = rocksdb::kBlockCacheTier;
  } else if (tier != Tier::kDisk) {
    options.readahead_size = tier == Tier::kScan ? 2 << 20 : 256 << 10;
    options.fill_cache = false;
  }
  std::unique_ptr<rocksdb::Iterator> at(
      db_->db().NewIterator(options, db_->family(Family::kBlocks)));
  at->SeekForPrev(ToSlice(target.view()));
  if (!at->Valid() && at->status().ok()) {
    at->Seek(ToSlice(target.view()));
  }
  for (; at->Valid(); at->Next()) {
    auto key = BlockKey::Parse({at->key().data(), at->key().size()});
    if (!key.has_value()) {
      continue;
    }
    std::string_view bytes(at->value().data(), at->value().size());
    BlockReader reader(stream_, key->first, bytes);
    if (reader.count() > 0 && reader.last() < progress.from) {
      continue;  // SeekForPrev found the block before a gap
    }
    if (!visit(reader, bytes)) {
      progress.finished = true;
      return OkStatus();
    }
    progress.from = std::max(reader.first(), reader.last()) + 1;
  }
  if (at->status().ok()) {
    progress.finished = true;
  }
  return Database::FromRocks(at->status(), "read blocks");
}

Status BlockSource::Visit(
    StreamSeq from, Tier tier,
    const std::function<bool(const BlockReader&, std::string_view bytes)>& visit) const {
  Progress progress{from, false};
  Status status = VisitOnce(tier, /*verify=*/true, progress, visit);
  if (status.code() == StatusCode::kDataLoss) {
    status = VisitOnce(tier, /*verify=*/false, progress, visit);
  }
  return status;
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

}  // namespace weir::storage

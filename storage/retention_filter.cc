#include "storage/retention_filter.h"

#include <string>
#include <utility>

#include "rocksdb/compaction_filter.h"

#include "storage/block.h"
#include "storage/keys.h"
#include "storage/sequence_set.h"

namespace weir::storage {

void RetentionTable::Watch(StreamId stream, std::shared_ptr<const CommitMarks> marks) {
  MutexLock lock(mu_);
  marks_[stream.value()] = std::move(marks);
}

void RetentionTable::set_sync(std::function<bool()> sync) {
  MutexLock lock(mu_);
  sync_ = std::move(sync);
}

RetentionTable::Limits RetentionTable::Snapshot() const {
  Limits limits;
  std::function<bool()> sync;
  {
    MutexLock lock(mu_);
    sync = sync_;
    limits.reserve(marks_.size());
    for (const auto& [stream, marks] : marks_) {
      limits[stream] = marks->first.load(std::memory_order_acquire);
    }
  }
  if (sync && !sync()) {
    limits.clear();
  }
  return limits;
}

namespace {

class RetentionFilter : public rocksdb::CompactionFilter {
 public:
  RetentionFilter(RetentionTable::Limits limits, std::shared_ptr<const ValueSealer> sealer,
                  Family family)
      : limits_(std::move(limits)), sealer_(std::move(sealer)), family_(family) {}

  const char* Name() const override { return "weir.retention"; }

  bool Filter(int /*level*/, const rocksdb::Slice& key, const rocksdb::Slice& value,
              std::string* /*new_value*/, bool* /*value_changed*/) const override {
    std::string_view bytes(key.data(), key.size());
    if (family_ == Family::kBlocks) {
      auto parts = BlockKey::Parse(bytes);
      if (!parts.has_value()) {
        return false;
      }
      StreamSeq limit = LimitOf(parts->stream);
      if (limit <= parts->first) {
        return false;
      }
      // How far the block reaches is in the block; without a good header it stays.
      std::string scratch;
      auto block = sealer_->UnpackBlock(bytes, {value.data(), value.size()}, scratch);
      BlockReader reader(parts->stream, parts->first, block.value_or(std::string_view()));
      return limit == UINT64_MAX || (reader.intact() && reader.last() < limit);
    }
    auto parts = ParseRecordKey(bytes);
    if (!parts.has_value()) {
      return false;
    }
    StreamSeq limit = LimitOf(parts->stream);
    return limit == UINT64_MAX || (parts->kind == RecordKind::kDeletes &&
                                   (parts->page + 1) * SequenceSet::kPageSize <= limit);
  }

 private:
  StreamSeq LimitOf(StreamId stream) const {
    auto found = limits_.find(stream.value());
    return found == limits_.end() ? 0 : found->second;
  }

  const RetentionTable::Limits limits_;
  const std::shared_ptr<const ValueSealer> sealer_;
  const Family family_;
};

class RetentionFilterFactory : public rocksdb::CompactionFilterFactory {
 public:
  RetentionFilterFactory(std::shared_ptr<const RetentionTable> table,
                         std::shared_ptr<const ValueSealer> sealer, Family family)
      : table_(std::move(table)), sealer_(std::move(sealer)), family_(family) {}

  const char* Name() const override { return "weir.retention"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& /*context*/) override {
    return std::make_unique<RetentionFilter>(table_->Snapshot(), sealer_, family_);
  }

 private:
  const std::shared_ptr<const RetentionTable> table_;
  const std::shared_ptr<const ValueSealer> sealer_;
  const Family family_;
};

}  // namespace

std::shared_ptr<rocksdb::CompactionFilterFactory> MakeRetentionFilter(
    std::shared_ptr<const RetentionTable> table, std::shared_ptr<const ValueSealer> sealer,
    Family family) {
  return std::make_shared<RetentionFilterFactory>(std::move(table), std::move(sealer), family);
}

}  // namespace weir::storage

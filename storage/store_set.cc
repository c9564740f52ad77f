#include "storage/store_set.h"

#include <string>
#include <vector>

#include "storage/memory_stream_store.h"
#include "storage/rocks_stream_store.h"

namespace weir::storage {

StatusOr<std::unique_ptr<StreamStore>> StoreSet::Open(const Spec& spec) {
  if (spec.memory) {
    return std::unique_ptr<StreamStore>(
        std::make_unique<MemoryStreamStore>(spec.first_seq, spec.home));
  }
  if (db_ == nullptr || pool_ == nullptr || spec.home == nullptr) {
    return FailedPrecondition("file storage is not open");
  }
  RocksStreamStore::Context context;
  context.db = db_;
  context.pool = pool_;
  context.home = spec.home;
  context.compress = spec.compress;
  if (spec.is_new) {
    return std::unique_ptr<StreamStore>(RocksStreamStore::Create(context, spec.id, spec.first_seq));
  }
  std::vector<std::string> damage;
  auto store = RocksStreamStore::Open(context, spec.id, damage, spec.cancel);
  for (const std::string& line : damage) {
    db_->damage().Add(line);
  }
  if (!store.ok()) {
    return store.status();
  }
  return std::unique_ptr<StreamStore>(std::move(*store));
}

std::optional<PeekedState> StoreSet::Peek(StreamId id) {
  // What was damaged may be one of its messages.
  return db_ == nullptr || db_->damage().damaged() > 0 ? std::nullopt : PeekState(*db_, id);
}

}  // namespace weir::storage

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "storage/database.h"
#include "storage/keys.h"
#include "storage/meta_store.h"

namespace weir::storage {

// The real meta store. Every record is written twice, under the same key in the meta and in the
// state family, each with a checksum of its own: the copies are in different files.
class RocksMetaStore : public MetaStore {
 public:
  explicit RocksMetaStore(Database& db) : db_(db) {}

  // Must have run before NewStreamId().
  StatusOr<Contents> Load() override;

  StreamId NewStreamId(StagedBatch& batch) override;
  void PutStream(StagedBatch& batch, const StreamMeta& stream) override;
  void DeleteStream(StagedBatch& batch, StreamId id) override;
  void PutConsumer(StagedBatch& batch, const ConsumerMeta& consumer) override;
  void PutConsumerState(StagedBatch& batch, StreamId stream, uint32_t consumer_id,
                        std::string_view state) override;
  void DeleteConsumer(StagedBatch& batch, StreamId stream, uint32_t consumer_id) override;

 private:
  // What was found of one key in the two families.
  struct Copies {
    std::string content;
    bool good = false;
    int damaged = 0;
  };
  using Found = std::map<std::string, Copies>;

  void Collect(Family family, Found& found, std::vector<std::string>& damaged);
  // False when what the iterator stood on could not be read.
  Status CollectOnce(Family family, Found& found);
  void Interpret(const std::string& key, const Copies& copies, Contents& contents);
  Status RaiseLastId();

  void PutTwice(StagedBatch& batch, const std::string& key, std::string_view content);
  static void DeleteTwice(StagedBatch& batch, const std::string& key);

  Database& db_;
  uint32_t last_id_ = 0;
};

}  // namespace weir::storage

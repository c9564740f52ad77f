#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/meta_store.h"

namespace weir::testing {

// Keeps records in memory; what is staged is there at once, whatever becomes of the batch. Marks
// the batch with a key each, so that it is not empty.
class FakeMetaStore : public storage::MetaStore {
 public:
  StatusOr<Contents> Load() override {
    if (!load_error.ok()) {
      return load_error;
    }
    Contents out;
    for (const auto& [id, stream] : streams) {
      out.streams.push_back(stream);
    }
    for (const auto& [key, consumer] : consumers) {
      out.consumers.push_back(consumer);
    }
    out.damaged = damaged;
    return out;
  }

  StreamId NewStreamId(storage::StagedBatch& batch) override {
    Touch(batch);
    return StreamId(++last_id);
  }
  void PutStream(storage::StagedBatch& batch, const storage::StreamMeta& stream) override {
    Touch(batch);
    streams[stream.id.value()] = stream;
  }
  void DeleteStream(storage::StagedBatch& batch, StreamId id) override {
    Touch(batch);
    streams.erase(id.value());
  }
  void PutConsumer(storage::StagedBatch& batch, const storage::ConsumerMeta& consumer) override {
    Touch(batch);
    auto& kept = consumers[{consumer.stream.value(), consumer.consumer_id}];
    std::string state = std::move(kept.state);
    kept = consumer;
    kept.state = std::move(state);
  }
  void PutConsumerState(storage::StagedBatch& batch, StreamId stream, uint32_t consumer_id,
                        std::string_view state) override {
    Touch(batch);
    auto& kept = consumers[{stream.value(), consumer_id}];
    kept.stream = stream;
    kept.consumer_id = consumer_id;
    kept.state = state;
    ++state_writes;
  }
  void DeleteConsumer(storage::StagedBatch& batch, StreamId stream, uint32_t consumer_id) override {
    Touch(batch);
    consumers.erase({stream.value(), consumer_id});
  }

  std::map<uint32_t, storage::StreamMeta> streams;
  std::map<std::pair<uint32_t, uint32_t>, storage::ConsumerMeta> consumers;
  std::vector<std::string> damaged;
  Status load_error;
  uint32_t last_id = 0;
  size_t state_writes = 0;

 private:
  static void Touch(storage::StagedBatch& batch) {
    batch.Put(storage::Family::kMeta, "fake", "record");
  }
};

}  // namespace weir::testing

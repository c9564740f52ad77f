#pragma once

// What is known at boot: streams, consumers and their states. An interface for jetstream; the real
// one is RocksMetaStore over the meta and state families. Every record is kept twice, so that one
// damaged record costs nothing.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/status.h"
#include "storage/commit_queue.h"

namespace weir::storage {

struct StreamMeta {
  StreamId id;
  std::string account;     // account name
  std::string config;      // JSON as jetstream writes it; name inside
  int64_t created_ns = 0;  // Unix
};

struct ConsumerMeta {
  StreamId stream;
  uint32_t consumer_id = 0;  // unique within the stream, never used twice
  std::string config;        // JSON; name inside
  int64_t created_ns = 0;
  std::string state;  // ack floor, pending …, encoded by jetstream/consumer_state; may be empty
};

// Thread-safe for reads at boot; staging belongs to whoever owns the batch.
class MetaStore {
 public:
  virtual ~MetaStore() = default;

  // Boot. A record that cannot be read is reported in `damaged` and left where it is.
  struct Contents {
    std::vector<StreamMeta> streams;
    std::vector<ConsumerMeta> consumers;
    std::vector<std::string> damaged;  // one line each, for the log
  };
  virtual StatusOr<Contents> Load() = 0;

  // A fresh stream id, never handed out before, also not in earlier lives. Stages its record in
  // `batch`. Called on the meta shard only.
  virtual StreamId NewStreamId(StagedBatch& batch) = 0;

  virtual void PutStream(StagedBatch& batch, const StreamMeta& stream) = 0;
  virtual void DeleteStream(StagedBatch& batch, StreamId id) = 0;
  virtual void PutConsumer(StagedBatch& batch, const ConsumerMeta& consumer) = 0;  // without state
  virtual void PutConsumerState(StagedBatch& batch, StreamId stream, uint32_t consumer_id,
                                std::string_view state) = 0;
  virtual void DeleteConsumer(StagedBatch& batch, StreamId stream, uint32_t consumer_id) = 0;
};

// Stages the removal of all that the store has of a stream, whatever it is.
void DeleteAllOf(StagedBatch& batch, StreamId id);

}  // namespace weir::storage

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/consumer.h"
#include "jetstream/environment.h"
#include "jetstream/stream_config.h"
#include "protocol/base/strings.h"

namespace weir::jetstream {

class Shard;

// One stream with its store and its consumers, at its home.
//
// A publish is checked, gets the next sequence, is staged in the store and waits for the commit;
// OnCommitted() then releases the acks in order and tells the consumers. Nothing above
// committed_seq() may be delivered or acknowledged (I6).
class Stream : public Sink {
 public:
  // ---- what consumers use ----
  const StreamConfig& config() const;
  const std::string& name() const;
  AccountId account() const;
  StreamId id() const;
  int64_t created_ns() const;
  Environment& env();
  Shard& shard();
  storage::StreamStore& store();
  // The last sequence that is committed; messages above exist in the store but are not visible yet.
  StreamSeq committed_seq() const;
  // The batch of this turn; asking for it requests a commit at the end of the turn.
  storage::StagedBatch& batch();
  // A consumer is done with `seq` (acked, terminated, or skipped for good): interest and work-queue
  // retention may now remove the message.
  void MessageDone(Consumer& consumer, StreamSeq seq);

  StringMap<std::unique_ptr<Consumer>>& consumers();
  Consumer* FindConsumer(std::string_view consumer_name);
  // Checks nothing: api_consumers has. The consumer is persisted with the turn's batch.
  Consumer& AddConsumer(ConsumerConfig config, uint32_t consumer_id, int64_t created_ns);
  // Stages the removal and destroys the consumer (after the current event).
  void RemoveConsumer(Consumer& consumer);
  uint32_t NextConsumerId();
  // Runs `done` at this home when everything staged so far is durable; for answers that promise it.
  void WhenDurable(Task done);
};

}  // namespace weir::jetstream

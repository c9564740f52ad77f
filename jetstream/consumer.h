#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "jetstream/consumer_config.h"
#include "jetstream/environment.h"

namespace weir::jetstream {

class Stream;

// One consumer of a stream, at the stream's home.
class Consumer : public Sink {
 public:
  Consumer(Stream& stream, ConsumerConfig config, uint32_t consumer_id, int64_t created_ns);
  ~Consumer() override;

  // Subscribes to $JS.ACK… and $JS.API.CONSUMER.MSG.NEXT…, finds the starting point (or takes over
  // a stored state, empty for a new consumer) and begins to deliver.
  Status Start(std::string_view stored_state);

  const ConsumerConfig& config() const;
  const std::string& name() const;
  uint32_t id() const;

  // ---- what the stream calls ----
  // Messages up to and including `seq` are now visible.
  void OnCommitted(StreamSeq seq);
  // Messages were removed otherwise than by this consumer's acks: one, or everything below `first`.
  void OnRemoved(StreamSeq seq);
  void OnTrimmed(StreamSeq first);
  // Messages matching `filter` (empty: all) below `below` (0: no bound) were removed, perhaps not
  // all of them. OnTrimmed() has been called before if the first sequence moved.
  void OnPurged(std::string_view filter, StreamSeq below);
  // Stages the consumer's state into the turn's batch when it changed. Called by the shard's
  // Commit().
  void FlushState(storage::StagedBatch& batch);
  // For interest and work-queue retention: does the consumer still need this message?
  bool Needs(StreamSeq seq, std::string_view subject) const;
  // Answers waiting pulls ("409 Consumer Deleted" …) and stops. The object is destroyed soon after.
  void Stop(int status, std::string_view text);

  // For exports: everything up to and including `seq` is done.
  void MoveFloor(StreamSeq seq);

  // The members of ConsumerInfo (jetstream-api.md 9.4) into an open object.
  void WriteInfo(JsonWriter& out) const;

  void OnMessage(const Inbound& message) override;  // a pull request or an ack
};

}  // namespace weir::jetstream

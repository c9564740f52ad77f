#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "jetstream/transfer.h"
#include "protocol/base/timer_queue.h"

namespace weir::jetstream {

// What STREAM.SNAPSHOT asks for.
struct SnapshotSpec {
  std::string deliver_subject;
  bool with_consumers = true;
  int64_t chunk_size = 0;   // 0: the usual size
  int64_t window_size = 0;  // 0: the usual size
};

// Sends a backup of a stream in chunks (jetstream-api.md 8), at the stream's home. What is read
// ahead of the receiver is one chunk and one block: a chunk goes out when one of the window's slots
// is free, and an ack frees one.
//
// The backup is of what the stream held when the transfer was made: later messages are not in it,
// and messages that are removed meanwhile may be missing.
class SnapshotTransfer : public Transfer {
 public:
  // Reads the stream's state and its consumers.
  SnapshotTransfer(Shard& shard, Stream& stream, const SnapshotSpec& spec);
  ~SnapshotTransfer() override;

  // Waits for somebody to listen to exactly the deliver subject (clients that have a pattern for
  // all answers subscribe it on its own once they know that there will be a backup), and begins.
  // `id` is the shard's number for this.
  void Start(Id id, std::string state_json);

  void OnMessage(const Inbound& message) override;  // an ack

 private:
  enum class Fill : uint8_t { kMore, kWaiting, kEnd };

  void AppendConsumers(Stream& stream);
  void AwaitInterest();
  void Run();
  Fill FillChunk();
  Fill ReadNext();
  void AppendMessage(const storage::MessageView& message);
  void FlushBlock();
  void SendChunk();
  // Looks whether the receiver is still there and answers.
  void WatchReceiver();
  void RunLater();
  // The last message, with `headers`; `error` is for the advisory.
  void Finish(std::string_view headers, std::string_view error);
  void Publish(std::string_view reply, std::string_view headers, std::string_view payload);
  void Advise(bool complete, std::string_view state_json, std::string_view error);

  Shard& shard_;
  const StreamId stream_;
  const AccountId account_;
  const std::string name_;
  const std::string deliver_subject_;
  const size_t chunk_size_;
  const size_t window_;  // in chunks
  std::string ack_prefix_;

  Id id_ = 0;
  Router::SubscriptionId subscription_ = 0;
  TimerQueue::TimerId timer_;
  int64_t started_ns_ = 0;  // Unix
  int64_t wait_began_ns_ = 0;
  bool had_interest_ = false;

  StreamSeq next_ = 0;  // to be read
  StreamSeq last_ = 0;
  uint64_t bytes_ = 0;
  std::string archive_;  // to be compressed
  std::string out_;      // to be sent
  bool read_all_ = false;
  bool loading_ = false;
  bool run_posted_ = false;
  bool finished_ = false;
  size_t slots_ = 0;
  uint64_t chunks_sent_ = 0;
  size_t consumers_ = 0;
};

}  // namespace weir::jetstream

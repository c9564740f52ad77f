#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "jetstream/environment.h"
#include "jetstream/publish_rules.h"
#include "protocol/base/strings.h"
#include "protocol/base/timer_queue.h"

namespace weir::jetstream {

class Stream;

// What a reply subject says of a message of a fast batch:
// "<prefix>.<id>.<flow>.<gap>.<sequence>.<operation>.$FI" (jetstream-api.md 5.7).
struct FastBatchControl {
  std::string_view id;
  uint64_t seq = 0;
  uint64_t flow = 0;
  bool gap_ok = false;
  bool commit = false;
  bool eob = false;
  bool ping = false;

  static constexpr std::string_view kSuffix = ".$FI";
  // Of a reply with that suffix; nullopt: it is no such subject.
  static std::optional<FastBatchControl> Parse(std::string_view reply);
};

// The fast batches of a stream that are open (5.7): every message is stored as it comes, and only
// some are answered. Belongs to its stream, at its home.
class FastBatches {
 public:
  explicit FastBatches(Stream& stream) : stream_(stream) {}
  ~FastBatches();
  FastBatches(const FastBatches&) = delete;
  FastBatches& operator=(const FastBatches&) = delete;

  // 0, or the sequence that has to be in memory before the message can be taken.
  StreamSeq OnMessage(const Inbound& message);
  // Everything up to `seq` is committed: acks what is due.
  void OnCommitted(StreamSeq seq);

 private:
  struct Batch {
    uint64_t last = 0;       // sequence of the batch that came last
    StreamSeq stored = 0;    // of the stream, that is committed
    uint64_t persisted = 0;  // of the batch
    uint64_t flowed = 0;     // when the last flow ack was sent
    uint64_t pending = 0;    // messages that wait for their commit
    uint64_t ack_every = 1;
    uint64_t ack_every_at_most = 1;
    bool gap_ok = false;
    bool committing = false;
    std::string commit_reply;  // of what ended the batch while messages waited for their commit
    TimerQueue::TimerId timer;
  };
  struct Waiting {
    StreamSeq seq;
    std::string id;
    uint64_t batch_seq;
    std::string reply;
  };
  using Batches = StringMap<Batch>;

  ApiError CheckMessage(const Inbound& message,
                        const std::optional<FastBatchControl>& control) const;
  Batches::iterator Open(const FastBatchControl& control, ApiError& error);
  void Ping(Batches::iterator at, const FastBatchControl& control, std::string_view reply);
  // False: the batch ends here.
  bool TakeGap(Batches::iterator at, const FastBatchControl& control, std::string_view reply);
  StreamSeq Take(Batches::iterator at, const FastBatchControl& control, const Inbound& message);
  // A message that is not stored: an error or a duplicate.
  void Refuse(Batches::iterator at, const FastBatchControl& control, const Inbound& message,
              const PublishFacts& facts);
  // Acks the batch when all of it is persisted; otherwise that happens with the commit.
  bool TryCommit(Batches::iterator at, std::string_view reply);
  bool CheckFlow(Batch& batch, std::string_view reply);
  void SendFlow(const Batch& batch, uint64_t seq, std::string_view reply);
  void SendGap(uint64_t expected, uint64_t came, std::string_view reply);
  void Arm(Batches::iterator at);
  void Drop(Batches::iterator at);

  Stream& stream_;
  Batches batches_;
  std::deque<Waiting> waiting_;
};

}  // namespace weir::jetstream

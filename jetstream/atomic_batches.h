#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/environment.h"
#include "jetstream/owned_message.h"
#include "jetstream/publish_rules.h"
#include "protocol/base/strings.h"
#include "protocol/base/timer_queue.h"

namespace weir::jetstream {

class Stream;

// The atomic batches of a stream that are open (jetstream-api.md 5.6): messages with Nats-Batch-Id
// wait here, in memory, until the one that commits. Then all are checked, and all are stored in one
// turn, or none. Belongs to its stream, at its home.
//
// Bounded by count, by the batches of stream and server, and by max_buffered_bytes for the bytes of
// all batches of the stream.
class AtomicBatches {
 public:
  explicit AtomicBatches(Stream& stream) : stream_(stream) {}
  ~AtomicBatches();
  AtomicBatches(const AtomicBatches&) = delete;
  AtomicBatches& operator=(const AtomicBatches&) = delete;

  // A message of a batch. 0, or the sequence that has to be in memory before it can be taken;
  // nothing has happened then.
  StreamSeq OnMessage(const Inbound& message, const PublishHeaders& headers);

 private:
  struct Batch {
    std::deque<OwnedMessage> messages;
    size_t bytes = 0;
    TimerQueue::TimerId timer;
  };
  // What the commit found out about a message.
  struct Checked {
    const OwnedMessage* message;
    std::string subject;
    PublishFacts facts;
  };

  ApiError CheckMessage(const Inbound& message, const PublishHeaders& headers) const;
  // The batch, a new one for the first message.
  Batch* Find(const Inbound& message, const PublishHeaders& headers, StreamSeq seq, bool eob,
              ApiError& error);
  void Arm(std::string_view id, Batch& batch);
  // `reason` is for the advisory; nothing is said without one.
  void Drop(std::string_view id, std::string_view reason);
  StreamSeq Commit(const Inbound& message, std::string_view id, Batch& batch, bool eob);
  void Store(std::vector<Checked>& checked, bool eob, int64_t now_ns);
  int64_t max_messages() const;

  Stream& stream_;
  StringMap<Batch> batches_;
  size_t bytes_ = 0;
};

}  // namespace weir::jetstream

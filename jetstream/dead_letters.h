#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/btree_map.h"

#include "jetstream/environment.h"
#include "protocol/base/timer_queue.h"

namespace weir::jetstream {

// Why a message is a dead letter.
enum class DeadReason : uint8_t { kMaxDeliver, kTerminated };

struct DeadLetter {
  uint64_t deliveries = 0;
  DeadReason reason = DeadReason::kMaxDeliver;
  std::string description;
  std::string reply;  // of the ack that waits for this; may be empty
};

// Publishes what a consumer has given up on its dead letter subject. At least once: a letter is
// done when a stream that takes the subject has answered that it is stored; until then it is sent
// again, and the message stays in flight. Where no stream takes the subject it is done when it is
// published. A stream that answers nothing (no_ack) gets it three times.
//
// A letter has the message's headers without those that the server acts upon ("Nats-…"), its
// payload, and
//   Weir-Dead-Letter-Reason: max_deliver | terminated
//   Weir-Dead-Letter-Description: what the client said with "+TERM", if it did
//   Weir-Dead-Letter-Stream, -Consumer, -Subject, -Sequence, -Deliveries, -Time
//   Nats-Msg-Id: the same for each time that this letter is sent
//
// Belongs to its consumer.
class DeadLetters : public Sink {
 public:
  struct Origin {
    AccountId account;
    std::string stream;
    std::string consumer;
    StreamId stream_id;
  };
  using Done = std::function<void(StreamSeq seq, const DeadLetter& letter)>;

  DeadLetters(Environment& env, storage::StreamStore& store, Origin origin, std::string subject,
              Done done);
  ~DeadLetters() override;
  DeadLetters(const DeadLetters&) = delete;
  DeadLetters& operator=(const DeadLetters&) = delete;

  const std::string& subject() const { return subject_; }

  // `done` may be called before this returns. A letter that is on its way stays as it is.
  void Send(StreamSeq seq, DeadLetter letter);
  // Forgets all that is on its way.
  void Clear();
  size_t size() const { return waiting_.size(); }

  void OnMessage(const Inbound& message) override;  // what a stream answers

 private:
  struct Waiting {
    explicit Waiting(DeadLetter sent) : letter(std::move(sent)) {}
    DeadLetter letter;
    int tries = 0;
    bool refused = false;  // a stream has answered with an error
    int64_t again_ns = 0;  // steady
  };

  void Try(StreamSeq seq);
  void LoadThenTry(StreamSeq seq);
  void Publish(StreamSeq seq, Waiting& waiting, const storage::MessageView& message);
  std::string Headers(const DeadLetter& letter, const storage::MessageView& message) const;
  void TryAgainLater(Waiting& waiting);
  void OnTimer();
  void Finish(StreamSeq seq);

  Environment& env_;
  storage::StreamStore& store_;
  const Origin origin_;
  const std::string subject_;
  const Done done_;
  std::string inbox_;
  Router::SubscriptionId subscription_ = 0;
  absl::btree_map<StreamSeq, Waiting> waiting_;
  TimerQueue::TimerId timer_;
  std::shared_ptr<DeadLetters*> self_;  // for loads that come back late
};

}  // namespace weir::jetstream

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "jetstream/ack_ledger.h"
#include "jetstream/environment.h"
#include "jetstream/js_subjects.h"
#include "jetstream/message_reader.h"
#include "jetstream/pull_queue.h"
#include "jetstream/push_flow.h"
#include "storage/stream_store.h"

namespace weir::jetstream {

// What the dispatch loop asks of its consumer and tells it.
class DeliveryHost {
 public:
  virtual ~DeliveryHost() = default;
  virtual StreamSeq committed_seq() const = 0;
  // Neither stopped nor paused.
  virtual bool may_deliver() const = 0;
  // Everything committed was delivered, or nobody takes it yet: Run() is wanted when there is more
  // that matches.
  virtual void WaitForCommit() = 0;
  // A message went out, for the first time or again.
  virtual void OnDelivered(StreamSeq seq, int64_t now_ns) = 0;
  // A message that was to be delivered again is no longer in the stream.
  virtual void OnVanished(StreamSeq seq) = 0;
  // A message reached max_deliver; the ledger has given it up.
  virtual void OnExhausted(StreamSeq seq, uint64_t deliveries) = 0;
};

// The dispatch loop of a consumer (architecture 7.3): while somebody wants messages and there is
// room for one more in flight, the next message goes out. Redeliveries go first.
//
// Run() is called whenever something may have changed; it does at most a budget of messages and
// then posts itself. A message is only counted as delivered once the router took it, so nothing has
// to be undone. Confined to the consumer's home.
class Delivery {
 public:
  struct Parts {
    Environment& env;
    AccountId account;
    AckLedger& ledger;
    MessageReader& reader;
    PullQueue& pull;
    const ClientPin& pin;
    PushFlow* push;  // null for a pull consumer
    DeliveryHost& host;
  };

  // `resume` is posted or scheduled when the loop wants to go on; it must find out whether the
  // consumer still exists and call Resume().
  Delivery(Parts parts, std::string_view stream, std::string_view consumer,
           std::function<void()> resume);
  ~Delivery();
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // Also when the configuration changes.
  void Configure(const ConsumerConfig& config);
  // Replays at the pace of publishing up to `end` (replay policy original).
  void StartReplay(StreamSeq end);

  void Run();
  // Run() behind what has already arrived.
  void RunSoon();
  void Resume();
  // Puts what is due into the queue of redeliveries, sets the timer anew and runs.
  void CheckDeadlines();
  void Stop();

 private:
  // Between two messages of one Run().
  enum class Step : uint8_t {
    kGoOn,
    kWait,  // for an event, which calls Run()
  };

  Step DeliverOne();
  Step DeliverAgain(const AckLedger::Redelivery& next);
  Step DeliverNew();
  // The message in message_ goes to the next receiver.
  Step Send(uint32_t deliveries);
  // To the one subject of a push consumer, or to a pull request. kNoInterest: to nobody.
  Delivered ToPush(const Outbound& out);
  Delivered ToPull(const Outbound& out, uint64_t pending);
  bool SomebodyWants();
  bool Early(const storage::MessageView& message);
  void RetryAt(int64_t due_ns);
  void ArmDeadline();

  Parts parts_;
  AckSubjectBuilder ack_subject_;
  std::function<void()> resume_;

  bool headers_only_ = false;
  bool replay_ = false;  // at the pace of publishing, up to replay_end_
  StreamSeq replay_end_ = 0;
  int64_t replay_time_ns_ = 0;  // of the last message, as stored; 0: none yet
  int64_t replay_sent_ns_ = 0;  // when it went out

  storage::StoredMessage message_;  // kept for its memory
  std::string headers_;
  std::string pinned_headers_;
  int64_t now_ns_ = 0;
  bool running_ = false;
  bool again_ = false;
  bool posted_ = false;
  TimerQueue::TimerId deadline_timer_;
  TimerQueue::TimerId retry_timer_;
};

}  // namespace weir::jetstream

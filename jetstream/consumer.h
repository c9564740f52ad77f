#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/ack_ledger.h"
#include "jetstream/api_errors.h"
#include "jetstream/client_pin.h"
#include "jetstream/commit_waiters.h"
#include "jetstream/consumer_config.h"
#include "jetstream/consumer_events.h"
#include "jetstream/consumer_state.h"
#include "jetstream/dead_letters.h"
#include "jetstream/delivery.h"
#include "jetstream/environment.h"
#include "jetstream/message_reader.h"
#include "jetstream/pull_queue.h"
#include "jetstream/push_flow.h"

namespace weir::jetstream {

class Shard;
class Stream;
struct AckInfo;

// One consumer of a stream, at the stream's home (jetstream-api.md 9): who wants messages, which
// message is next, what is in flight, and what of that survives a restart.
//
// Life: constructed, Start()ed by the stream, Stop()ped before it is destroyed. A stopped consumer
// answers nothing. Its state is staged into the shard's batch at most every 100 ms, at once when an
// ack asks for an answer (the answer is sent when the state is durable), and when it stops. A
// consumer in memory (mem_storage, or of a memory stream) stages nothing.
class Consumer : public Sink, private DeliveryHost, private CommitListener {
 public:
  Consumer(Stream& stream, ConsumerConfig config, uint32_t consumer_id, int64_t created_ns);
  ~Consumer() override;
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Subscribes to $JS.ACK… and $JS.API.CONSUMER.MSG.NEXT…, finds the starting point (or takes over
  // a stored state, empty for a new consumer) and begins to deliver. A state that cannot be read is
  // an error; the consumer then starts anew from its configuration only when asked to with an empty
  // state.
  Status Start(std::string_view stored_state);

  const ConsumerConfig& config() const { return config_; }
  const std::string& name() const { return name_; }
  uint32_t id() const { return id_; }
  int64_t created_ns() const { return created_ns_; }
  // Does it survive a restart?
  bool persistent() const { return persistent_; }

  // ---- what the stream calls ----
  // Messages were removed otherwise than by this consumer's acks: one (its subject, when known,
  // keeps the pending count of a filtered consumer cheap), or everything below `first`.
  void OnRemoved(StreamSeq seq, std::string_view subject) override;
  void OnTrimmed(StreamSeq first);
  // Messages that match `filter` (empty: all) below `below` (0: no bound) were purged; comes after
  // OnTrimmed().
  void OnPurged(std::string_view filter, StreamSeq below);
  // Stages the consumer's state into the turn's batch. Called at the end of a turn, when the
  // consumer has asked for it.
  void FlushState(storage::StagedBatch& batch);
  // For interest and work-queue retention: does the consumer still need this message?
  bool Needs(StreamSeq seq, std::string_view subject) const;
  // Answers waiting pulls ("409 Consumer Deleted" …) and stops. What is left to be stored goes into
  // the next FlushState(). The object is destroyed soon after.
  void Stop(int status, std::string_view text);

  // ---- what the API calls ----
  // Takes over a checked configuration and has it stored.
  void Update(ConsumerConfig config);
  // Tells whoever listens that the consumer now exists.
  void AnnounceCreated();
  // Stops, announces and removes it.
  void Delete();
  // Delivers again from `seq`, 0: behind the ack floor (9.11). Returns the sequence it begins at;
  // the error is what stands behind "invalid reset: ".
  StatusOr<StreamSeq> Reset(StreamSeq seq);

  // Whoever is pinned is so no more (CONSUMER.UNPIN).
  void Unpin() { pin_.Release("admin"); }

  // For exports: everything up to and including `seq` is done.
  void MoveFloor(StreamSeq seq);

  SequencePair delivered() const { return ledger_.delivered(); }
  SequencePair ack_floor() const { return ledger_.floor(); }
  uint64_t num_pending();
  size_t num_ack_pending() const { return ledger_.num_pending(); }
  size_t num_redelivered() const;
  size_t num_waiting();
  bool paused() const;

  // What survives a restart; times are steady.
  ConsumerState state() const { return {ledger_.Save(), reader_.resume_seq()}; }

  // The members of ConsumerInfo (jetstream-api.md 9.4) into an open object. Lists leave the
  // server's own metadata out, kBare the whole configuration.
  enum class InfoStyle : uint8_t { kAlone, kListed, kBare };
  void WriteInfo(JsonWriter& out, InfoStyle style = InfoStyle::kAlone);

  void OnMessage(const Inbound& message) override;  // a pull request or an ack

 private:
  void WriteInfoConfig(JsonWriter& out, InfoStyle style) const;

  // DeliveryHost
  StreamSeq committed_seq() const override;
  bool may_deliver() const override { return started_ && !stopped_ && !paused(); }
  void WaitForCommit() override;
  void OnDelivered(StreamSeq seq, int64_t now_ns) override;
  void OnVanished(StreamSeq seq) override;
  void OnExhausted(StreamSeq seq, uint64_t deliveries) override;

  // CommitListener
  void OnCommitted() override { delivery_.Run(); }

  void Configure();
  void ConfigureDeadLetters();
  StreamSeq StartingPoint();
  StreamSeq LastMatching();
  // Drops from the ledger what is no longer in the stream.
  void ForgetMissing();
  void Subscribe();
  // The consumer that a callback was made for; null when it is gone.
  static Consumer* FindAgain(Shard& shard, StreamId stream, const std::string& name, uint32_t id);
  void Unlink();
  void OnLoaded(const Status& status);

  void OnAck(const Inbound& message);
  // An answer to flow control that says how far the client has come.
  void OnFlowControlAck(std::string_view headers);
  bool Acknowledge(const AckInfo& info, int64_t now_ns, bool sample);
  void Nak(const AckInfo& info, int64_t now_ns, std::string_view argument);
  // True: `reply` is answered when the dead letter is done.
  bool Terminate(const AckInfo& info, int64_t now_ns, std::string_view reason,
                 std::string_view reply);
  void OnDeadLetterDone(StreamSeq seq, const DeadLetter& letter);
  void AnswerAck(std::string_view reply, bool when_durable);
  void MessageDone(StreamSeq seq);
  std::unique_ptr<PushFlow> MakePush();
  void OnPinChanged(std::string_view reason);
  void OnPull(std::string_view reply, std::string_view body);

  void MarkDirty();
  // Whatever changed is stored with this turn.
  void FlushSoon();
  int64_t FlushInterval() const;
  void WatchInactivity();
  void CheckInactivity();
  void WatchPause();
  int64_t WallOffset() const;

  Stream& stream_;
  ConsumerConfig config_;
  const std::string name_;
  const uint32_t id_;
  const int64_t created_ns_;
  const bool persistent_;
  const bool retains_;  // the stream keeps messages for its consumers' sake

  ConsumerEvents events_;
  AckLedger ledger_;
  MessageReader reader_;
  ClientPin pin_;
  PullQueue pull_;
  std::unique_ptr<PushFlow> push_;             // null for a pull consumer
  std::unique_ptr<DeadLetters> dead_letters_;  // null where none are sent
  Delivery delivery_;

  std::vector<Router::SubscriptionId> subscriptions_;
  bool started_ = false;
  bool stopped_ = false;
  int64_t last_delivered_ns_ = 0;  // steady; 0: never
  int64_t last_acked_ns_ = 0;
  int64_t sample_percent_ = 0;
  int64_t inactive_ns_ = 0;  // 0: lives without users

  bool dirty_ = false;      // changed since the last flush
  bool flush_now_ = false;  // somebody waits for it
  int64_t last_flush_ns_ = 0;
  TimerQueue::TimerId flush_timer_;
  TimerQueue::TimerId inactive_timer_;
  TimerQueue::TimerId pause_timer_;
  TimerQueue::TimerId reload_timer_;
};

}  // namespace weir::jetstream

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"

#include "jetstream/ack_queue.h"
#include "jetstream/api_errors.h"
#include "jetstream/consumer.h"
#include "jetstream/dedupe_window.h"
#include "jetstream/environment.h"
#include "jetstream/origin_position.h"
#include "jetstream/owned_message.h"
#include "jetstream/publish_rules.h"
#include "jetstream/stream_config.h"
#include "protocol/base/strings.h"
#include "protocol/subject_transform.h"

namespace weir::jetstream {

class AtomicBatches;
class DirectGet;
class Expiry;
class FastBatches;
class Origin;
class Republisher;
class Retention;
class Scheduler;
class Shard;
struct AccountUsage;

// What a stream is made from.
struct StreamSpec {
  StreamId id;
  AccountId account;
  int64_t created_ns = 0;
  StreamConfig config;
  AccountUsage* usage = nullptr;  // outlives the stream; null: not counted
};

// One stream with its store and its consumers, at its home.
//
// A publish is checked, gets the next sequence, is staged in the store and waits for the commit;
// OnCommitted() then releases the acks in order and tells the consumers. Nothing above
// committed_seq() may be delivered or acknowledged (I6).
//
// Life: constructed, then AdoptConsumer() for what is known at boot, then Start(), which
// subscribes; Stop() unsubscribes, and Shard::Remove() destroys. Without Start() it receives
// nothing.
class Stream : public Sink {
 public:
  Stream(Shard& shard, StreamSpec spec, std::unique_ptr<storage::StreamStore> store);
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // ---- what consumers use ----
  const StreamConfig& config() const { return spec_.config; }
  const std::string& name() const { return spec_.config.name; }
  AccountId account() const { return spec_.account; }
  StreamId id() const { return spec_.id; }
  int64_t created_ns() const { return spec_.created_ns; }
  Environment& env();
  Shard& shard() { return shard_; }
  storage::StreamStore& store() { return *store_; }
  const storage::StreamStore& store() const { return *store_; }
  // Does the stream survive a restart? Of a memory stream nothing is put into the meta store, its
  // consumers included.
  bool persistent() const { return spec_.config.storage == StorageType::kFile; }
  // The last sequence that is committed; messages above exist in the store but are not visible yet.
  StreamSeq committed_seq() const { return committed_seq_; }
  // The batch of this turn; asking for it requests a commit at the end of the turn.
  storage::StagedBatch& batch();
  // A consumer is done with `seq` (acked, terminated, or skipped for good): interest and work-queue
  // retention may now remove the message.
  void MessageDone(Consumer& consumer, StreamSeq seq);
  // The same for everything up to and including `seq`.
  void MessagesDone(Consumer& consumer, StreamSeq seq);

  CommitWaiters& commit_waiters() { return commit_waiters_; }
  // Those that clients see: not the ones through which other streams follow this one.
  size_t num_consumers() const;
  StringMap<std::unique_ptr<Consumer>>& consumers() { return consumers_; }
  const StringMap<std::unique_ptr<Consumer>>& consumers() const { return consumers_; }
  Consumer* FindConsumer(std::string_view consumer_name);
  // Checks nothing: api_consumers has. The consumer is persisted with the turn's batch and started.
  Consumer& AddConsumer(ConsumerConfig config, uint32_t consumer_id, int64_t created_ns);
  // A consumer known at boot, before Start().
  Consumer& AdoptConsumer(ConsumerConfig config, uint32_t consumer_id, int64_t created_ns,
                          std::string state);
  // Stages the consumer's configuration again, after an update.
  void PersistConsumer(Consumer& consumer, int64_t created_ns);
  // A consumer wants other messages than before: what nobody needs any more goes.
  void OnFiltersChanged();
  // Stages the removal and destroys the consumer (after the current event). It must have been
  // stopped.
  void RemoveConsumer(Consumer& consumer);
  uint32_t NextConsumerId();
  // Makes the end of the turn call Consumer::FlushState() of this stream's consumers.
  void MarkDirty();
  // FlushState() of this consumer is called at the end of the turn, unless it is removed before.
  void FlushWithTurn(Consumer& consumer);
  // Runs `done` at this home when everything staged so far is durable; for answers that promise it.
  // When the commit fails `done` is dropped.
  void WhenDurable(Task done);
  // The same, also told about a failure.
  void WhenDurable(absl::AnyInvocable<void(const Status&) &&> done);

  // ---- what the shard, recovery and the API use ----
  // Subscribes, starts the adopted consumers and the timers.
  void Start();
  // Unsubscribes; stops the consumers with this status. Publishers that wait are still answered by
  // the commit.
  void Stop(int status, std::string_view text);
  bool stopped() const { return stopped_; }

  // A publish.
  void OnMessage(const Inbound& message) override;

  // End of turn: applies limits, stages the states of consumers and what the store holds. Returns
  // the sequence that the commit will make visible.
  StreamSeq Flush(storage::StagedBatch& batch);
  void OnCommitted(StreamSeq seq);
  void OnCommitFailed(const Status& error);
  // Have messages been staged since the last Flush() that an ack promises to be on the disk?
  bool needs_sync() const;

  // Recovery, in order: what the headers of a stored message mean for the dedupe window and for the
  // message's own life.
  void Remember(const storage::MessageView& message);

  // Takes over a checked configuration and applies what follows from it (subscriptions, limits,
  // window, retention). Staged; nothing is answered here.
  void ApplyConfig(StreamConfig config);
  // Stages the stream's record in the meta store.
  void Persist();
  // Removes messages (jetstream-api.md 6.3) and tells the consumers. Returns how many.
  uint64_t Purge(std::string_view filter, StreamSeq below, uint64_t keep);
  // Removes one message and tells the consumers; false when there is none. Its subject, when known,
  // saves them work.
  bool RemoveMessage(StreamSeq seq, bool erase, std::string_view subject = {});
  // Tells the consumers that everything below the store's first sequence is gone.
  void NotifyTrimmed();
  // Removes everything, the store and the records in the meta store included. The stream must have
  // been stopped.
  void Destroy();

  // Runs `wake` once, at this home, when `seq` is committed or the stream has been stopped. Takes
  // the place of what the same key waits for.
  void WhenReached(uint64_t key, StreamSeq seq, Task wake);

  // Stages a delete marker on this subject (jetstream-api.md 5.10).
  void StoreMarker(std::string_view subject);

  Retention& retention() { return *retention_; }
  Expiry& expiry() { return *expiry_; }
  // Null in a stream without message schedules.
  Scheduler* scheduler() { return scheduler_.get(); }
  // Who answers direct gets under the stream's name; null where they are not allowed.
  Sink* direct_get();

  // ---- what other ways into the stream use: batches, schedules, origins ----
  const PublishRules& rules() const { return rules_; }
  // As the stream's subject transform has it.
  std::string Transformed(std::string_view subject);
  // Sealed, too large, or more than account and server may hold.
  ApiError CheckLimits(const Inbound& message) const;
  // Stages a message that has been checked. The ack is sent with the commit; an error when the
  // stream is full, and nothing has happened then.
  ApiError Store(const Inbound& message, const PublishFacts& facts, int64_t now_ns);
  // The same where CheckUsage() and the rules have said that it fits.
  void StoreAnyway(const Inbound& message, const PublishFacts& facts, int64_t now_ns);
  // May account and server hold so many bytes more?
  ApiError CheckUsage(size_t bytes) const;
  // What a publisher gets, unless the stream acks nothing or there is no reply subject.
  void Reply(std::string_view reply, std::string_view payload);
  void Reject(std::string_view reply, const ApiError& error, std::string_view headers = {});
  // An ack with more members behind the sequence: `,"batch":"x"`.
  std::string AckText(StreamSeq seq, std::string_view more) const;
  // Acks what was staged last, when it is committed.
  void AckBatch(std::string_view reply, std::string_view id, size_t count);
  // A message of a mirrored origin, with its number and time there. False: not now.
  bool StoreMirrored(const storage::MessageView& message);
  // What the mirrored origin has up to and including `seq` will not come.
  void SkipMirrored(StreamSeq seq);
  // The mirror has nearly all that its origin has: it answers direct gets for it, if it is to.
  void ServeMirrored();
  // A message of the origin `key`, marked as such, and where it stood there. False: not now. A
  // duplicate is dropped.
  bool StoreSourced(const Inbound& message, std::string_view key, const OriginPosition& position);
  // The stream is about to be deleted: its origins need not keep anything for it.
  void ForgetOrigins();
  // The members "mirror" or "sources" of StreamInfo, if the stream has any.
  void WriteOrigins(JsonWriter& out) const;
  // The positions in the origins as Persist() has written them, before Start().
  static constexpr std::string_view kPositionsField = "weir_positions";
  void AdoptPositions(std::string_view stored);
  // Of the whole server; null in a stream that is not counted.
  AccountUsage* server_usage() const;

 private:
  // What was staged before a Flush(), for the bound on staged bytes.
  struct Flying {
    StreamSeq seq;
    uint64_t bytes;
  };
  struct Reader {
    StreamSeq seq;
    Task wake;
  };
  struct Adopted {
    std::string name;
    std::string state;
  };

  // Each returns 0, or the sequence of a message that has to be read from the disk first; nothing
  // has happened then.
  StreamSeq Accept(const Inbound& message);
  StreamSeq Ingest(const Inbound& message);
  StreamSeq Publish(const Inbound& message);
  // Messages wait here while one of the disk is being read for the first of them.
  void LoadForStalled(StreamSeq seq);
  void ResumeStalled(const Status& loaded);
  void Trace(const Inbound& message, const PublishFacts& facts);
  bool IsCongested(const Inbound& message);
  // `rewritten` keeps headers that had to be changed.
  storage::MessageView ToStore(const Inbound& message, const PublishFacts& facts, int64_t now_ns,
                               std::string& rewritten) const;
  void Stage(const storage::MessageView& view, const Inbound& message, const PublishFacts& facts);
  void NoteSchedule(const storage::MessageView& view);
  void Skip(const storage::MessageView& message);
  void ApplyRollup(Rollup rollup, std::string_view subject, StreamSeq seq);
  void PublishAck(std::string_view reply, StreamSeq seq, bool duplicate);
  // Makes the origins fit the configuration; what stays goes on.
  void SetOrigins();
  std::string PositionsJson() const;
  PublishFacts MirroredFacts(std::string_view headers) const;
  // What the configuration asks for besides subjects: direct gets, transform, republish.
  void SetExtras();
  void Append(const storage::MessageView& view, const PublishFacts& facts);
  void WakeReaders();
  void CountUsage();
  void CountConsumer(int64_t change);

  Shard& shard_;
  StreamSpec spec_;
  std::unique_ptr<storage::StreamStore> store_;
  CommitWaiters commit_waiters_;
  std::vector<Consumer*> flushing_;  // whose state goes with this turn
  StringMap<std::unique_ptr<Consumer>> consumers_;
  std::vector<Adopted> adopted_;  // waiting for Start()
  uint32_t last_consumer_id_ = 0;

  DedupeWindow dedupe_;
  PublishRules rules_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<Expiry> expiry_;
  std::unique_ptr<DirectGet> direct_get_;
  std::unique_ptr<DirectGet> mirror_get_;  // under the origin's name
  std::optional<protocol::SubjectTransform> transform_;
  std::unique_ptr<Republisher> republisher_;
  std::unique_ptr<AtomicBatches> atomic_batches_;  // made when one comes
  std::unique_ptr<FastBatches> fast_batches_;
  std::unique_ptr<Scheduler> scheduler_;
  StringMap<std::unique_ptr<Origin>> origins_;  // by Origin::KeyOf()
  StringMap<OriginPosition> positions_;         // by the same; also of origins that were removed
  bool positions_changed_ = false;
  std::deque<OwnedMessage> stalled_;
  size_t stalled_bytes_ = 0;
  AckQueue acks_;
  // What an ack says behind the sequence, of the few that do.
  absl::flat_hash_map<StreamSeq, std::string> ack_members_;
  std::string ack_prefix_;
  std::string ack_text_;  // the ack being sent; kept for its memory

  StreamSeq committed_seq_ = 0;
  StreamSeq flushed_seq_ = 0;
  uint64_t staged_bytes_ = 0;  // since the last Flush()
  uint64_t flying_bytes_ = 0;  // flushed, not committed
  std::deque<Flying> flying_;
  int64_t counted_bytes_ = 0;  // what spec_.usage knows of us

  StringMap<Router::SubscriptionId> subscriptions_;  // by subject
  absl::flat_hash_map<uint64_t, Reader> readers_;
  bool started_ = false;
  bool stopped_ = false;
  bool dirty_ = false;
};

}  // namespace weir::jetstream

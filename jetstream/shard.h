#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"

#include "jetstream/environment.h"
#include "jetstream/stream.h"
#include "jetstream/transfer.h"
#include "protocol/base/affinity.h"

namespace weir::jetstream {

class PendingStream;

// The part of JetStream that lives on one worker: its streams, their consumers, and the batch in
// which all of them stage the writes of a turn.
//
// Confined to its home. Whoever changes something durable takes batch(), which asks the home to
// call Commit() at the end of the turn. Commit() collects what streams and consumers staged,
// submits it as one batch, and when that is committed releases acks and wakes consumers (I6).
class Shard {
 public:
  using Committed = absl::AnyInvocable<void(const Status&) &&>;

  explicit Shard(Environment& env);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  Environment& env() { return env_; }
  // For the push consumers of this home.

  // Takes a stream in; its Start() is the caller's.
  Stream& Add(std::unique_ptr<Stream> stream);
  // Destroys the stream after the current event. It must have been stopped.
  void Remove(Stream& stream);
  Stream* Find(StreamId id);
  Stream* Find(AccountId account, std::string_view name);
  std::vector<Stream*> streams();

  // Streams of the disk that are on their way.
  void AddPending(std::unique_ptr<PendingStream> pending);
  PendingStream* FindPending(StreamId id);
  // nullptr: there is none.
  std::unique_ptr<PendingStream> TakePending(StreamId id);
  std::vector<PendingStream*> pending();

  // Backups and restores on their way.
  Transfer::Id AddTransfer(std::unique_ptr<Transfer> transfer);
  // nullptr: it has ended.
  Transfer* FindTransfer(Transfer::Id id);
  // Destroys it after the current event.
  void EndTransfer(Transfer::Id id);

  // The batch of this turn; asking for it requests a commit.
  storage::StagedBatch& batch();
  // Makes Commit() call the stream's Flush().
  void MarkDirty(Stream& stream);
  // Runs `done` when everything staged so far is durable, or with the error when it cannot become
  // so.
  void WhenDurable(Committed done);
  // The same without asking for a sync: for answers that show what is staged.
  void WhenCommitted(Committed done);

  // The end of a turn (architecture 4.2, step 1). May run completions before it returns; what they
  // stage goes into the next batch, and request_commit has then been called again.
  void Commit();

  // Why nothing can be stored any more; OK as long as all is well.
  const Status& failure() const { return failure_; }

  // Destroys something after the current event.
  template <typename T>
  void DestroyLater(std::unique_ptr<T> object) {
    env_.executor.Post([keep = std::move(object)]() mutable { keep.reset(); });
  }

  // The end of the server: consumers answer what waits and stage their states; then a last Commit()
  // is submitted. Publishes are refused from here on.
  void Shutdown();

 private:
  // What a submitted batch will make visible.
  struct Turn {
    std::vector<std::pair<StreamId, StreamSeq>> streams;
    std::vector<Committed> waiting;
  };

  void OnCommitted(Turn turn, const Status& status);
  void TrimCaches();
  void RequestCommit();

  Affinity home_;
  Environment& env_;
  absl::flat_hash_map<StreamId, std::unique_ptr<Stream>> streams_;
  absl::flat_hash_map<std::pair<uint32_t, std::string>, Stream*> by_name_;  // account, name
  absl::flat_hash_map<StreamId, std::unique_ptr<PendingStream>> pending_;
  absl::flat_hash_map<Transfer::Id, std::unique_ptr<Transfer>> transfers_;
  Transfer::Id last_transfer_ = 0;
  std::unique_ptr<storage::StagedBatch> batch_;
  std::vector<StreamId> dirty_;
  std::vector<Committed> waiting_;
  Status failure_;
  TimerQueue::TimerId trim_timer_;
  bool commit_requested_ = false;
};

}  // namespace weir::jetstream

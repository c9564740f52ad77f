#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "jetstream/api_router.h"
#include "jetstream/catalog.h"
#include "jetstream/environment.h"
#include "jetstream/recovery.h"
#include "jetstream/shard.h"

namespace weir::jetstream {

// All of JetStream in a process: one shard per home, the catalog and the API on the first.
//
// How a server uses it:
//   1. One Environment per worker, alive longer than this object. Environment::request_commit
//      makes the worker call shard(i).Commit() at the end of its turn, before mail and sockets; it
//      may be called from within Commit(), and then means another turn soon.
//   2. Recover() on the booting thread, before any worker runs. It calls no executor, router or
//      timer.
//   3. Start(ready) posts to every home; everything else happens there. `ready` runs on the first
//      home when every stream is subscribed and the API answers: open the client listener then. The
//      streams' messages are still being read (StoreFactory::RunBlocking); what needs them waits.
//   4. A reload that changes accounts, their limits or the server's: AccountsChanged(), from any
//      thread.
//   5. The end: no more sessions; nothing runs in RunBlocking() any more; Shard::Shutdown() on each
//   home; CommitQueue::Drain() on the
//      stopping thread; then the workers stop and this object is destroyed.
//      A worker that has stopped must not run posted tasks any more.
//   6. The end while the server goes on: CloseApi() on the first home; then as in 5, but instead of
//      stopping the workers run what is posted to them until nothing is left, and rest while this
//      object is destroyed.
class JetStream {
 public:
  explicit JetStream(const std::vector<Environment*>& homes);
  ~JetStream();
  JetStream(const JetStream&) = delete;
  JetStream& operator=(const JetStream&) = delete;

  StatusOr<RecoveryReport> Recover();
  void Start(Task ready);
  void AccountsChanged();
  // Takes no more requests; to be called on the first home.
  void CloseApi();

  // `index` is that of the environment. To be used at its home.
  Shard& shard(size_t index) { return *shards_[index]; }
  size_t homes() const { return shards_.size(); }
  // To be used on the first home; LogCursor::Open() takes it from any thread.
  Catalog& catalog() { return *catalog_; }

 private:
  void HomeStarted(Task& ready);
  void DestroyIncomplete(size_t index);

  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<ApiRouter> api_;
  std::vector<std::pair<size_t, StreamId>> incomplete_;  // by home, from recovery
  size_t homes_starting_ = 0;                            // on the first home
};

}  // namespace weir::jetstream

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jetstream/jetstream.h"
#include "server/jetstream_host.h"
#include "server/server.h"
#include "storage/blocking_pool.h"
#include "storage/database.h"
#include "storage/rocks_commit_queue.h"
#include "storage/rocks_meta_store.h"
#include "storage/store_keeper.h"
#include "storage/store_set.h"

namespace weir::server {

// JetStream as a part of the server: opens the store, gives every worker its shard, and ends both
// in order (architecture 4.9, 7.6). A reload may end and start it while the server goes on.
// Destroyed before the server.
class JetStreamPart {
 public:
  explicit JetStreamPart(Server& server);
  ~JetStreamPart();
  JetStreamPart(const JetStreamPart&) = delete;
  JetStreamPart& operator=(const JetStreamPart&) = delete;

  // For Server::AddPart().
  Server::Part AsPart();
  // What lives on JetStream: ends before it does when a reload switches it off, and starts behind
  // it when a reload switches it on. On the main thread, workers running. Before the start.
  void SetDependents(std::function<void()> end, std::function<void()> start) {
    end_dependents_ = std::move(end);
    start_dependents_ = std::move(start);
  }

  // Changes only before the workers run and while they rest.
  bool running() const { return running_; }

  // While it runs, and for what began then.
  jetstream::JetStream& jetstream() { return *jetstream_; }
  const jetstream::JetStreamOptions& options() const { return options_; }
  storage::RocksCommitQueue& commits() { return *commits_; }
  const jetstream::RecoveryReport& report() const { return report_; }
  storage::DamageLog& damage() { return database_->damage(); }
  const storage::StoreKeeper& keeper() const { return *keeper_; }
  // "<store_dir>/jetstream".
  const std::string& directory() const { return directory_; }
  // Of worker 0.
  jetstream::Environment& environment() { return *homes_.front()->environment; }

 private:
  class Stores;
  struct Home {
    explicit Home(Worker& worker) : router(worker) {}
    JetStreamHost router;
    std::unique_ptr<jetstream::Environment> environment;
  };

  Status Start();
  Status OpenStorage();
  void Stop();
  void Close();
  void ReadOptions();
  void ReadLimits();
  void AfterReload();
  void SwitchOn();
  void SwitchOff();
  void InstallCommitHooks();
  void OnReload(const std::vector<ReloadChange>& changes);
  void EnableAccounts();
  void DisableAccounts();
  void LogBanner() const;
  void KeepStore();

  Server& server_;
  std::function<void()> end_dependents_;
  std::function<void()> start_dependents_;
  bool running_ = false;
  std::string directory_;
  jetstream::JetStreamOptions options_;
  jetstream::ServerIdentity identity_;
  // In the order of their needs: the last one uses those above.
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::BlockingPool> pool_;
  std::unique_ptr<storage::RocksMetaStore> meta_;
  std::unique_ptr<storage::RocksCommitQueue> commits_;
  std::unique_ptr<storage::StoreSet> store_set_;
  // Reads streams after a start; gone when that must end.
  std::unique_ptr<storage::BlockingPool> readers_;
  std::atomic<bool> stop_reading_{false};
  std::unique_ptr<Stores> stores_;
  std::vector<std::unique_ptr<Home>> homes_;
  std::unique_ptr<jetstream::JetStream> jetstream_;
  jetstream::RecoveryReport report_;
  std::unique_ptr<storage::StoreKeeper> keeper_;
};

}  // namespace weir::server

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/container/btree_map.h"

#include "ingest/exports_config.h"
#include "ingest/pipeline.h"
#include "ingest/pipeline_config.h"
#include "jetstream/environment.h"
#include "protocol/base/mutex.h"

namespace weir::ingest {

// Runs the exports of this server: those of its configuration, those that were applied, and those
// that the `weir export` command asks for. Each export has a thread of its own (and a writer's).
//
// Requests, each answered with JSON: `$EXPORT.API.RUN` and `$EXPORT.API.APPLY` with a spec,
// `$EXPORT.API.STATUS.<name>`, `$EXPORT.API.STOP.<name>`, `$EXPORT.API.LIST`. An export belongs to
// the account that asked. RUN of an export that is running with the same spec answers as if it had
// been started. Applied exports are kept in `state_dir` and start again with the server, until they
// are stopped. An error is {"error":{"code":N,"description":"…"}}, the code being the command's
// exit code.
//
// Start(), requests and Detach() belong to the home; Shutdown() and Statuses() to any thread that
// may block (Shutdown) or not (Statuses).
class PipelineManager : public jetstream::Sink {
 public:
  struct Options {
    jetstream::Router& router;  // of the home
    const jetstream::AccountDirectory& accounts;
    Clock& clock;
    Log& log;
    // Opens a stream of this server; on the export's thread.
    std::function<StatusOr<std::unique_ptr<Source>>(AccountId, const ExportSpec&)> open_source;
    // Empty: the sinks of this binary.
    std::function<StatusOr<std::unique_ptr<ingest::Sink>>(const ExportSpec&)> make_sink;
    ExportsConfig config;
    std::string state_dir;  // config.dir wins; empty: applied exports are forgotten at the end
  };

  explicit PipelineManager(Options options);
  ~PipelineManager() override;  // Shutdown()

  // Subscribes for every account with JetStream and starts the configured and the applied exports.
  // A configured export that cannot start is reported in the log and leaves the others alone.
  void Start();
  // No more requests.
  void Detach();
  // Stops every export and waits for it. Homes must still run: cursors talk to them.
  void Shutdown();

  std::vector<PipelineStatus> Statuses();

  void OnMessage(const jetstream::Inbound& message) override;

 private:
  struct Entry {
    ExportSpec spec;
    AccountId account;
    std::string applied_file;  // remove it when the export is stopped
    std::unique_ptr<Pipeline> pipeline;
    std::thread thread;
  };
  using Key = std::pair<AccountId, std::string>;

  struct Answer {
    Status status;
    std::string json;
  };
  Answer Handle(std::string_view verb, const jetstream::Inbound& message);
  Answer RunOrApply(const jetstream::Inbound& message, bool apply);
  Answer StatusOf(AccountId account, std::string_view name);
  Answer List(AccountId account);
  Answer StopOne(AccountId account, std::string_view name);
  void StartConfigured();
  void StartApplied();
  // Starts, or replaces: the new export begins when the old one has ended.
  void Launch(AccountId account, ExportSpec spec, std::string applied_file)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string AppliedFile(AccountId account, std::string_view name) const;
  void DropOldEntries() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  std::vector<jetstream::Router::SubscriptionId> subscriptions_;

  Mutex mu_;
  absl::btree_map<Key, std::unique_ptr<Entry>> entries_ ABSL_GUARDED_BY(mu_);
  bool shutting_down_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace weir::ingest

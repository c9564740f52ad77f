#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/base/log.h"
#include "protocol/base/status.h"
#include "server/context.h"
#include "server/listener.h"
#include "server/options_reload.h"
#include "server/worker.h"

namespace weir::server {

class LameDuck;

// The process: owns workers, listeners and what they share; starts and stops them in order
// (architecture 4.9, 7.6). JetStream and exports are parts that main plugs in, so that this class
// knows their order but not their insides.
class Server {
 public:
  // A part that lives between the workers' construction and their end.
  struct Part {
    // Before the workers run; an error ends the start. May log.
    std::function<Status()> start;
    // On worker 0, once the workers run. Calls `next` there when clients may come.
    std::function<void(Task next)> serve;
    // After the listeners are closed and before the connections are, on the main thread, with the
    // workers running unless the start failed. Blocks until the part is quiet. Also called after a
    // start that failed.
    std::function<void()> stop;
    // What a reload would have the part do; an error refuses the reload. On the main thread, with
    // the workers running.
    std::function<Status(const Options& fresh)> check_reload = nullptr;
    // The options have changed. All workers rest, so everything may be touched and nothing waited
    // for.
    std::function<void(const std::vector<ReloadChange>&)> reload = nullptr;
    // Behind it, with the workers running: for what takes long. On the main thread.
    std::function<void(const std::vector<ReloadChange>&)> after_reload = nullptr;
  };
  // What a reload needs of whoever started the server.
  struct Reloading {
    // The options again: the file read anew, the flags over it.
    std::function<StatusOr<Options>()> load;
    // Whether the log could go there.
    std::function<Status(const LogOptions&)> check_log;
    std::function<Status(const LogOptions&)> restart_log;
  };

  Server(Options options, Log& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  ServerContext& context() { return *context_; }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  void AddPart(Part part) { parts_.push_back(std::move(part)); }
  // What SIGUSR1 does; runs on worker 0. Before Run().
  void SetReopenLog(std::function<void()> reopen) { reopen_log_ = std::move(reopen); }

  // Without it a reload is refused. Before Run().
  void SetReloading(Reloading reloading) { reloading_ = std::move(reloading); }

  // Starts everything, serves until a signal (or RequestStop) and stops everything. An error names
  // what could not be started; everything that was started is stopped again.
  Status Run();
  // Thread-safe.
  void RequestStop();
  // Reads the configuration anew, on the main thread, and does what it says or, when some of it
  // cannot be done, nothing (server-config.md 10). `done` is called there with the outcome, which
  // is not logged. Thread-safe; a request at the end of the server is dropped.
  void RequestReload(std::function<void(const Status&)> done);

  // Runs `task` on every worker and waits until all have; not from a worker. At once, on the
  // calling thread, when the workers do not run.
  void RunOnAllWorkers(const std::function<void(Worker&)>& task);
  // Runs `task` on the main thread, which calls this, while every worker waits between two of its
  // events.
  void WhileWorkersRest(const std::function<void()>& task);

 private:
  // By account; those of the global one under its name.
  using AccountMappers = std::vector<std::pair<std::string, SubjectMapper>>;
  static void NameCluster(Options& options, std::string_view old);
  static StatusOr<AccountMappers> MakeMappers(const Options& options);
  void ConfigureAccounts(AccountMappers mappers);
  void StartPasswords();
  Status StartParts();
  Status WritePidFile();
  Status WritePortsFile();
  void RemovePortsFile();
  void ServeFrom(size_t part);
  void OpenListener();
  void OnSignal(int number);
  void EnterLameDuckMode();
  void StopEverything();
  void WaitForStop();

  // server_reload.cc
  Status Reload();
  void Apply(Options fresh, const std::vector<ReloadChange>& changes, AccountMappers mappers,
             std::shared_ptr<const TlsContext> tls);
  void ApplyChange(const ReloadChange& change);
  void CloseExcess();
  void DropUnpinned();

  Options options_;
  Log& log_;
  std::unique_ptr<Clock> clock_;
  Identity identity_;
  ServerCounters counters_;
  AccountRegistry accounts_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<ServerContext> context_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<LameDuck> lame_duck_;  // while the mode lasts
  std::vector<Part> parts_;
  size_t started_parts_ = 0;
  std::string ports_file_;
  std::function<void()> reopen_log_;
  Reloading reloading_;

  struct Stopping;
  std::unique_ptr<Stopping> stopping_;
};

// Workers for a setting of 0: what measures best on this many hardware threads (THREADING.md).
int DefaultWorkers(unsigned hardware_threads);

}  // namespace weir::server

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "protocol/base/log.h"
#include "protocol/base/status.h"
#include "server/context.h"
#include "server/listener.h"
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

  // Starts everything, serves until a signal (or RequestStop) and stops everything. An error names
  // what could not be started; everything that was started is stopped again.
  Status Run();
  // Thread-safe.
  void RequestStop();

  // Runs `task` on every worker and waits until all have; not from a worker. At once, on the
  // calling thread, when the workers do not run.
  void RunOnAllWorkers(const std::function<void(Worker&)>& task);

 private:
  Status ConfigureAccounts();
  Status StartParts();
  Status WritePidFile();
  Status WritePortsFile();
  void RemovePortsFile();
  void ServeFrom(size_t part);
  void OpenListener();
  void OnSignal(int number);
  void EnterLameDuckMode();
  void StopEverything();

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

  struct Stopping;
  std::unique_ptr<Stopping> stopping_;
};

// Workers for a setting of 0: what measures best on this many hardware threads (THREADING.md).
int DefaultWorkers(unsigned hardware_threads);

}  // namespace weir::server

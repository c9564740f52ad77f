#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "protocol/base/executor.h"
#include "protocol/base/nuid.h"
#include "protocol/base/timer_queue.h"
#include "server/connection.h"
#include "server/context.h"
#include "server/dispatcher.h"
#include "server/mailbox.h"

namespace weir::server {

// One thread of the server with everything that is confined to it: an event loop, connections,
// sinks, timers, the dispatcher (THREADING.md).
//
// Work is done when events arrive; what costs a system call, a wake-up or a commit is put off to
// EndTurn(), which runs once behind all events of a pass: commit, then mail, then sockets (I2, I3).
//
// Post() may be called from any thread, everything else only from the worker's own, except before
// Run().
class Worker : public Executor, public LocalDelivery {
 public:
  Worker(uint8_t index, ServerContext& context);
  ~Worker() override;

  // Before Run(): all workers, this one included, in index order.
  void SetPeers(const std::vector<std::unique_ptr<Worker>>& workers);
  // Before Run(): what EndTurn() commits first when RequestCommit() was called.
  void SetCommitHook(std::function<void()> commit) { commit_ = std::move(commit); }

  // The thread's main function: returns after Stop().
  void Run();
  // Thread-safe. Ends Run() after what is queued.
  void Stop();

  // After Run(): drops what is still in the mailbox, tasks included.
  void DiscardMail() { mailbox_.Drain(); }

  // Executor
  void Post(Task task) override;

  boost::asio::io_context& io() { return io_; }
  uint8_t index() const { return index_; }
  TimerQueue& timers() { return timers_; }
  Random& random() { return random_; }
  Dispatcher& dispatcher() { return *dispatcher_; }
  ServerContext& context() { return context_; }
  int64_t now_ns() const { return context_.clock.steady_ns(); }

  void RequestEndTurn();
  void RequestCommit() {
    commit_requested_ = true;
    RequestEndTurn();
  }
  // Delivers everything that other workers have pushed so far, and runs their tasks.
  void DrainMail();

  // Publishes a traced message: its receivers are visited worker by worker, so that each can say
  // what became of it, and the report is published behind the last one.
  PublishOutcome PublishTraced(Account& account, const Message& message, const Target* exclude,
                               std::shared_ptr<MessageTrace> trace);

  // Connections. Number of open ones: any thread.
  void Adopt(std::unique_ptr<Transport> transport, bool refuse);
  int64_t connections() const { return connection_count_.load(std::memory_order_relaxed); }
  // A connection was placed here and will arrive with Adopt().
  void NotePlaced() { connection_count_.fetch_add(1, std::memory_order_relaxed); }
  void MarkDirty(Connection& connection) { dirty_.push_back(connection.self()); }
  void MarkClosing(Connection& connection);
  Connection* Find(const Target& target);
  void CloseAll(CloseReason reason);
  // A connection picked at random, if there is one.
  void CloseOne(CloseReason reason);
  template <typename F>
  void ForEachConnection(F&& visit) {
    for (auto& slot : connections_) {
      if (slot.connection && !slot.connection->closing()) {
        visit(*slot.connection);
      }
    }
  }

  // Sinks: subscriptions of the server itself.
  uint64_t AddSink(AccountId account, std::string_view pattern, std::string_view queue,
                   jetstream::Sink& sink);
  void RemoveSink(uint64_t id);
  // From here on `sink` gets what comes, and what is on its way.
  void ReplaceSink(uint64_t id, jetstream::Sink& sink);
  // Account, pattern and queue; nullopt: there is no such subscription.
  std::optional<std::tuple<AccountId, std::string, std::string>> SinkOf(uint64_t id) const;
  // Visits them with account, pattern, queue and slot.
  template <typename F>
  void ForEachSink(F&& visit) const {
    for (uint32_t slot = 0; slot < sinks_.size(); ++slot) {
      const SinkSlot& entry = sinks_[slot];
      if (entry.sink != nullptr) {
        visit(entry.account, entry.pattern, entry.queue, slot);
      }
    }
  }

  // LocalDelivery
  Result DeliverLocal(AccountId account, const Target& target, const Message& message) override;
  Account& AccountOf(AccountId id) override { return context_.accounts.Get(id); }

 private:
  struct ConnectionSlot {
    std::unique_ptr<Connection> connection;
    uint32_t generation = 0;
  };
  struct SinkSlot {
    jetstream::Sink* sink = nullptr;  // nullptr: free
    uint32_t generation = 0;
    AccountId account;
    std::string pattern;
    std::string queue;
  };

  struct TracedMessage;
  void VisitTraced(std::shared_ptr<TracedMessage> traced);
  void TraceDelivery(const Target& target, const Message& message, bool echo);
  void PublishTraceReport(TracedMessage& traced);

  void EndTurn();
  void FlushMail();
  void FlushSockets();
  void CloseMarked();
  void ArmTimer();
  void Wake();
  void TrimIdle();
  bool IsSink(uint64_t id) const;
  Target SinkTarget(uint32_t slot) const;

  const uint8_t index_;
  ServerContext& context_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_;
  boost::asio::steady_timer os_timer_;
  int64_t armed_for_ns_ = INT64_MAX;
  TimerQueue timers_;
  Random random_;
  Mailbox mailbox_;
  std::vector<Worker*> peers_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::function<void()> commit_;

  std::vector<ConnectionSlot> connections_;
  std::vector<uint32_t> free_connections_;
  std::atomic<int64_t> connection_count_{0};
  std::vector<SinkSlot> sinks_;
  std::vector<uint32_t> free_sinks_;

  // By handle: a connection may be gone when its turn comes.
  std::vector<Target> dirty_;
  std::vector<Target> closing_;
  std::vector<Target> scratch_;
  bool end_turn_requested_ = false;
  bool commit_requested_ = false;
  bool trim_armed_ = false;
};

}  // namespace weir::server

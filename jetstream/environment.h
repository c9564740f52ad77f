#pragma once

// What JetStream needs from outside: everything that touches sockets, threads, time or the disk
// comes in through here, so that the whole of JetStream runs in a test on a manual clock.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/executor.h"
#include "protocol/base/ids.h"
#include "protocol/base/log.h"
#include "protocol/base/nuid.h"
#include "protocol/base/timer_queue.h"
#include "storage/commit_queue.h"
#include "storage/meta_store.h"
#include "storage/stream_store.h"

namespace weir::jetstream {

// Takes notes on the way of a traced message (protocol.md 14).
class TraceLog {
 public:
  virtual ~TraceLog() = default;
  // The publisher only wants to know what would happen: do nothing else.
  virtual bool only() const = 0;
  virtual void AddJetStream(std::string_view stream, std::string_view subject, bool no_interest,
                            std::string_view error) = 0;
};

// A message that arrived at a sink. Views live for the duration of the call.
struct Inbound {
  AccountId account;
  std::string_view subject;
  std::string_view reply;
  std::string_view headers;
  std::string_view payload;
  TraceLog* trace = nullptr;  // with a traced message
  // Who asks, as JSON, for the audit: with API requests that clients publish while somebody listens
  // for audits; else empty.
  std::string_view client = {};
};

// Receives messages of a subscription at its home.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void OnMessage(const Inbound& message) = 0;
};

// A message on its way out. `subject` is what the receiver sees.
struct Outbound {
  std::string_view subject;
  std::string_view reply;
  std::string_view headers;
  std::string_view payload;
  std::string_view client = {};  // Inbound::client, of a request that is passed on
};

enum class Delivered : uint8_t {
  kYes,
  kNoInterest,  // nobody subscribes to the inbox (any more)
  kCongested,   // taken, but the receiver is slow: send it no more before the next event
};

// Somebody who wants to know when subscriptions to a subject come or go. Called at its home.
class InterestWatcher {
 public:
  virtual ~InterestWatcher() = default;
  virtual void CheckInterest() = 0;
};

// Publishing and subscribing as the server itself. One per home; calls come from that home only.
// Bytes are copied (or sent) before a call returns.
class Router {
 public:
  using SubscriptionId = uint64_t;  // 0: none
  using WatchId = uint64_t;         // 0: none

  virtual ~Router() = default;

  // To everybody who subscribes `message.subject`, sinks included.
  virtual void Publish(AccountId account, const Outbound& message) = 0;
  // To whoever subscribes `inbox`; the receiver sees message.subject (jetstream-api.md 9.6).
  virtual Delivered Deliver(AccountId account, std::string_view inbox, const Outbound& message) = 0;
  virtual bool HasInterest(AccountId account, std::string_view subject) = 0;
  // The same without subscriptions to patterns.
  virtual bool HasLiteralInterest(AccountId account, std::string_view subject) = 0;
  // Does somebody subscribe exactly this literal subject, in this queue group (empty: in none)?
  virtual bool IsSubscribed(AccountId account, std::string_view subject,
                            std::string_view queue) = 0;
  // Tells the watcher, in an event of its own, whenever the answer of IsSubscribed() may have
  // become another one for any queue group. The watcher must outlive the watch.
  virtual WatchId Watch(AccountId account, std::string_view subject, InterestWatcher& watcher) = 0;
  virtual void Unwatch(WatchId id) = 0;

  // Does a stream, or something else of the server itself, take this subject?
  virtual bool HasStream(AccountId account, std::string_view subject) = 0;

  // `queue` empty: a plain subscription. The sink must outlive the subscription.
  virtual SubscriptionId Subscribe(AccountId account, std::string_view pattern,
                                   std::string_view queue, Sink& sink) = 0;
  virtual void Unsubscribe(SubscriptionId id) = 0;

  // Hands a subscription over without a moment in which there is none: the next Subscribe() to the
  // same takes it over, with what is on its way to it. DropParked() ends what nobody has taken.
  virtual void Park(SubscriptionId id) { Unsubscribe(id); }
  virtual void DropParked() {}
};

// Opens stores. Thread-safe. Opening an existing file store reads the disk: only in RunBlocking();
// a new one is cheap.
class StoreFactory {
 public:
  virtual ~StoreFactory() = default;
  struct Spec {
    StreamId id;
    bool memory = false;
    bool is_new = false;
    StreamSeq first_seq = 0;   // of a new stream; 0 means 1
    Executor* home = nullptr;  // where loads come back
    bool compress = false;
  };
  virtual StatusOr<std::unique_ptr<storage::StreamStore>> Open(const Spec& spec) = 0;
  // The counters of an existing file store, where they are known without opening it. Reads a few
  // blocks: at boot only.
  virtual std::optional<storage::PeekedState> Peek(StreamId /*id*/) { return std::nullopt; }
  // Runs `work` on a thread that may block, some day; never when the server stops before. Where
  // there are no threads, at once.
  virtual void RunBlocking(Task work) { std::move(work)(); }
};

// JetStream limits of an account; -1: unlimited.
struct AccountLimits {
  int64_t max_memory = -1;
  int64_t max_storage = -1;
  int64_t max_streams = -1;
  int64_t max_consumers = -1;
  int64_t max_ack_pending = -1;
  int64_t memory_max_stream_bytes = -1;
  int64_t storage_max_stream_bytes = -1;
  bool max_bytes_required = false;
};

// Accounts as JetStream sees them. Thread-safe; they change only while no home runs.
class AccountDirectory {
 public:
  virtual ~AccountDirectory() = default;
  virtual std::optional<AccountId> Find(std::string_view name) const = 0;
  virtual std::string NameOf(AccountId account) const = 0;
  // What stands for the account in subjects (jetstream-api.md 9.6).
  virtual std::string HashOf(AccountId account) const = 0;
  // nullopt: JetStream is not enabled for the account.
  virtual std::optional<AccountLimits> JetStreamLimits(AccountId account) const = 0;
  virtual std::vector<AccountId> JetStreamAccounts() const = 0;
  // All of them, those without JetStream and the system account included.
  virtual std::vector<AccountId> AllAccounts() const = 0;
};

// Settings of the jetstream block (server-config.md 8). Change only while no home runs (reload).
struct JetStreamOptions {
  std::string domain;
  bool strict = true;
  bool sync_always = true;               // an ack means fdatasync has returned
  bool long_ack_subjects = false;        // in deliveries; both formats are understood
  int64_t max_memory_store = -1;         // bytes
  int64_t max_file_store = -1;           // bytes
  int64_t default_max_consumers = 1000;  // per stream
  int64_t max_ack_pending = -1;
  int64_t max_request_batch = 0;        // 0: no limit
  int64_t duplicate_window_ns = 0;      // 0: no limit
  int64_t max_buffered_msgs = 100'000;  // staged per stream, else 429
  int64_t max_buffered_bytes = 128LL << 20;
  int64_t request_queue_limit = 10'000;
  int64_t info_queue_limit = 10'000;
  int64_t max_payload = 1 << 20;  // of a message, headers included
  // Of batches that are open, atomic and fast ones (jetstream-api.md 5.6, 5.7). 0: the built-in
  // limit.
  int64_t max_batch_messages = 0;
  int64_t max_batches_per_stream = 0;
  int64_t max_batches_total = 0;
  int64_t batch_timeout_ns = 0;
};

struct ServerIdentity {
  std::string id;
  std::string name;
  std::string version;  // the announced one
};

// All of it, for one home. References outlive the shard.
struct Environment {
  Executor& executor;  // of this home
  Clock& clock;
  TimerQueue& timers;
  Random& random;
  Router& router;
  Log& log;
  storage::CommitQueue& commits;
  storage::MetaStore& meta;
  StoreFactory& stores;
  const AccountDirectory& accounts;
  const JetStreamOptions& options;
  const ServerIdentity& server;
  // Makes the home call Shard::Commit() at the end of this turn. Cheap, may be called repeatedly.
  std::function<void()> request_commit;
};

}  // namespace weir::jetstream

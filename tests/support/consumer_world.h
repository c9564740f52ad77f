#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jetstream/api_consumers.h"
#include "jetstream/consumer.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "storage/memory_stream_store.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/fake_meta_store.h"
#include "tests/support/fake_router.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_commit_queue.h"
#include "tests/support/manual_executor.h"

namespace weir::testing {

using namespace std::chrono_literals;  // NOLINT(google-global-names-in-headers): test code

inline constexpr int64_t Ns(std::chrono::nanoseconds duration) {
  return duration.count();
}

// One home with one stream "ORDERS" (subjects "orders.>") in memory, for tests of consumers: time,
// turns and commits move only when a test says so. With `persistent` the stream counts as a file
// stream, so that consumers store their states.
class ConsumerWorld {
 public:
  class NoStores : public jetstream::StoreFactory {
   public:
    StatusOr<std::unique_ptr<storage::StreamStore>> Open(const Spec&) override {
      return Unimplemented("no stores in this test");
    }
  };

  explicit ConsumerWorld(bool persistent = true,
                         jetstream::RetentionPolicy retention = jetstream::RetentionPolicy::kLimits)
      : shard(std::make_unique<jetstream::Shard>(env)) {
    log.set_sink([this](LogLevel, std::string_view line) { log_lines.emplace_back(line); });
    router.interest.push_back("_INBOX.>");
    jetstream::StreamSpec spec;
    spec.id = StreamId(1);
    spec.account = kGlobalAccount;
    spec.created_ns = clock.wall_ns();
    spec.config.name = "ORDERS";
    spec.config.subjects = {"orders.>"};
    spec.config.retention = retention;
    spec.config.storage =
        persistent ? jetstream::StorageType::kFile : jetstream::StorageType::kMemory;
    spec.config.num_replicas = 1;
    spec.config.max_msgs = spec.config.max_bytes = spec.config.max_consumers = -1;
    spec.config.max_msgs_per_subject = -1;
    spec.config.max_msg_size = -1;
    stream = &shard->Add(std::make_unique<jetstream::Stream>(
        *shard, std::move(spec), std::make_unique<storage::MemoryStreamStore>(0)));
    stream->Start();
  }

  // Ends the turn: what was posted, the commit.
  void EndTurn() {
    do {
      executor.RunAll();
      if (std::exchange(commit_wanted, false)) {
        shard->Commit();
      }
    } while (commit_wanted);
  }

  void Advance(std::chrono::nanoseconds duration) {
    clock.Advance(Ns(duration));
    timers.RunDue(clock.steady_ns());
    EndTurn();
  }

  void Publish(std::string_view subject, std::string_view payload = "x",
               std::string_view headers = {}) {
    router.Inject({kGlobalAccount, subject, {}, headers, payload});
    EndTurn();
  }

  // A request of a client, to whoever subscribes. Returns how many there were.
  size_t Request(std::string_view subject, std::string_view reply, std::string_view payload = {}) {
    size_t receivers = router.Inject({kGlobalAccount, subject, reply, {}, payload});
    EndTurn();
    return receivers;
  }

  // A durable pull consumer with explicit acks.
  static jetstream::ConsumerConfig Durable(std::string_view name) {
    jetstream::ConsumerConfig config;
    config.durable_name = config.name = name;
    config.ack_policy = jetstream::AckPolicy::kExplicit;
    config.ack_wait_ns = Ns(30s);
    config.max_deliver = -1;
    config.max_waiting = 512;
    config.max_ack_pending = 1000;
    return config;
  }

  jetstream::Consumer& Add(jetstream::ConsumerConfig config) {
    jetstream::Consumer& consumer =
        stream->AddConsumer(std::move(config), stream->NextConsumerId(), clock.wall_ns());
    EndTurn();
    return consumer;
  }

  void Pull(std::string_view consumer, std::string_view inbox, std::string_view body) {
    Request(Cat("$JS.API.CONSUMER.MSG.NEXT.ORDERS.", consumer), inbox, body);
  }

  // What an API handler answers.
  std::string Call(void (*handler)(jetstream::Stream&, const jetstream::ApiRequest&),
                   std::string_view subject, std::string_view payload = {}) {
    router.sent.clear();
    jetstream::ApiRequest request;
    request.account = kGlobalAccount;
    request.subject = subject;
    request.reply = "_INBOX.api";
    request.payload = payload;
    handler(*stream, request);
    EndTurn();
    auto answers = router.PayloadsTo("_INBOX.api");
    return answers.empty() ? std::string() : answers.front();
  }

  std::vector<std::string> log_lines;
  ManualExecutor executor;
  ManualClock clock;
  TimerQueue timers;
  Random random{1};
  FakeRouter router;
  Log log;
  ManualCommitQueue commits;
  FakeMetaStore meta;
  NoStores stores;
  FakeAccounts accounts;
  jetstream::JetStreamOptions options;
  jetstream::ServerIdentity server{"ID", "name", "2.15.2"};
  bool commit_wanted = false;
  jetstream::Environment env{executor,
                             clock,
                             timers,
                             random,
                             router,
                             log,
                             commits,
                             meta,
                             stores,
                             accounts,
                             options,
                             server,
                             [this] {
                               commit_wanted = true;
                             }};
  std::unique_ptr<jetstream::Shard> shard;
  jetstream::Stream* stream = nullptr;
};

}  // namespace weir::testing

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jetstream/environment.h"
#include "jetstream/jetstream.h"
#include "storage/memory_stream_store.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/fake_meta_store.h"
#include "tests/support/fake_router.h"
#include "tests/support/manual_clock.h"
#include "tests/support/manual_commit_queue.h"
#include "tests/support/manual_executor.h"

namespace weir::testing {

// A store in memory that counts bytes as a file store does.
class FileLikeStore : public storage::MemoryStreamStore {
 public:
  using MemoryStreamStore::MemoryStreamStore;

  void TrimCaches() override { ++trims; }

  int trims = 0;

 protected:
  uint64_t BytesOf(const storage::MessageView& message) const override {
    return storage::FileMessageBytes(message);
  }
};

// Stores in memory. One that a test has put on the `disk` is what an existing stream is opened
// with.
class FakeStoreFactory : public jetstream::StoreFactory {
 public:
  StatusOr<std::unique_ptr<storage::StreamStore>> Open(const Spec& spec) override {
    if (!error.ok()) {
      return error;
    }
    if (auto at = disk.find(spec.id.value()); at != disk.end() && !spec.is_new) {
      return std::move(at->second);
    }
    if (!spec.is_new && !spec.memory) {
      return NotFound("no blocks");
    }
    if (spec.memory) {
      return std::make_unique<storage::MemoryStreamStore>(spec.first_seq, spec.home);
    }
    return std::make_unique<FileLikeStore>(spec.first_seq, spec.home);
  }

  std::optional<storage::PeekedState> Peek(StreamId id) override {
    auto at = peeked.find(id.value());
    return at == peeked.end() ? std::nullopt : std::optional(at->second);
  }
  void RunBlocking(Task work) override {
    if (hold) {
      held.push_back(std::move(work));
    } else {
      std::move(work)();
    }
  }
  // What was held back runs.
  void Release() {
    for (Task& work : std::exchange(held, {})) {
      std::move(work)();
    }
  }

  std::map<uint32_t, std::unique_ptr<storage::StreamStore>> disk;
  std::map<uint32_t, storage::PeekedState> peeked;  // by stream id
  Status error;
  bool hold = false;  // what may block waits for Release()
  std::vector<Task> held;
};

// JetStream with one home and everything around it by hand. RunTurns() is the event loop.
class JsHome {
 public:
  JsHome() {
    log.set_sink([this](LogLevel, std::string_view line) { log_lines.emplace_back(line); });
    options.sync_always = true;
  }

  // Recover() and Start(). Options and accounts are to be set before.
  void Boot() {
    js = std::make_unique<jetstream::JetStream>(std::vector<jetstream::Environment*>{&env});
    report = js->Recover();
    WEIR_CHECK(report.ok());
    js->Start([this] { ready = true; });
    RunTurns();
  }

  // Runs what was posted, what is due and the ends of the turns, until nothing is left. Commits
  // that the queue holds back stay there.
  void RunTurns() {
    bool busy = true;
    while (busy) {
      busy = executor.RunAll() > 0;
      timers.RunDue(clock.steady_ns());
      busy = executor.RunAll() > 0 || busy;
      if (std::exchange(commit_requested, false)) {
        js->shard(0).Commit();
        busy = true;
      }
    }
  }
  void Advance(int64_t ns) {
    clock.Advance(ns);
    RunTurns();
  }

  // A client's publish; the answers to `reply` of this and earlier turns. "_R_" unless said
  // otherwise.
  std::vector<std::string> Request(std::string_view subject, std::string_view payload = {},
                                   std::string_view headers = {}) {
    Send(subject, "_R_", payload, headers);
    RunTurns();
    auto answers = router.PayloadsTo("_R_");
    router.Take();
    return answers;
  }
  // The one answer; "(none)" or "(many)" when it is not one.
  std::string Ask(std::string_view subject, std::string_view payload = {},
                  std::string_view headers = {}) {
    auto answers = Request(subject, payload, headers);
    if (answers.empty()) {
      return "(none)";
    }
    return answers.size() == 1 ? answers[0] : "(many)";
  }
  // Publishes without running the turn.
  void Send(std::string_view subject, std::string_view reply, std::string_view payload = {},
            std::string_view headers = {}) {
    router.Inject({kGlobalAccount, subject, reply, headers, payload});
  }
  std::string CreateStream(std::string_view config_members, std::string_view name = "S") {
    return Ask(
        Cat("$JS.API.STREAM.CREATE.", name),
        Cat("{\"name\":\"", name, "\"", config_members.empty() ? "" : ",", config_members, "}"));
  }
  jetstream::Stream& stream(std::string_view name = "S") {
    auto* found = js->shard(0).Find(kGlobalAccount, name);
    WEIR_CHECK(found != nullptr);
    return *found;
  }

  ManualClock clock;
  ManualExecutor executor;
  TimerQueue timers;
  Random random{1};
  FakeRouter router;
  Log log;
  std::vector<std::string> log_lines;
  ManualCommitQueue commits;
  FakeMetaStore meta;
  FakeStoreFactory stores;
  FakeAccounts accounts;
  jetstream::JetStreamOptions options;
  jetstream::ServerIdentity identity{"NSERVER", "ref", "2.15.1"};
  bool commit_requested = false;
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
                             identity,
                             [this] {
                               commit_requested = true;
                             }};
  StatusOr<jetstream::RecoveryReport> report = jetstream::RecoveryReport{};
  bool ready = false;
  std::unique_ptr<jetstream::JetStream> js;
};

}  // namespace weir::testing

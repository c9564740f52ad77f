#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jetstream/environment.h"
#include "jetstream/jetstream.h"
#include "storage/rocks_meta_store.h"
#include "storage/store_set.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/fake_router.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_store.h"

namespace weir::testing {

// JetStream with one home over a real database in a temporary directory; time moves only when a
// test says so. What is committed survives Restart() and Crash().
class DiskHome {
 public:
  DiskHome() { Boot(); }
  ~DiskHome() { End(); }

  // Runs what was posted, what is due, the ends of the turns and the reads from the disk, until
  // nothing is left.
  void RunTurns() {
    bool busy = true;
    while (busy) {
      busy = store_.home.RunReady() > 0;
      life_->timers.RunDue(clock.steady_ns());
      busy = store_.home.RunReady() > 0 || busy;
      if (std::exchange(life_->commit_requested, false)) {
        life_->js->shard(0).Commit();
        busy = true;
      }
      if (!busy) {
        store_.commits->Drain();
        busy = WaitForDisk() || life_->commit_requested || store_.home.size() > 0;
      }
    }
  }
  void Advance(int64_t ns) {
    clock.Advance(ns);
    RunTurns();
  }

  // A client's publish, without running the turn.
  void Send(std::string_view subject, std::string_view reply, std::string_view payload = {},
            std::string_view headers = {}) {
    router().Inject({kGlobalAccount, subject, reply, headers, payload});
  }
  // The first answer; empty without one.
  std::string Ask(std::string_view subject, std::string_view payload = {}) {
    router().Take();
    Send(subject, "_R_", payload);
    RunTurns();
    auto answers = router().PayloadsTo("_R_");
    return answers.empty() ? std::string() : answers.front();
  }

  // The server ends properly and starts again.
  void Restart() {
    life_->js->shard(0).Shutdown();
    RunTurns();
    Crash();
  }
  // What has not been committed is lost.
  void Crash() {
    End();
    store_.Reopen();
    Boot();
  }

  FakeRouter& router() { return life_->router; }
  // Null when there is no such stream.
  jetstream::Stream* stream(std::string_view name) {
    return life_->js->shard(0).Find(kGlobalAccount, name);
  }
  storage::MetaStore& meta() { return life_->meta; }
  int64_t wall_minus_steady() const { return clock.wall_ns() - clock.steady_ns(); }

  ManualClock clock;
  jetstream::JetStreamOptions options;
  std::vector<std::string> log_lines;

 private:
  class Stores : public jetstream::StoreFactory {
   public:
    explicit Stores(storage::StoreSet set) : set_(std::move(set)) {}
    StatusOr<std::unique_ptr<storage::StreamStore>> Open(const Spec& spec) override {
      return set_.Open({spec.id, spec.memory, spec.is_new, spec.first_seq, spec.home});
    }

   private:
    storage::StoreSet set_;
  };
  // From one start to the next end.
  struct Life {
    explicit Life(DiskHome& home)
        : meta(*home.store_.db),
          stores(storage::StoreSet(home.store_.db.get(), home.store_.pool.get(), home.log_)),
          env{home.store_.home,
              home.clock,
              timers,
              home.random_,
              router,
              home.log_,
              *home.store_.commits,
              meta,
              stores,
              home.accounts_,
              home.options,
              home.identity_,
              [this] {
                commit_requested = true;
              }} {
      router.interest.push_back("_INBOX.>");
    }

    TimerQueue timers;
    FakeRouter router;
    storage::RocksMetaStore meta;
    Stores stores;
    bool commit_requested = false;
    jetstream::Environment env;
    std::unique_ptr<jetstream::JetStream> js;
  };

  void Boot() {
    log_.set_sink([this](LogLevel, std::string_view line) { log_lines.emplace_back(line); });
    options.sync_always = false;
    life_ = std::make_unique<Life>(*this);
    life_->js =
        std::make_unique<jetstream::JetStream>(std::vector<jetstream::Environment*>{&life_->env});
    auto report = life_->js->Recover();
    WEIR_CHECK(report.ok());
    life_->js->Start([] {});
    RunTurns();
  }
  void End() {
    store_.commits->Drain();
    WaitForDisk();
    life_->js.reset();
    // What was posted belongs to the life that is over.
    store_.home.Clear();
    life_.reset();
  }
  // The pool has one thread: behind its tasks there are none. True when something came back.
  bool WaitForDisk() {
    bool done = false;
    store_.pool->Run([this, &done] { store_.home.Post([&done] { done = true; }); });
    int ran = 0;
    for (; !done; ++ran) {
      store_.home.RunOne();
    }
    return ran > 1;
  }

  testing_support::TempStore store_;
  Log log_;
  Random random_{1};
  FakeAccounts accounts_;
  jetstream::ServerIdentity identity_{"NSERVER", "ref", "2.15.2"};
  std::unique_ptr<Life> life_;
};

}  // namespace weir::testing

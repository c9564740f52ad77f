#include "ingest/pipeline_manager.h"

#include <condition_variable>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/sqlite_sink.h"
#include "protocol/base/json.h"
#include "tests/support/fake_source.h"
#include "tests/support/sqlite_file.h"

namespace weir::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr AccountId kOther{7};

class RecordingRouter : public jetstream::Router {
 public:
  void Publish(AccountId, const jetstream::Outbound& message) override {
    answers.emplace_back(message.payload);
  }
  jetstream::Delivered Deliver(AccountId, std::string_view, const jetstream::Outbound&) override {
    return jetstream::Delivered::kYes;
  }
  bool HasInterest(AccountId, std::string_view) override { return true; }
  bool HasStream(AccountId, std::string_view) override { return false; }
  bool HasLiteralInterest(AccountId, std::string_view) override { return true; }
  bool IsSubscribed(AccountId, std::string_view, std::string_view) override { return true; }
  WatchId Watch(AccountId, std::string_view, jetstream::InterestWatcher&) override { return 0; }
  void Unwatch(WatchId) override {}
  SubscriptionId Subscribe(AccountId account, std::string_view pattern, std::string_view,
                           jetstream::Sink&) override {
    subscribed.push_back(Cat(account.value(), " ", pattern));
    return subscribed.size();
  }
  void Unsubscribe(SubscriptionId) override { ++unsubscribed; }

  std::vector<std::string> answers;
  std::vector<std::string> subscribed;
  size_t unsubscribed = 0;
};

class TwoAccounts : public jetstream::AccountDirectory {
 public:
  std::optional<AccountId> Find(std::string_view name) const override {
    return name == "$G"      ? std::optional(kGlobalAccount)
           : name == "OTHER" ? std::optional(kOther)
                             : std::nullopt;
  }
  std::string NameOf(AccountId account) const override {
    return account == kOther ? "OTHER" : "$G";
  }
  std::string HashOf(AccountId account) const override { return NameOf(account); }
  std::optional<jetstream::AccountLimits> JetStreamLimits(AccountId) const override {
    return jetstream::AccountLimits();
  }
  std::vector<AccountId> JetStreamAccounts() const override { return {kGlobalAccount, kOther}; }
  std::vector<AccountId> AllAccounts() const override { return {kGlobalAccount, kOther}; }
};

// Reads block until something comes or the source is cancelled, as a log cursor's do.
class BlockingSource : public FakeSource {
 public:
  BlockingSource(FakeStream& stream, std::function<void()> idle)
      : FakeSource(stream, [this, idle = std::move(idle)] {
          idle();
          MutexLock lock(mu_);
          while (!cancelled_) {
            lock.Wait(changed_);
          }
        }) {}
  void Cancel() override {
    FakeSource::Cancel();
    MutexLock lock(mu_);
    cancelled_ = true;
    changed_.notify_all();
  }

 private:
  Mutex mu_;
  std::condition_variable changed_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

class PipelineManagerTest : public ::testing::Test {
 protected:
  PipelineManagerTest() {
    log_.set_sink([](LogLevel, std::string_view) {});
  }

  std::unique_ptr<PipelineManager> MakeManager(ExportsConfig config = {}) {
    return std::make_unique<PipelineManager>(PipelineManager::Options{
        .router = router_,
        .accounts = accounts_,
        .clock = clock_,
        .log = log_,
        .open_source = [this](AccountId, const ExportSpec&) -> StatusOr<std::unique_ptr<Source>> {
          return std::make_unique<BlockingSource>(stream_, [this] {
            MutexLock lock(mu_);
            ++idle_;
            changed_.notify_all();
          });
        },
        .make_sink = {},
        .config = std::move(config),
        .state_dir = dir_.File("state")});
  }
  void WaitForIdle(int times) {
    MutexLock lock(mu_);
    while (idle_ < times) {
      lock.Wait(changed_);
    }
  }
  std::string Ask(PipelineManager& manager, std::string_view subject, std::string_view payload = "",
                  AccountId account = kGlobalAccount) {
    manager.OnMessage({account, Cat("$EXPORT.API.", subject), "_INBOX.1", "", payload});
    return router_.answers.empty() ? "no answer" : router_.answers.back();
  }
  std::string Spec(std::string_view name, std::string_view stop = "latest") {
    return Cat(R"({"name":")", name, R"(","stream":"S","sink":"sqlite:///)", dir_.File("t.db"),
               R"(","table":")", name, R"(","stop":")", stop, "\"}");
  }
  // Joins everything, so that what ran is through.
  std::string StateOf(PipelineManager& manager, std::string_view name) {
    auto answer = ParseJson(Ask(manager, Cat("STATUS.", name)));
    return std::string(answer->get_object().at("state").get_string());
  }

  TempDir dir_;
  RecordingRouter router_;
  TwoAccounts accounts_;
  HandClock clock_;
  Log log_;
  FakeStream stream_;
  Mutex mu_;
  std::condition_variable changed_;
  int idle_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST_F(PipelineManagerTest, EveryAccountCanAsk) {
  auto manager = MakeManager();
  manager->Start();
  manager->Detach();

  EXPECT_THAT(router_.subscribed, ElementsAre("0 $EXPORT.API.>", "7 $EXPORT.API.>"));
  EXPECT_EQ(router_.unsubscribed, 2u);
}

TEST_F(PipelineManagerTest, ARunIsStartedOnceAndListedForItsAccountOnly) {
  auto manager = MakeManager();
  stream_.Append(R"({"a":1})");

  EXPECT_EQ(Ask(*manager, "RUN", Spec("x", "never")), R"({"name":"x","started":true})");
  WaitForIdle(1);
  EXPECT_EQ(Ask(*manager, "RUN", Spec("x", "never")), R"({"name":"x","started":false})");
  EXPECT_THAT(Ask(*manager, "RUN", Spec("x", "latest")), HasSubstr("stop it first"));
  EXPECT_THAT(Ask(*manager, "LIST"), HasSubstr(R"("name":"x")"));
  EXPECT_EQ(Ask(*manager, "LIST", "", kOther), R"({"exports":[]})");
  EXPECT_THAT(Ask(*manager, "STATUS.x", "", kOther), HasSubstr("there is no export x"));
  EXPECT_THAT(Ask(*manager, "STOP.x", "", kOther), HasSubstr("there is no export x"));

  Ask(*manager, "STOP.x");
  manager->Shutdown();
  EXPECT_THAT(Ask(*manager, "RUN", Spec("x")), HasSubstr("shutting down"));
}

TEST_F(PipelineManagerTest, ShutdownStopsWhatRunsAndKeepsWhatWasCommitted) {
  ExportsConfig config;
  config.exports.push_back(*SpecFromJson("conf", ParseJson(Spec("conf", "never"))->get_object()));
  for (int i = 0; i < 20'000; ++i) {
    stream_.Append(R"({"a":1})");
  }
  auto manager = MakeManager(config);
  manager->Start();
  WaitForIdle(1);

  manager->Shutdown();

  EXPECT_THAT(Query(dir_.File("t.db"), "SELECT count(*) FROM conf"), ElementsAre("20000"));
}

TEST_F(PipelineManagerTest, AppliedExportsStartAgainUntilTheyAreStopped) {
  stream_.Append(R"({"a":1})");
  auto applied_files = [&] {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(dir_.File("state"))) {
      names.push_back(file.path().filename().string());
    }
    return names;
  };
  {
    auto manager = MakeManager();
    manager->Start();
    Ask(*manager, "APPLY", Spec("kept", "never"));
    WaitForIdle(1);
    EXPECT_THAT(applied_files(), ElementsAre("%24G.kept.export"));
  }
  auto manager = MakeManager();
  manager->Start();
  WaitForIdle(2);
  EXPECT_THAT(Ask(*manager, "LIST"), HasSubstr(R"("name":"kept")"));

  Ask(*manager, "STOP.kept");
  manager->Shutdown();
  EXPECT_THAT(applied_files(), IsEmpty());
}

TEST_F(PipelineManagerTest, BadRequestsAreAnsweredWithTheirReasonAndExitCode) {
  auto manager = MakeManager();

  EXPECT_THAT(Ask(*manager, "RUN", "nonsense"), HasSubstr(R"("code":2)"));
  EXPECT_THAT(Ask(*manager, "RUN", R"({"name":"x"})"), HasSubstr("stream is missing"));
  EXPECT_THAT(Ask(*manager, "RUN", R"({"name":"../x","stream":"S","sink":"sqlite:x","table":"t"})"),
              HasSubstr("letters, digits"));
  EXPECT_THAT(Ask(*manager, "RUN", R"({"name":"x","stream":"S","sink":"pg://h","table":"t"})"),
              HasSubstr("it has: sqlite"));
  EXPECT_THAT(Ask(*manager, "DANCE"), HasSubstr("unknown request"));
}

TEST_F(PipelineManagerTest, MessagesWithoutAReplyAreNotAnswered) {
  auto manager = MakeManager();
  manager->OnMessage({kGlobalAccount, "$EXPORT.API.LIST", "", "", ""});

  EXPECT_THAT(router_.answers, IsEmpty());
}

}  // namespace
}  // namespace weir::ingest

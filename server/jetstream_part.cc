#include "server/jetstream_part.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include <sys/statvfs.h>
#include <unistd.h>

#include "server/feature_flags.h"

namespace weir::server {

namespace {

namespace fs = std::filesystem;

// Reads that miss every cache; more than one, since they wait for the disk.
constexpr int kDiskThreads = 2;

int64_t ThreeQuarters(int64_t bytes) {
  return bytes / 4 * 3;
}

int64_t SystemMemory() {
  return static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<int64_t>(::sysconf(_SC_PAGE_SIZE));
}

// Free bytes of the file system that holds `path` or its nearest existing parent; 1 TiB when that
// cannot be told, as in the reference.
int64_t FreeDisk(const std::string& path) {
  std::error_code ignored;
  fs::path at = fs::absolute(path, ignored);
  while (!fs::exists(at, ignored) && at.has_parent_path() && at != at.parent_path()) {
    at = at.parent_path();
  }
  struct statvfs info{};
  if (::statvfs(at.c_str(), &info) != 0) {
    return int64_t{1} << 40;
  }
  return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
}

// "11.70 GB", as in the reference's start lines.
std::string FriendlyBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.2f %s", value, kUnits[unit]);
  return text;
}

jetstream::AccountLimits ToLimits(const AccountJetStreamLimits& from) {
  return {.max_memory = from.max_memory,
          .max_storage = from.max_store,
          .max_streams = from.max_streams,
          .max_consumers = from.max_consumers,
          .max_ack_pending = from.max_ack_pending,
          .memory_max_stream_bytes = from.memory_max_stream_bytes,
          .storage_max_stream_bytes = from.store_max_stream_bytes,
          .max_bytes_required = from.max_bytes_required};
}

// Whether it exists or not, as in the reference.
std::string TemporaryDirectory() {
  const char* set = std::getenv("TMPDIR");
  return set == nullptr || *set == '\0' ? "/tmp" : set;
}

std::string StoreOf(const std::string& directory) {
  return (fs::path(directory) / "db").string();
}

// Servers that were told no directory, as tests start many of them, must not stand in each other's
// way: the first one that no process uses, of "<directory>", "<directory>-2", ...
std::string FreeDirectory(const std::string& directory, Log& log) {
  constexpr int kMost = 1000;
  for (int n = 1; n <= kMost; ++n) {
    std::string candidate = n == 1 ? directory : Cat(directory, "-", n);
    std::string database = StoreOf(candidate);
    std::error_code ignored;
    fs::create_directories(database, ignored);
    auto lock = storage::Database::DirectoryLock::Take(database);
    if (lock.ok() || lock.status().code() != StatusCode::kUnavailable) {
      if (n > 1) {
        log.Warn("Temporary storage directory ", directory, " is in use, ", candidate,
                 " takes its place; set store_dir to choose one");
      }
      return candidate;  // what is wrong with it is told when it is opened
    }
  }
  return directory;
}

}  // namespace

// JetStream's stores are storage's, opened by the terms of the environment.
class JetStreamPart::Stores : public jetstream::StoreFactory {
 public:
  explicit Stores(JetStreamPart& part) : part_(part), set_(*part.store_set_) {}

  StatusOr<std::unique_ptr<storage::StreamStore>> Open(const Spec& spec) override {
    return set_.Open({.id = spec.id,
                      .memory = spec.memory,
                      .is_new = spec.is_new,
                      .first_seq = spec.first_seq,
                      .home = spec.home,
                      .compress = spec.compress,
                      .cancel = &part_.stop_reading_});
  }
  std::optional<storage::PeekedState> Peek(StreamId id) override { return set_.Peek(id); }
  void RunBlocking(Task work) override {
    if (part_.readers_ != nullptr) {
      part_.readers_->Run(std::move(work));
    }
  }

 private:
  JetStreamPart& part_;
  storage::StoreSet& set_;
};

JetStreamPart::JetStreamPart(Server& server) : server_(server) {}

JetStreamPart::~JetStreamPart() = default;

Server::Part JetStreamPart::AsPart() {
  return {.start = [this]() -> Status {
            if (server_.context().options.jetstream.enabled) {
              EnableAccounts();
              if (Status started = Start(); !started.ok()) {
                return Annotate(started, "Can't start JetStream");
              }
              InstallCommitHooks();
              running_ = true;
            }
            return OkStatus();
          },
          .serve =
              [this](Task next) {
                if (running_) {
                  jetstream_->Start(std::move(next));
                } else {
                  std::move(next)();
                }
              },
          .stop = [this] { Stop(); },
          .reload = [this](const std::vector<ReloadChange>& changes) { OnReload(changes); },
          .after_reload =
              [this](const std::vector<ReloadChange>&) {
                AfterReload();
              }};
}

void JetStreamPart::ReadOptions() {
  const JetStreamSettings& from = server_.context().options.jetstream;
  bool temporary = from.store_dir.empty();
  std::string base = temporary ? Cat(TemporaryDirectory(), "/nats") : from.store_dir;
  directory_ = (fs::path(base) / "jetstream").string();
  if (temporary) {
    directory_ = FreeDirectory(directory_, server_.context().log);
  }
  options_.domain = from.domain;
  options_.strict = from.strict;
  options_.long_ack_subjects = FeatureFlags(server_.context().options).at("js_ack_fc_v2");
  options_.sync_always = from.sync_always;
  options_.max_memory_store =
      from.max_memory >= 0 ? from.max_memory : ThreeQuarters(SystemMemory());
  options_.max_file_store =
      from.max_file >= 0 ? from.max_file : ThreeQuarters(FreeDisk(directory_));
  ReadLimits();
  options_.max_buffered_msgs = from.max_buffered_messages;
  options_.max_buffered_bytes = from.max_buffered_bytes;
  options_.request_queue_limit = from.request_queue_limit;
  options_.info_queue_limit = from.info_queue_limit;
  options_.max_payload = server_.context().options.limits.max_payload;
  const Identity& identity = server_.context().identity;
  identity_ = {identity.id, identity.name, std::string(kAnnouncedVersion)};
}

// What streams and consumers may ask for from now on.
void JetStreamPart::ReadLimits() {
  const JetStreamLimits& from = server_.context().options.jetstream.limits;
  const jetstream::JetStreamOptions standard;
  options_.default_max_consumers =
      from.default_max_consumers != 0 ? from.default_max_consumers : standard.default_max_consumers;
  options_.max_ack_pending =
      from.max_ack_pending > 0 ? from.max_ack_pending : standard.max_ack_pending;
  options_.max_request_batch = from.max_request_batch;
  options_.max_batch_messages = from.max_batch_size;
  options_.max_batches_per_stream = from.max_batch_inflight_per_stream;
  options_.max_batches_total = from.max_batch_inflight_total;
  options_.batch_timeout_ns = from.max_batch_timeout_ns;
  options_.duplicate_window_ns = from.duplicate_window_ns;
}

// All workers rest.
void JetStreamPart::OnReload(const std::vector<ReloadChange>& changes) {
  const JetStreamSettings& from = server_.context().options.jetstream;
  if (running_ && !from.enabled) {
    running_ = false;
    DisableAccounts();
  }
  if (!running_) {
    return;
  }
  ReadLimits();
  if (std::any_of(changes.begin(), changes.end(), [](const ReloadChange& change) {
        return change.part == ReloadPart::kJetStreamSizes;
      })) {
    options_.max_memory_store = from.max_memory >= 0 ? from.max_memory : options_.max_memory_store;
    options_.max_file_store = from.max_file >= 0 ? from.max_file : options_.max_file_store;
  }
  EnableAccounts();
  jetstream_->AccountsChanged();
  if (keeper_ && keeper_->full()) {
    jetstream_->catalog().server_usage().max_storage = 0;
  }
}

void JetStreamPart::AfterReload() {
  bool wanted = server_.context().options.jetstream.enabled;
  if (wanted && jetstream_ == nullptr) {
    SwitchOn();
  } else if (!wanted && jetstream_ != nullptr) {
    SwitchOff();
  }
}

void JetStreamPart::SwitchOn() {
  Log& log = server_.context().log;
  log.Info("Restarting JetStream");
  server_.WhileWorkersRest([this] { EnableAccounts(); });
  if (Status started = Start(); !started.ok()) {
    log.Warn("Can't start JetStream: ", weir::Message(started));
    server_.WhileWorkersRest([this] { DisableAccounts(); });
    Close();
    return;
  }
  server_.WhileWorkersRest([this] {
    InstallCommitHooks();
    running_ = true;
  });
  std::promise<void> ready;
  jetstream_->Start([&ready] { ready.set_value(); });
  ready.get_future().wait();
  if (start_dependents_) {
    start_dependents_();
  }
}

// Pages and requests that are under way may use JetStream until they are done: each takes a few
// rounds through the workers at most.
void JetStreamPart::SwitchOff() {
  constexpr int kRounds = 4;
  if (end_dependents_) {
    end_dependents_();
  }
  server_.RunOnAllWorkers([this](Worker& worker) {
    if (worker.index() == 0) {
      jetstream_->CloseApi();
    }
  });
  Stop();
  for (int i = 0; i < kRounds; ++i) {
    server_.RunOnAllWorkers([](Worker&) {});
  }
  server_.WhileWorkersRest([this] {
    for (const auto& worker : server_.workers()) {
      worker->SetCommitHook(nullptr);
    }
    jetstream_.reset();
    homes_.clear();
  });
  Close();
}

void JetStreamPart::Close() {
  keeper_.reset();
  jetstream_.reset();
  homes_.clear();
  stop_reading_ = true;
  readers_.reset();
  stores_.reset();
  store_set_.reset();
  commits_.reset();
  meta_.reset();
  pool_.reset();
  database_.reset();
}

void JetStreamPart::DisableAccounts() {
  server_.context().accounts.ForEach([](Account& account) { account.jetstream_limits.reset(); });
}

// The configured accounts that ask for it; the global account when none but the system account is
// configured.
void JetStreamPart::EnableAccounts() {
  ServerContext& context = server_.context();
  DisableAccounts();
  bool others = false;
  for (const AccountOptions& options : context.options.accounts) {
    Account& account = context.accounts.Add(options.name);
    if (options.jetstream) {
      account.jetstream_limits = ToLimits(options.jetstream_limits);
    }
    others = others || !account.is_system();
  }
  if (!others) {
    context.accounts.Get(kGlobalAccount).jetstream_limits = jetstream::AccountLimits{};
  }
}

void JetStreamPart::LogBanner() const {
  Log& log = server_.context().log;
  if (server_.context().options.jetstream.store_dir.empty()) {
    log.Warn("Temporary storage directory used, data could be lost on system reboot");
  }
  log.Info("---------------- JETSTREAM ----------------");
  log.Info("  Strict:          ", options_.strict ? "true" : "false");
  log.Info("  Max Memory:      ", FriendlyBytes(options_.max_memory_store));
  log.Info("  Max Storage:     ", FriendlyBytes(options_.max_file_store));
  log.Info("  Store Directory: \"", directory_, "\"");
  if (!options_.domain.empty()) {
    log.Info("  Domain:          ", options_.domain);
  }
  log.Info("  API Level:       5");
  log.Info("  Sync:            ",
           options_.sync_always
               ? std::string("always")
               : FormatDuration(server_.context().options.jetstream.sync_interval_ns));
  log.Info("-------------------------------------------");
}

Status JetStreamPart::OpenStorage() {
  using storage::RocksCommitQueue;
  ServerContext& context = server_.context();
  storage::Database::Options database;
  database.directory = StoreOf(directory_);
  database.log = &context.log;
  const JetStreamSettings& settings = context.options.jetstream;
  database.encryption = {
      .key = settings.encryption_key,
      .previous_key = settings.previous_encryption_key,
      .cipher = settings.cipher == "aes" ? storage::Cipher::kAes : storage::Cipher::kChaCha};
  WEIR_ASSIGN_OR_RETURN(database_, storage::Database::Open(database));
  pool_ = std::make_unique<storage::BlockingPool>("weir-disk", kDiskThreads);
  meta_ = std::make_unique<storage::RocksMetaStore>(*database_);
  RocksCommitQueue::Options commits;
  commits.policy = options_.sync_always ? RocksCommitQueue::SyncPolicy::kAlways
                                        : RocksCommitQueue::SyncPolicy::kBuffered;
  commits.sync_interval = std::chrono::milliseconds(
      std::max<int64_t>(context.options.jetstream.sync_interval_ns / 1'000'000, 1));
  commits_ = std::make_unique<RocksCommitQueue>(*database_, commits);
  store_set_ = std::make_unique<storage::StoreSet>(database_.get(), pool_.get(), context.log);
  stop_reading_ = false;
  int threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()) / 2, 1, 4);
  readers_ = std::make_unique<storage::BlockingPool>("weir-open", threads);
  stores_ = std::make_unique<Stores>(*this);
  return OkStatus();
}

// A full disk: what would grow is refused, what shrinks or reads goes on, and publishers are let in
// again as soon as there is room.
void JetStreamPart::KeepStore() {
  storage::StoreKeeper::Options options;
  options.on_full = [this](bool full) {
    jetstream_->catalog().server_usage().max_storage = full ? 0 : options_.max_file_store;
    Log& log = server_.context().log;
    if (full) {
      log.Error("JetStream: no room on the disk of ", directory_,
                ": file streams take no messages");
    } else {
      log.Info("JetStream: there is room on the disk of ", directory_, " again");
    }
  };
  keeper_ = std::make_unique<storage::StoreKeeper>(*database_, std::move(options));
}

Status JetStreamPart::Start() {
  ServerContext& context = server_.context();
  int64_t began = context.clock.steady_ns();
  context.log.Info("Starting JetStream");
  ReadOptions();
  LogBanner();
  WEIR_RETURN_IF_ERROR(OpenStorage());
  std::vector<jetstream::Environment*> environments;
  for (const auto& worker : server_.workers()) {
    homes_.push_back(std::make_unique<Home>(*worker));
    Home& home = *homes_.back();
    home.environment.reset(new jetstream::Environment{.executor = *worker,
                                                      .clock = context.clock,
                                                      .timers = worker->timers(),
                                                      .random = worker->random(),
                                                      .router = home.router,
                                                      .log = context.log,
                                                      .commits = *commits_,
                                                      .meta = *meta_,
                                                      .stores = *stores_,
                                                      .accounts = context.accounts,
                                                      .options = options_,
                                                      .server = identity_,
                                                      .request_commit = [w = worker.get()] {
                                                        w->RequestCommit();
                                                      }});
    environments.push_back(home.environment.get());
  }
  jetstream_ = std::make_unique<jetstream::JetStream>(environments);
  WEIR_ASSIGN_OR_RETURN(report_, jetstream_->Recover());
  if (report_.streams > 0) {
    context.log.Info("  Restored ", report_.streams, " streams and ", report_.consumers,
                     " consumers");
  }
  pool_->Run([this, &log = context.log] {
    if (Status settled = database_->Settle(); !settled.ok()) {
      log.Error(weir::Message(settled));
    }
  });
  KeepStore();
  context.log.Info("Took ", FormatDuration(context.clock.steady_ns() - began),
                   " to start JetStream");
  return OkStatus();
}

// Before the workers run, or while they rest.
void JetStreamPart::InstallCommitHooks() {
  for (size_t i = 0; i < server_.workers().size(); ++i) {
    server_.workers()[i]->SetCommitHook([this, i] { jetstream_->shard(i).Commit(); });
  }
}

void JetStreamPart::Stop() {
  if (!jetstream_) {
    return;
  }
  Log& log = server_.context().log;
  log.Info("Initiating JetStream Shutdown...");
  if (keeper_) {
    keeper_->Stop();
  }
  // Streams that are still being read stay as they are on the disk. Workers ask for reading at
  // their start only, so that nobody uses the pool any more.
  stop_reading_ = true;
  server_.RunOnAllWorkers([](Worker&) {});
  readers_.reset();
  // Each home stages its last batch and submits it at the end of that turn; the second round sees
  // those turns ended.
  server_.RunOnAllWorkers([this](Worker& worker) { jetstream_->shard(worker.index()).Shutdown(); });
  server_.RunOnAllWorkers([](Worker&) {});
  commits_->Drain();
  server_.RunOnAllWorkers([](Worker&) {});
  log.Info("JetStream Shutdown");
}

}  // namespace weir::server

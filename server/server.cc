#include "server/server.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <latch>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/json.h"
#include "protocol/base/mutex.h"
#include "server/lame_duck.h"
#include "server/local_addresses.h"
#include "server/nkey.h"
#include "server/start_log.h"
#include "server/start_memory.h"

namespace weir::server {

namespace {

class SystemClock : public Clock {
 public:
  int64_t steady_ns() const override { return Read(CLOCK_MONOTONIC); }
  int64_t wall_ns() const override { return Read(CLOCK_REALTIME); }

 private:
  static int64_t Read(clockid_t id) {
    timespec now{};
    clock_gettime(id, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  }
};

// Go's names for the signals, which appear in the log (server-config.md 2).
std::string_view SignalName(int number) {
  switch (number) {
    case SIGINT:
      return "interrupt";
    case SIGTERM:
      return "terminated";
    case SIGHUP:
      return "hangup";
    case SIGUSR1:
      return "user defined signal 1";
    case SIGUSR2:
      return "user defined signal 2";
    default:
      return "signal";
  }
}

constexpr int kHashThreads = 1;

std::string ExecutableName() {
  std::ifstream in("/proc/self/cmdline");
  std::string first;
  std::getline(in, first, '\0');
  size_t slash = first.rfind('/');
  return slash == std::string::npos ? first : first.substr(slash + 1);
}

// How what listens on `host` can be reached: with a wildcard, by every address of this machine.
std::vector<std::string> UrlsOf(std::string_view scheme, const std::string& host, int port) {
  std::vector<std::string> urls;
  for (const std::string& address : AddressesOf(host)) {
    bool v6 = address.find(':') != std::string::npos;
    urls.push_back(Cat(scheme, "://", v6 ? "[" : "", address, v6 ? "]" : "", ":", port));
  }
  return urls;
}

Status WriteFile(const std::string& path, std::string_view content, int mode) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) {
    return Unavailable(Cat("could not write ", path, ": ", std::strerror(errno)));
  }
  bool ok = ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  ::close(fd);
  return ok ? OkStatus() : Unavailable(Cat("could not write ", path, ": ", std::strerror(errno)));
}

}  // namespace

// The main thread waits here while the workers serve.
struct Server::Stopping {
  Mutex mu;
  std::condition_variable wake;
  bool requested ABSL_GUARDED_BY(mu) = false;
  std::vector<std::function<void(const Status&)>> reloads ABSL_GUARDED_BY(mu);
};

int DefaultWorkers(unsigned hardware_threads) {
  // Half of the machine: a worker is rarely the bottleneck, and a hop between two workers costs
  // more than it saves as long as one of them would do. One on two threads (measured, THREADING.md
  // 8).
  return static_cast<int>(std::clamp(hardware_threads / 2, 1U, 64U));
}

Server::Server(Options options, Log& log)
    : options_(std::move(options)),
      log_(log),
      clock_(std::make_unique<SystemClock>()),
      accounts_(options_.system_account),
      stopping_(std::make_unique<Stopping>()) {
  identity_.id = NewPublicNkey(NkeyType::kServer);
  identity_.name = options_.server_name.empty() ? identity_.id : options_.server_name;
  identity_.xkey = NewPublicNkey(NkeyType::kCurve);
  NameCluster(options_, {});
  for (const AccountOptions& account : options_.accounts) {
    accounts_.Add(account.name);
  }
  authenticator_ =
      std::make_unique<Authenticator>(options_.auth, accounts_, options_.tls.verify_and_map);
  context_.reset(new ServerContext{.options = options_,
                                   .identity = identity_,
                                   .log = log_,
                                   .clock = *clock_,
                                   .accounts = accounts_,
                                   .authenticator = *authenticator_,
                                   .counters = counters_});
  context_->started_wall_ns = clock_->wall_ns();
  context_->config_loaded_wall_ns = context_->started_wall_ns;
  int count =
      options_.workers > 0 ? options_.workers : DefaultWorkers(std::thread::hardware_concurrency());
  for (int i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<Worker>(static_cast<uint8_t>(i), *context_));
  }
  for (auto& worker : workers_) {
    worker->SetPeers(workers_);
  }
}

Server::~Server() = default;

// A cluster that listens without having been named gets a name, which a reload keeps.
void Server::NameCluster(Options& options, std::string_view old) {
  ClusterOptions& cluster = options.cluster;
  if (cluster.name.empty() && cluster.listen.port != 0) {
    Random random;
    cluster.name = old.empty() ? Nuid(random) : std::string(old);
  }
}

StatusOr<Server::AccountMappers> Server::MakeMappers(const Options& options) {
  AccountMappers mappers;
  WEIR_ASSIGN_OR_RETURN(SubjectMapper global, SubjectMapper::Make(options.mappings));
  mappers.emplace_back("$G", std::move(global));
  for (const AccountOptions& account : options.accounts) {
    WEIR_ASSIGN_OR_RETURN(SubjectMapper mapper, SubjectMapper::Make(account.mappings));
    mappers.emplace_back(account.name, std::move(mapper));
  }
  return mappers;
}

// Gives every account what its block says, and takes it from those that have none (any more).
void Server::ConfigureAccounts(AccountMappers mappers) {
  accounts_.ForEach([](Account& account) {
    account.configured = account.id() == kGlobalAccount || account.is_system();
    account.mapper = {};
    account.trace_destination.clear();
    account.limits = {};
  });
  for (const AccountOptions& options : options_.accounts) {
    Account& account = accounts_.Add(options.name);
    account.configured = true;
    account.trace_destination = options.trace_destination;
    account.trace_sampling = options.trace_sampling;
    account.limits = options.limits;
  }
  for (auto& [name, mapper] : mappers) {
    accounts_.Add(name).mapper = std::move(mapper);
  }
}

// Hashes are checked by threads of their own: one takes a tenth of a second.
void Server::StartPasswords() {
  if (authenticator_->uses_bcrypt() && context_->passwords == nullptr) {
    context_->passwords = std::make_unique<storage::BlockingPool>("weir-passwords", kHashThreads);
  }
}

Status Server::StartParts() {
  for (Part& part : parts_) {
    ++started_parts_;
    if (part.start) {
      WEIR_RETURN_IF_ERROR(part.start());
    }
  }
  return OkStatus();
}

// Bare digits: the config reloader reads the whole file as a number. It stays when the server ends.
Status Server::WritePidFile() {
  if (options_.pid_file.empty()) {
    return OkStatus();
  }
  return Annotate(WriteFile(options_.pid_file, Cat(::getpid()), 0600), "Could not write pidfile");
}

Status Server::WritePortsFile() {
  if (!options_.ports_file_dir.empty()) {
    JsonWriter out;
    bool tls = options_.tls.enabled && !options_.allow_non_tls;
    out.OpenObject().Strings(
        "nats", UrlsOf(tls ? "tls" : "nats", options_.client.host, context_->client_port.load()));
    if (int port = context_->monitor_port.load(); port != 0) {
      out.Strings("monitoring", UrlsOf(options_.monitor.https_port != 0 ? "https" : "http",
                                       options_.monitor.host, port));
    }
    out.CloseObject();
    std::string path =
        Cat(options_.ports_file_dir, "/", ExecutableName(), "_", ::getpid(), ".ports");
    WEIR_RETURN_IF_ERROR(WriteFile(path, out.text(), 0644));
    ports_file_ = path;
  }
  return OkStatus();
}

void Server::RemovePortsFile() {
  if (!ports_file_.empty()) {
    ::unlink(ports_file_.c_str());
  }
}

void Server::RequestStop() {
  {
    MutexLock lock(stopping_->mu);
    stopping_->requested = true;
  }
  stopping_->wake.notify_all();
}

void Server::RequestReload(std::function<void(const Status&)> done) {
  {
    MutexLock lock(stopping_->mu);
    stopping_->reloads.push_back(std::move(done));
  }
  stopping_->wake.notify_all();
}

// The main thread, which reloads meanwhile.
void Server::WaitForStop() {
  while (true) {
    std::vector<std::function<void(const Status&)>> reloads;
    {
      MutexLock lock(stopping_->mu);
      while (!stopping_->requested && stopping_->reloads.empty()) {
        lock.Wait(stopping_->wake);
      }
      if (stopping_->requested) {
        return;
      }
      reloads.swap(stopping_->reloads);
    }
    for (const auto& done : reloads) {
      done(Reload());
    }
  }
}

void Server::OnSignal(int number) {
  log_.Info("Trapped ", Quoted(SignalName(number)), " signal");
  if (number == SIGUSR1 && reopen_log_) {
    reopen_log_();
  } else if (number == SIGHUP) {
    RequestReload([this](const Status& reloaded) {
      if (!reloaded.ok()) {
        log_.Error("Failed to reload server configuration: ", weir::Message(reloaded));
      }
    });
  } else if (number == SIGUSR2) {
    EnterLameDuckMode();
  } else if (number == SIGINT || (number == SIGTERM && !lame_duck_)) {
    RequestStop();
  }
}

void Server::EnterLameDuckMode() {
  if (lame_duck_) {
    return;
  }
  log_.Info("Entering lame duck mode, stop accepting new clients");
  context_->accepting = false;
  if (context_->observer != nullptr) {
    context_->observer->OnLameDuck();
  }
  listener_->Close();
  lame_duck_ = std::make_unique<LameDuck>(*context_, workers_, [this] { RequestStop(); });
  lame_duck_->Start();
}

Status Server::Run() {
  LogStart(log_, options_, identity_);
  WEIR_RETURN_IF_ERROR(WritePidFile());
  WEIR_ASSIGN_OR_RETURN(AccountMappers mappers, MakeMappers(options_));
  ConfigureAccounts(std::move(mappers));
  if (options_.tls.enabled) {
    WEIR_ASSIGN_OR_RETURN(context_->client_tls, TlsContext::Make(options_.tls));
    if (options_.tls.connection_rate_limit > 0) {
      context_->tls_rate = std::make_unique<RateCounter>(options_.tls.connection_rate_limit);
    }
  }
  StartPasswords();
  if (Status started = StartParts(); !started.ok()) {
    StopEverything();
    return started;
  }
  listener_ = std::make_unique<Listener>(*context_, workers_);
  if (Status listening = listener_->Listen(options_.client); !listening.ok()) {
    StopEverything();
    return InvalidArgument(Cat("Error listening on port: ", options_.client.host, ":",
                               options_.client.port, ", \"", weir::Message(listening), "\""));
  }
  if (Status written = WritePortsFile(); !written.ok()) {
    StopEverything();
    return written;
  }
  boost::asio::signal_set signals(workers_.front()->io(), SIGINT, SIGTERM, SIGUSR1);
  signals.add(SIGUSR2);
  signals.add(SIGHUP);
  std::function<void()> next_signal = [&] {
    signals.async_wait([&](boost::system::error_code error, int number) {
      if (!error) {
        OnSignal(number);
        next_signal();
      }
    });
  };
  next_signal();
  for (auto& worker : workers_) {
    threads_.emplace_back([&worker] { worker->Run(); });
  }
  workers_.front()->Post([this] { ServeFrom(0); });
  WaitForStop();
  log_.Info("Initiating Shutdown...");
  context_->accepting = false;
  workers_.front()->Post([this, &signals] {
    listener_->Close();
    signals.cancel();
  });
  StopEverything();
  RemovePortsFile();
  log_.Info("Server Exiting..");
  return OkStatus();
}

// Each part says when the next may go on; behind the last one clients are let in.
void Server::ServeFrom(size_t part) {
  while (part < parts_.size() && !parts_[part].serve) {
    ++part;
  }
  if (part == parts_.size()) {
    OpenListener();
    return;
  }
  parts_[part].serve([this, part] { ServeFrom(part + 1); });
}

void Server::OpenListener() {
  log_.Info("Listening for client connections on ", options_.client.host, ":",
            context_->client_port.load());
  if (options_.proxy_protocol) {
    log_.Info("PROXY protocol enabled for client connections");
  }
  if (context_->client_tls) {
    bool first_only = options_.tls.handshake_first && options_.tls.handshake_first_fallback_ns == 0;
    log_.Info("TLS ", options_.allow_non_tls && !first_only ? "available" : "required",
              " for client connections");
    if (first_only) {
      log_.Warn("Clients that are not using \"TLS Handshake First\" option will fail to connect");
    }
  }
  listener_->StartAccepting();
  context_->accepting = true;
  log_.Info("Server is ready");
  GiveBackStartMemory();
  GiveBackStartMemory();
}

void Server::RunOnAllWorkers(const std::function<void(Worker&)>& task) {
  if (threads_.empty()) {
    for (auto& worker : workers_) {
      task(*worker);
    }
    return;
  }
  std::latch done(static_cast<std::ptrdiff_t>(workers_.size()));
  for (auto& worker : workers_) {
    worker->Post([&task, &done, w = worker.get()] {
      task(*w);
      // A task posted now runs behind the turn that `task` has made dirty.
      w->Post([&done] { done.count_down(); });
    });
  }
  done.wait();
}

void Server::WhileWorkersRest(const std::function<void()>& task) {
  struct Meeting {
    explicit Meeting(size_t workers) : arrived(static_cast<std::ptrdiff_t>(workers)) {}
    std::latch arrived;
    std::latch over{1};
  };
  // Owned by everybody: the last worker to leave is not waited for.
  auto meeting = std::make_shared<Meeting>(workers_.size());
  for (auto& worker : workers_) {
    // Not as mail, which a session may drain in the middle of its work.
    boost::asio::post(worker->io(), [meeting] {
      meeting->arrived.count_down();
      meeting->over.wait();
    });
  }
  meeting->arrived.wait();
  task();
  meeting->over.count_down();
}

void Server::StopEverything() {
  while (started_parts_ > 0) {
    --started_parts_;
    if (parts_[started_parts_].stop) {
      parts_[started_parts_].stop();
    }
  }
  // Two posts: the first marks the connections and their turn tears them down, the second ends the
  // loop behind that turn.
  for (auto& worker : workers_) {
    worker->Post([w = worker.get()] {
      w->CloseAll(CloseReason::kServerShutdown);
      w->Post([w] { w->Stop(); });
    });
  }
  for (auto& thread : threads_) {
    thread.join();
  }
  threads_.clear();
  context_->passwords.reset();
  for (auto& worker : workers_) {
    worker->DiscardMail();
  }
}

}  // namespace weir::server

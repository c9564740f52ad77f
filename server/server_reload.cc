// A reload of the configuration: all of it or nothing.

#include <algorithm>
#include <memory>
#include <utility>

#include <unistd.h>

#include "server/server.h"

namespace weir::server {

namespace {

bool Concerns(const std::vector<ReloadChange>& changes, ReloadPart part) {
  return std::any_of(changes.begin(), changes.end(),
                     [part](const ReloadChange& change) { return change.part == part; });
}

}  // namespace

Status Server::Reload() {
  if (options_.config_file.empty() || !reloading_.load) {
    return FailedPrecondition(
        "can only reload config when a file is provided using -c or --config");
  }
  WEIR_ASSIGN_OR_RETURN(Options fresh, reloading_.load());
  // A random port stays the one that it has become.
  for (auto [running, wanted] : {std::pair{&options_.client.port, &fresh.client.port},
                                 {&options_.monitor.http_port, &fresh.monitor.http_port},
                                 {&options_.monitor.https_port, &fresh.monitor.https_port}}) {
    *wanted = *wanted == -1 ? *running : *wanted;
  }
  NameCluster(fresh, options_.cluster.name);
  WEIR_ASSIGN_OR_RETURN(std::vector<ReloadChange> changes, CompareOptions(options_, fresh));
  WEIR_ASSIGN_OR_RETURN(AccountMappers mappers, MakeMappers(fresh));
  std::shared_ptr<const TlsContext> tls;
  if (fresh.tls.enabled) {
    WEIR_ASSIGN_OR_RETURN(tls, TlsContext::Make(fresh.tls));
  }
  if (Concerns(changes, ReloadPart::kLog)) {
    WEIR_RETURN_IF_ERROR(reloading_.check_log(fresh.log));
  }
  for (size_t i = 0; i < started_parts_; ++i) {
    if (parts_[i].check_reload) {
      WEIR_RETURN_IF_ERROR(parts_[i].check_reload(fresh));
    }
  }
  bool pins_changed = options_.tls.pinned_certs != fresh.tls.pinned_certs;
  WhileWorkersRest([&] { Apply(std::move(fresh), changes, std::move(mappers), std::move(tls)); });
  for (size_t i = 0; i < started_parts_; ++i) {
    if (parts_[i].after_reload) {
      parts_[i].after_reload(changes);
    }
  }
  context_->config_loaded_wall_ns = clock_->wall_ns();
  log_.Info("Reloaded server configuration (", options_.config_digest, ")");
  if (pins_changed) {
    WhileWorkersRest([this] { DropUnpinned(); });
  }
  return OkStatus();
}

// The order of the log's lines is the reference's: each change, then what became of the clients.
void Server::Apply(Options fresh, const std::vector<ReloadChange>& changes, AccountMappers mappers,
                   std::shared_ptr<const TlsContext> tls) {
  options_ = std::move(fresh);
  context_->client_tls = std::move(tls);
  for (const ReloadChange& change : changes) {
    ApplyChange(change);
  }
  if (Concerns(changes, ReloadPart::kLog)) {
    if (Status restarted = reloading_.restart_log(options_.log); !restarted.ok()) {
      log_.Error("The log stays where it is: ", weir::Message(restarted));
    }
  }
  ConfigureAccounts(std::move(mappers));
  *authenticator_ = Authenticator(options_.auth, accounts_, options_.tls.verify_and_map);
  StartPasswords();
  for (auto& worker : workers_) {
    worker->ForEachConnection(
        [](Connection& connection) { connection.OnReload(/*authorization=*/true); });
  }
  for (size_t i = 0; i < started_parts_; ++i) {
    if (parts_[i].reload) {
      parts_[i].reload(changes);
    }
  }
}

void Server::ApplyChange(const ReloadChange& change) {
  std::string_view verb = "Reloaded: ";
  Status done;
  switch (change.part) {
    case ReloadPart::kMaxConnections:
      CloseExcess();
      break;
    case ReloadPart::kPidFile:
      if (options_.pid_file.empty()) {
        return;
      }
      if (done = WritePidFile(); !done.ok()) {
        log_.Error(weir::Message(done));
      }
      break;
    case ReloadPart::kPortsFile:
      if (!ports_file_.empty()) {
        ::unlink(std::exchange(ports_file_, {}).c_str());
      }
      if (done = WritePortsFile(); !done.ok()) {
        log_.Error("Error writing ports file to ", options_.ports_file_dir, ": ",
                   weir::Message(done));
      }
      break;
    case ReloadPart::kInfo:
      if (change.text.starts_with("client_advertise")) {
        verb = "Reload: ";  // the reference's word for this one
      }
      break;
    default:
      break;
  }
  log_.Info(verb, change.text);
}

// Closes connections by chance until the rest is as many as allowed.
void Server::CloseExcess() {
  std::vector<Connection*> open;
  for (auto& worker : workers_) {
    worker->ForEachConnection([&open](Connection& connection) { open.push_back(&connection); });
  }
  auto allowed = static_cast<size_t>(std::max<int64_t>(options_.limits.max_connections, 0));
  if (open.size() <= allowed) {
    return;
  }
  Random& random = workers_.front()->random();
  size_t excess = open.size() - allowed;
  for (size_t i = 0; i < excess; ++i) {
    std::swap(open[i], open[i + random.Below(open.size() - i)]);
    open[i]->RefuseMaxConnections();
  }
  log_.Info("Closed ", excess, " connections to fall within max_connections");
}

void Server::DropUnpinned() {
  size_t dropped = 0;
  for (auto& worker : workers_) {
    worker->ForEachConnection([&dropped](Connection& connection) {
      if (!connection.MatchesPins()) {
        connection.CloseNow(CloseReason::kTlsHandshakeFailure);
        ++dropped;
      }
    });
  }
  if (dropped > 0) {
    log_.Info("Disconnect ", dropped, " clients due to pinned certs reload");
  }
}

}  // namespace weir::server

#include "server/options.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "protocol/subject.h"
#include "server/config_file.h"
#include "server/options_reader.h"

namespace weir::server {

namespace {

constexpr int64_t kDiscouragedPayload = 8 << 20;

template <typename T>
void DefaultTo(T& value, const T& standard) {
  if (value == T{}) {
    value = standard;
  }
}

Status CheckLameDuck(const LameDuckOptions& lame_duck) {
  if (lame_duck.grace_period_ns < lame_duck.duration_ns) {
    return OkStatus();
  }
  return InvalidArgument(Cat("lame duck grace period (", FormatDuration(lame_duck.grace_period_ns),
                             ") should be strictly lower than lame duck duration (",
                             FormatDuration(lame_duck.duration_ns), ")"));
}

Status CheckNoAuthUser(const AuthOptions& auth) {
  if (auth.no_auth_user.empty()) {
    return OkStatus();
  }
  if (auth.users.empty()) {
    return InvalidArgument(
        Cat("no_auth_user: \"", auth.no_auth_user, "\" present, but users/nkeys are not defined"));
  }
  bool known = std::any_of(auth.users.begin(), auth.users.end(),
                           [&auth](const auto& user) { return user.name == auth.no_auth_user; });
  return known ? OkStatus()
               : InvalidArgument(Cat("no_auth_user: \"", auth.no_auth_user,
                                     "\" not present as user or nkey in authorization block or "
                                     "account configuration"));
}

Status CheckMonitor(const MonitorOptions& monitor, const TlsOptions& tls) {
  if (monitor.http_port != 0 && monitor.https_port != 0) {
    return InvalidArgument(Cat("can't specify both HTTP (", monitor.http_port, ") and HTTPs (",
                               monitor.https_port, ") ports"));
  }
  if (monitor.https_port != 0 && !tls.enabled) {
    return InvalidArgument("TLS cert and key required for HTTPS");
  }
  return OkStatus();
}

Status CheckDomain(const std::string& domain) {
  if (domain.empty()) {
    return OkStatus();
  }
  auto subject = Cat("$JS.", domain, ".API.>");
  if (!protocol::IsValidConfigPattern(subject)) {
    return InvalidArgument(
        Cat("invalid domain name: derived ", Quoted(subject), " is not a valid subject"));
  }
  if (domain.find_first_of(".*>") != std::string::npos) {
    return InvalidArgument("invalid domain name: may not contain ., * or >");
  }
  return OkStatus();
}

}  // namespace

Status LoadConfigFile(const std::string& path, Options& options) {
  options.config_file = path;
  WEIR_ASSIGN_OR_RETURN(ParsedConfig config, ParseConfigFile(path));
  options.config_digest = config.digest;
  OptionProblems problems;
  if (config.values.empty()) {
    problems.Warn(Cat(path, ": config has no values or is empty"));
  }
  ReadTopLevel(config.values, problems, options);
  for (const auto& feature : problems.unsupported()) {
    options.unsupported.push_back(feature);
  }
  if (problems.errors().empty()) {
    options.warnings.insert(options.warnings.end(), problems.warnings().begin(),
                            problems.warnings().end());
    return OkStatus();
  }
  auto lines = problems.warnings();
  lines.insert(lines.end(), problems.errors().begin(), problems.errors().end());
  return InvalidArgument(Join(lines, "\n"));
}

void ApplyDefaults(Options& options) {
  const Options standard;
  DefaultTo(options.client.host, standard.client.host);
  DefaultTo(options.client.port, standard.client.port);
  DefaultTo(options.monitor.host, options.client.host);
  auto& limits = options.limits;
  DefaultTo(limits.max_payload, standard.limits.max_payload);
  DefaultTo(limits.max_control_line, standard.limits.max_control_line);
  DefaultTo(limits.max_pending, standard.limits.max_pending);
  DefaultTo(limits.max_connections, standard.limits.max_connections);
  DefaultTo(limits.max_closed_clients, standard.limits.max_closed_clients);
  DefaultTo(limits.ping_interval_ns, standard.limits.ping_interval_ns);
  DefaultTo(limits.max_pings_out, standard.limits.max_pings_out);
  DefaultTo(limits.write_deadline_ns, standard.limits.write_deadline_ns);
  DefaultTo(options.log.connect_error_reports, standard.log.connect_error_reports);
  DefaultTo(options.log.reconnect_error_reports, standard.log.reconnect_error_reports);
  DefaultTo(options.lame_duck.duration_ns, standard.lame_duck.duration_ns);
  DefaultTo(options.lame_duck.grace_period_ns, standard.lame_duck.grace_period_ns);
  DefaultTo(options.tls.timeout_ns, standard.tls.timeout_ns);
  if (options.tls.enabled && !options.auth.timeout_given) {
    options.auth.timeout_ns = options.tls.timeout_ns + kSecondNs;
  }
  auto& jetstream = options.jetstream;
  DefaultTo(jetstream.limits.default_max_consumers, int64_t{1000});
  DefaultTo(jetstream.max_outstanding_catchup, standard.jetstream.max_outstanding_catchup);
  DefaultTo(jetstream.max_buffered_bytes, standard.jetstream.max_buffered_bytes);
  DefaultTo(jetstream.max_buffered_messages, standard.jetstream.max_buffered_messages);
  if (jetstream.request_queue_limit <= 0) {
    jetstream.request_queue_limit = standard.jetstream.request_queue_limit;
  }
  if (jetstream.info_queue_limit <= 0) {
    jetstream.info_queue_limit = jetstream.request_queue_limit;
  }
}

Status ValidateOptions(const Options& options) {
  WEIR_RETURN_IF_ERROR(CheckLameDuck(options.lame_duck));
  if (options.limits.max_payload > options.limits.max_pending) {
    return InvalidArgument(Cat("max_payload (", options.limits.max_payload,
                               ") cannot be higher than max_pending (", options.limits.max_pending,
                               ")"));
  }
  if (options.server_name.find(' ') != std::string::npos) {
    return InvalidArgument("server name cannot contain spaces");
  }
  WEIR_RETURN_IF_ERROR(CheckNoAuthUser(options.auth));
  WEIR_RETURN_IF_ERROR(CheckDomain(options.jetstream.domain));
  if (!options.exports.is_null() && !options.jetstream.enabled) {
    return InvalidArgument(Cat(options.exports_position, ": exports need JetStream"));
  }
  return CheckMonitor(options.monitor, options.tls);
}

Status RefuseUnsupported(const Options& options) {
  std::vector<std::string> lines;
  for (const auto& feature : options.unsupported) {
    if (feature.refused) {
      lines.push_back(Cat(feature.position, ": this server does not support ", feature.what));
    }
  }
  return lines.empty() ? OkStatus() : MakeStatus(StatusCode::kUnimplemented, Join(lines, "\n"));
}

bool IsBcrypt(std::string_view password) {
  return password.size() >= 7 && password.substr(0, 2) == "$2" &&
         std::string_view("abxy").find(password[2]) != std::string_view::npos &&
         password[3] == '$' && std::isdigit(static_cast<unsigned char>(password[4])) != 0 &&
         std::isdigit(static_cast<unsigned char>(password[5])) != 0 && password[6] == '$';
}

std::vector<std::string> SecurityWarnings(const Options& options) {
  const auto& auth = options.auth;
  bool plain = !auth.password.empty() && !IsBcrypt(auth.password);
  for (const auto& user : auth.users) {
    bool by_certificate = user.password.empty() && options.tls.verify_and_map;
    plain = plain || (!user.is_nkey && !by_certificate && !IsBcrypt(user.password));
  }
  if (!plain) {
    return {};
  }
  return {"Plaintext passwords detected, use nkeys or bcrypt"};
}

std::vector<std::string> StartupWarnings(const Options& options) {
  std::vector<std::string> lines;
  if (options.limits.max_payload > kDiscouragedPayload) {
    lines.emplace_back(
        "Maximum payloads over 8.00 MB are generally discouraged and could lead to poor "
        "performance");
  }
  if (options.cluster.configured) {
    lines.emplace_back("This server runs alone: the cluster block only gives it a cluster name");
  }
  for (const auto& feature : options.unsupported) {
    if (!feature.refused) {
      lines.push_back(
          Cat(feature.position, ": without effect, this server does not support ", feature.what));
    }
  }
  return lines;
}

}  // namespace weir::server

#include "server/options_reload.h"

#include <algorithm>
#include <cstdio>
#include <type_traits>
#include <utility>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

std::string Show(bool value) {
  return value ? "true" : "false";
}
std::string Show(const std::string& value) {
  return value;
}
template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
std::string Show(T value) {
  return Cat(value);
}

// A duration, so that it is shown as one.
struct Span {
  int64_t ns;
  bool operator==(const Span&) const = default;
};
std::string Show(Span value) {
  return FormatDuration(value.ns);
}

// A timeout, which the reference shows as a number of seconds.
struct Seconds {
  int64_t ns;
  bool operator==(const Seconds&) const = default;
};
std::string Show(Seconds value) {
  return Cat(static_cast<double>(value.ns) / static_cast<double>(kSecondNs));
}

// "1.50 GB", powers of 1024.
std::string ShowSize(int64_t bytes) {
  constexpr std::string_view kUnits = "KMGTPE";
  if (bytes < 1024) {
    return Cat(bytes, " B");
  }
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (value /= 1024; value >= 1024 && unit + 1 < kUnits.size(); ++unit) {
    value /= 1024;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %cB", value, kUnits[unit]);
  return text;
}

// Walks through the options and keeps the first change that cannot be made.
class Comparison {
 public:
  // A field that needs a restart. `name` is the reference's.
  template <typename T>
  void Fixed(std::string_view name, const T& running, const T& fresh) {
    if (running != fresh && status_.ok()) {
      status_ = FailedPrecondition(Cat("config reload not supported for ", name,
                                       ": old=", Show(running), ", new=", Show(fresh)));
    }
  }
  // The same for what should not be shown.
  template <typename T>
  void FixedSecret(std::string_view name, const T& running, const T& fresh) {
    if (running != fresh && status_.ok()) {
      status_ = FailedPrecondition(Cat("config reload not supported for ", name));
    }
  }
  void Refuse(std::string_view what) {
    if (status_.ok()) {
      status_ = FailedPrecondition(Cat("config reload not supported for ", what));
    }
  }

  // "name = value"
  template <typename T>
  void Value(ReloadPart part, std::string_view name, const T& running, const T& fresh) {
    if (running != fresh) {
      Note(part, Cat(name, " = ", Show(fresh)));
    }
  }
  // The name alone.
  template <typename T>
  void Name(ReloadPart part, std::string_view name, const T& running, const T& fresh) {
    if (running != fresh) {
      Note(part, name);
    }
  }
  void Note(ReloadPart part, std::string_view text) {
    changes_.push_back({part, std::string(text)});
  }

  StatusOr<std::vector<ReloadChange>> Finish() {
    if (!status_.ok()) {
      return status_;
    }
    return std::move(changes_);
  }

 private:
  Status status_;
  std::vector<ReloadChange> changes_;
};

void CompareEndpoints(Comparison& all, const Options& running, const Options& fresh) {
  all.Fixed("ServerName", running.server_name, fresh.server_name);
  all.Fixed("Host", running.client.host, fresh.client.host);
  if (fresh.client.port != -1) {
    all.Fixed("Port", running.client.port, fresh.client.port);
  }
  all.Fixed("HTTPHost", running.monitor.host, fresh.monitor.host);
  all.Fixed("HTTPPort", running.monitor.http_port, fresh.monitor.http_port);
  all.Fixed("HTTPBasePath", running.monitor.base_path, fresh.monitor.base_path);
  all.Fixed("HTTPSPort", running.monitor.https_port, fresh.monitor.https_port);
  all.Fixed("ProfPort", running.profile_port, fresh.profile_port);
  all.Fixed("Workers", running.workers, fresh.workers);
  all.Fixed("ProxyProtocol", running.proxy_protocol, fresh.proxy_protocol);
  all.Fixed("cluster host", running.cluster.listen.host, fresh.cluster.listen.host);
  all.Fixed("cluster port", running.cluster.listen.port, fresh.cluster.listen.port);
  all.Fixed("cluster name", running.cluster.name, fresh.cluster.name);
  all.FixedSecret("FeatureFlags", running.feature_flags, fresh.feature_flags);
  all.Value(ReloadPart::kInfo, "client_advertise", running.client_advertise,
            fresh.client_advertise);
}

void CompareLogLevels(Comparison& all, const LogOptions& running, const LogOptions& fresh) {
  constexpr auto kLog = ReloadPart::kLog;
  all.Value(kLog, "trace", running.trace, fresh.trace);
  all.Value(kLog, "debug", running.debug, fresh.debug);
  all.Value(kLog, "trace_verbose", running.trace_verbose, fresh.trace_verbose);
  all.Value(kLog, "trace_headers", running.trace_headers, fresh.trace_headers);
  all.Value(kLog, "logtime", running.timestamps, fresh.timestamps);
  all.Value(kLog, "logtime_utc", running.timestamps_utc, fresh.timestamps_utc);
}

void CompareLogPlaces(Comparison& all, const LogOptions& running, const LogOptions& fresh) {
  constexpr auto kLog = ReloadPart::kLog;
  all.Value(kLog, "log_file", running.file, fresh.file);
  all.Fixed("LogSizeLimit", running.file_size_limit, fresh.file_size_limit);
  all.Fixed("LogMaxFiles", running.file_max_num, fresh.file_max_num);
  all.Value(kLog, "syslog", running.syslog, fresh.syslog);
  all.Value(kLog, "remote_syslog", running.remote_syslog, fresh.remote_syslog);
}

void CompareReports(Comparison& all, const LogOptions& running, const LogOptions& fresh) {
  constexpr auto kLog = ReloadPart::kLog;
  all.Value(kLog, "max_traced_msg_len", running.max_traced_msg_len, fresh.max_traced_msg_len);
  all.Value(kLog, "connect_error_reports", running.connect_error_reports,
            fresh.connect_error_reports);
  all.Value(kLog, "reconnect_error_reports", running.reconnect_error_reports,
            fresh.reconnect_error_reports);
}

void CompareConnectionLimits(Comparison& all, const ClientLimits& running,
                             const ClientLimits& fresh) {
  all.Value(ReloadPart::kMaxConnections, "max_connections", running.max_connections,
            fresh.max_connections);
  all.Fixed("MaxSubs", running.max_subscriptions, fresh.max_subscriptions);
  all.Fixed("MaxSubTokens", running.max_subscription_tokens, fresh.max_subscription_tokens);
}

void ComparePings(Comparison& all, const ClientLimits& running, const ClientLimits& fresh) {
  constexpr auto kLimits = ReloadPart::kClientLimits;
  all.Value(kLimits, "ping_interval", Span{running.ping_interval_ns}, Span{fresh.ping_interval_ns});
  all.Value(kLimits, "ping_max", running.max_pings_out, fresh.max_pings_out);
}

void CompareSizes(Comparison& all, const ClientLimits& running, const ClientLimits& fresh) {
  constexpr auto kLimits = ReloadPart::kClientLimits;
  all.Value(kLimits, "max_control_line", running.max_control_line, fresh.max_control_line);
  all.Value(kLimits, "max_payload", running.max_payload, fresh.max_payload);
  all.Fixed("MaxPending", running.max_pending, fresh.max_pending);
  if (running.fast_producer_stall != fresh.fast_producer_stall) {
    all.Note(kLimits,
             Cat("fast producers will ", fresh.fast_producer_stall ? "" : "not ", "be stalled"));
  }
}

void CompareWrites(Comparison& all, const ClientLimits& running, const ClientLimits& fresh) {
  all.Value(ReloadPart::kClientLimits, "write_deadline", Span{running.write_deadline_ns},
            Span{fresh.write_deadline_ns});
  all.Fixed("WriteTimeout", running.close_on_write_timeout, fresh.close_on_write_timeout);
  all.Fixed("MaxClosedClients", running.max_closed_clients, fresh.max_closed_clients);
}

void CompareAuthorization(Comparison& all, const Options& running, const Options& fresh) {
  constexpr auto kAuth = ReloadPart::kAuthorization;
  const auto& old = running.auth;
  const auto& now = fresh.auth;
  // As in the reference, users and accounts always count as changed.
  all.Note(kAuth, "authorization users");
  all.Note(ReloadPart::kAccounts, "accounts");
  bool still_there = std::any_of(now.users.begin(), now.users.end(), [&old](const auto& user) {
    return user.name == old.no_auth_user;
  });
  if (!now.no_auth_user.empty() || old.no_auth_user.empty() || still_there) {
    all.Fixed("NoAuthUser", old.no_auth_user, now.no_auth_user);
  }
  all.Fixed("SystemAccount", running.system_account, fresh.system_account);
  all.Fixed("NoSystemAccount", running.no_system_account, fresh.no_system_account);
  all.Name(kAuth, "authorization username", old.username, now.username);
  all.Name(kAuth, "authorization password", old.password, now.password);
  all.Name(kAuth, "authorization token", old.token, now.token);
}

void CompareJetStreamSizes(Comparison& all, const JetStreamSettings& running,
                           const JetStreamSettings& fresh) {
  const struct {
    std::string_view name;
    int64_t old;
    int64_t now;
  } sizes[] = {{"max_mem_store", running.max_memory, fresh.max_memory},
               {"max_file_store", running.max_file, fresh.max_file}};
  for (const auto& [name, old, now] : sizes) {
    if (old == now) {
      continue;
    }
    if (old == -1) {
      all.Refuse("jetstream dynamic max memory and store");
    } else if (now == -1) {
      all.Refuse("jetstream max memory and max store");
    } else if (now < old) {
      all.Refuse("decreasing jetstream max memory and store");
    } else {
      all.Note(ReloadPart::kJetStreamSizes, Cat("JetStream ", name, " = ", ShowSize(now)));
    }
  }
}

void CompareJetStream(Comparison& all, const JetStreamSettings& running,
                      const JetStreamSettings& fresh) {
  all.Name(ReloadPart::kJetStream, "JetStream", running.enabled, fresh.enabled);
  if (running.enabled && fresh.enabled) {
    CompareJetStreamSizes(all, running, fresh);
    if (running.store_dir != fresh.store_dir) {
      all.Refuse(fresh.store_dir.empty() ? "jetstream storage dir" : "jetstream storage directory");
    }
    all.Fixed("JetStreamConcurrentIOs", running.max_concurrent_io, fresh.max_concurrent_io);
  }
  all.Fixed("JetStreamDomain", running.domain, fresh.domain);
  all.Fixed("JetStreamExtHint", running.extension_hint, fresh.extension_hint);
  all.FixedSecret("JetStreamKey", running.encryption_key, fresh.encryption_key);
  all.FixedSecret("JetStreamOldKey", running.previous_encryption_key,
                  fresh.previous_encryption_key);
  all.Fixed("JetStreamCipher", running.cipher, fresh.cipher);
  all.Fixed("JetStreamUniqueTag", running.unique_tag, fresh.unique_tag);
  all.Name(ReloadPart::kJetStreamLimits, "JetStream limits", running.limits, fresh.limits);
  all.Fixed("JetStreamMaxCatchup", running.max_outstanding_catchup, fresh.max_outstanding_catchup);
  all.Fixed("JetStreamRequestQueueLimit", running.request_queue_limit, fresh.request_queue_limit);
  all.Fixed("JetStreamInfoQueueLimit", running.info_queue_limit, fresh.info_queue_limit);
  all.Fixed("StreamMaxBufferedMsgs", running.max_buffered_messages, fresh.max_buffered_messages);
  all.Fixed("StreamMaxBufferedSize", running.max_buffered_bytes, fresh.max_buffered_bytes);
  all.Fixed("NoJetStreamStrict", !running.strict, !fresh.strict);
  all.Fixed("SyncInterval", Span{running.sync_interval_ns}, Span{fresh.sync_interval_ns});
  if (running.enabled && fresh.enabled) {
    // Without a jetstream block it has another default than in the reference.
    all.Fixed("SyncAlways", running.sync_always, fresh.sync_always);
  }
}

void CompareTls(Comparison& all, const Options& running, const Options& fresh) {
  constexpr auto kTls = ReloadPart::kTls;
  const auto& old = running.tls;
  const auto& now = fresh.tls;
  all.Value(kTls, "tls timeout", Seconds{old.timeout_ns}, Seconds{now.timeout_ns});
  // The files behind the same names may have changed: TLS is always taken anew.
  if (old.enabled || now.enabled) {
    all.Note(kTls, Cat("tls = ", now.enabled ? "enabled" : "disabled"));
  }
  if (old.pinned_certs != now.pinned_certs) {
    all.Note(kTls, Cat(now.pinned_certs.size(), " pinned_certs"));
  }
  if (old.handshake_first != now.handshake_first) {
    all.Note(kTls, Cat("Client TLS handshake first: ", Show(now.handshake_first)));
  }
  if (old.handshake_first_fallback_ns != now.handshake_first_fallback_ns) {
    all.Note(kTls, Cat("Client TLS handshake first fallback delay: ",
                       Show(Span{now.handshake_first_fallback_ns})));
  }
  all.Fixed("TLSMap", old.verify_and_map, now.verify_and_map);
  all.Fixed("TLSRateLimit", old.connection_rate_limit, now.connection_rate_limit);
  all.Fixed("AllowNonTLS", running.allow_non_tls, fresh.allow_non_tls);
}

}  // namespace

// The order is that of the reference's log.
StatusOr<std::vector<ReloadChange>> CompareOptions(const Options& running, const Options& fresh) {
  Comparison all;
  CompareEndpoints(all, running, fresh);
  CompareLogLevels(all, running.log, fresh.log);
  all.Fixed("NoHeaderSupport", !running.limits.headers, !fresh.limits.headers);
  CompareConnectionLimits(all, running.limits, fresh.limits);
  CompareAuthorization(all, running, fresh);
  ComparePings(all, running.limits, fresh.limits);
  all.Value(ReloadPart::kAuthorization, "authorization timeout", Seconds{running.auth.timeout_ns},
            Seconds{fresh.auth.timeout_ns});
  CompareSizes(all, running.limits, fresh.limits);
  CompareJetStream(all, running.jetstream, fresh.jetstream);
  all.Value(ReloadPart::kPidFile, "pid_file", running.pid_file, fresh.pid_file);
  all.Value(ReloadPart::kPortsFile, "ports_file_dir", running.ports_file_dir, fresh.ports_file_dir);
  CompareLogPlaces(all, running.log, fresh.log);
  CompareTls(all, running, fresh);
  CompareWrites(all, running.limits, fresh.limits);
  all.Fixed("LameDuckDuration", Span{running.lame_duck.duration_ns},
            Span{fresh.lame_duck.duration_ns});
  all.Fixed("LameDuckGracePeriod", Span{running.lame_duck.grace_period_ns},
            Span{fresh.lame_duck.grace_period_ns});
  CompareReports(all, running.log, fresh.log);
  all.Name(ReloadPart::kInfo, "tags", running.server_tags, fresh.server_tags);
  all.Name(ReloadPart::kInfo, "metadata", running.server_metadata, fresh.server_metadata);
  all.Name(ReloadPart::kExports, "exports", running.exports, fresh.exports);
  return all.Finish();
}

}  // namespace weir::server

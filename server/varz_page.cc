#include "server/varz_page.h"

#include <ctime>
#include <map>
#include <optional>
#include <utility>

#include <openssl/x509.h>

#include "server/feature_flags.h"
#include "server/git_commit.h"
#include "server/jetstream_report.h"
#include "server/tls_context.h"

namespace weir::server {

namespace {

// Dashboards and the CLI print what the announced version was built with; this server is not.
constexpr std::string_view kGoVersion = "go1.27.2";

double Seconds(int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / static_cast<double>(kSecondNs);
}

// When the certificate that clients are shown runs out.
std::optional<int64_t> CertificateEnd(const ServerContext& context) {
  const X509* certificate =
      context.client_tls ? SSL_CTX_get0_certificate(context.client_tls->native()) : nullptr;
  std::tm end{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
    return std::nullopt;
  }
  return int64_t{::timegm(&end)} * kSecondNs;
}

void WriteIdentity(JsonWriter& out, const PageSources& sources) {
  const Options& options = sources.options();
  const ServerContext& context = sources.context;
  out.Field("server_id", context.identity.id).Field("server_name", context.identity.name);
  out.Field("version", kAnnouncedVersion).Field("proto", 1);
  out.Optional("git_commit", GitCommit()).Field("go", kGoVersion);
  out.Field("host", options.client.host);
  out.Field("port", context.client_port.load(std::memory_order_relaxed));
  out.Optional("auth_required", context.authenticator.required());
  bool tls = options.tls.enabled;
  out.Optional("tls_required", tls);
  out.Optional("tls_verify", tls && (options.tls.verify || options.tls.verify_and_map));
}

void WriteLimits(JsonWriter& out, const PageSources& sources) {
  const Options& options = sources.options();
  const ClientLimits& limits = options.limits;
  const MonitorOptions& monitor = options.monitor;
  int monitor_port = sources.context.monitor_port.load(std::memory_order_relaxed);
  out.Field("max_connections", limits.max_connections);
  out.Optional("max_subscriptions", limits.max_subscriptions);
  out.Field("ping_interval", limits.ping_interval_ns).Field("ping_max", limits.max_pings_out);
  out.Field("http_host", monitor.host)
      .Field("http_port", monitor.http_port != 0 ? monitor_port : 0);
  out.Field("http_base_path", monitor.base_path);
  out.Field("https_port", monitor.https_port != 0 ? monitor_port : 0);
  out.Field("auth_timeout", Seconds(options.auth.timeout_ns));
  out.Field("max_control_line", limits.max_control_line);
  out.Field("max_payload", limits.max_payload).Field("max_pending", limits.max_pending);
}

void WriteCluster(JsonWriter& out, const ClusterOptions& cluster) {
  out.Key("cluster").OpenObject().Optional("name", cluster.name).CloseObject();
  for (const char* absent : {"gateway", "leaf", "mqtt", "websocket"}) {
    out.Key(absent).OpenObject().CloseObject();
  }
}

void WriteProcess(JsonWriter& out, PageSources& sources) {
  const ServerContext& context = sources.context;
  int64_t now = context.clock.wall_ns();
  ProcessUsage::Reading usage = sources.usage.Read(context.clock.steady_ns());
  int cores = AvailableCores();
  out.Key("start").Time(context.started_wall_ns).Key("now").Time(now);
  out.Field("uptime", ShortDuration(now - context.started_wall_ns));
  out.Field("mem", usage.resident_bytes).Field("cores", cores).Field("gomaxprocs", cores);
  out.Field("cpu", usage.cpu_percent);
}

// "in_msgs", "in_bytes" …; all clients are local, so both kinds of totals are the same.
void WriteTraffic(JsonWriter& out, const TrafficTotals& traffic) {
  out.Field("in_msgs", traffic.in_msgs).Field("in_bytes", traffic.in_bytes);
  out.Field("in_client_msgs", traffic.in_msgs).Field("in_client_bytes", traffic.in_bytes);
  out.Field("out_msgs", traffic.out_msgs).Field("out_bytes", traffic.out_bytes);
  out.Field("out_client_msgs", traffic.out_msgs).Field("out_client_bytes", traffic.out_bytes);
}

void WriteTotals(JsonWriter& out, const PageSources& sources, const TrafficTotals& traffic) {
  const ServerCounters& counters = sources.context.counters;
  out.Field("connections", counters.connections.load(std::memory_order_relaxed));
  out.Field("total_connections", counters.total_connections.load(std::memory_order_relaxed));
  out.Field("routes", 0).Field("remotes", 0).Field("leafnodes", 0);
  WriteTraffic(out, traffic);
  out.Field("slow_consumers", counters.slow_consumers.load(std::memory_order_relaxed));
  out.Field("stale_connections", counters.stale_connections.load(std::memory_order_relaxed));
  out.Field("stalled_clients", traffic.stalls);
  out.Field("subscriptions", CountSubscriptions(sources.context));
  out.Key("http_req_stats").OpenObject();
  for (const auto& [path, count] : std::map<std::string, uint64_t>(sources.http_requests.begin(),
                                                                   sources.http_requests.end())) {
    out.Field(path, count);
  }
  out.CloseObject();
}

void WriteByKind(JsonWriter& out, std::string_view name, uint64_t clients) {
  out.Key(name).OpenObject().Field("clients", clients).Field("routes", 0).Field("gateways", 0);
  out.Field("leafs", 0).CloseObject();
}

void WriteConfiguration(JsonWriter& out, const PageSources& sources) {
  const Options& options = sources.options();
  const ServerCounters& counters = sources.context.counters;
  out.Key("config_load_time").Time(sources.context.config_loaded_wall_ns.load());
  out.Field("config_digest", options.config_digest);
  if (!options.server_tags.empty()) {
    out.Strings("tags", options.server_tags);
  }
  WriteMetadata(out, options);
  out.Key("feature_flags");
  WriteFeatureFlags(out, options);
  if (!options.no_system_account) {
    out.Field("system_account", sources.context.accounts.Get(kSystemAccount).name());
  }
  WriteByKind(out, "slow_consumer_stats", counters.slow_consumers.load(std::memory_order_relaxed));
  WriteByKind(out, "stale_connection_stats",
              counters.stale_connections.load(std::memory_order_relaxed));
  out.Key("disk_io_wait_stats").OpenObject().Field("waiters", 0).Field("waits", 0);
  out.Field("wait_time", 0).Field("max_wait_time", 0).CloseObject();
  if (auto end = CertificateEnd(sources.context)) {
    out.Key("tls_cert_not_after").Time(*end);
  }
}

std::string VarzJson(PageSources& sources, const TrafficTotals& traffic) {
  const Options& options = sources.options();
  JsonWriter out;
  out.OpenObject();
  WriteIdentity(out, sources);
  WriteLimits(out, sources);
  WriteCluster(out, options.cluster);
  out.Key("jetstream").Raw(JetStreamVarzJson(sources, /*with_directory=*/true));
  out.Field("tls_timeout", Seconds(options.tls.timeout_ns));
  out.Field("write_deadline", options.limits.write_deadline_ns);
  out.Optional("write_timeout", options.limits.close_on_write_timeout ? "" : "retry");
  WriteProcess(out, sources);
  WriteTotals(out, sources, traffic);
  WriteConfiguration(out, sources);
  out.CloseObject();
  return out.Take();
}

}  // namespace

void WriteFeatureFlags(JsonWriter& out, const Options& options) {
  out.OpenObject();
  for (const auto& [name, on] : FeatureFlags(options)) {
    out.Field(name, on);
  }
  out.CloseObject();
}

void WriteMetadata(JsonWriter& out, const Options& options) {
  if (options.server_metadata.empty()) {
    return;
  }
  out.Key("metadata").OpenObject();
  for (const auto& [name, value] : std::map<std::string, std::string>(
           options.server_metadata.begin(), options.server_metadata.end())) {
    out.Field(name, value);
  }
  out.CloseObject();
}

void MakeVarz(PageSources& sources, PageDone done) {
  GatherTraffic(sources, [&sources, done = std::make_shared<PageDone>(std::move(done))](
                             const TrafficTotals& traffic) {
    std::move (*done)(VarzJson(sources, traffic));
  });
}

}  // namespace weir::server

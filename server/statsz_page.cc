#include "server/statsz_page.h"

#include <utility>

#include "server/account_pages.h"
#include "server/jetstream_report.h"
#include "server/system_messages.h"

namespace weir::server {

namespace {

void WriteTraffic(JsonWriter& out, std::string_view name, uint64_t msgs, uint64_t bytes) {
  out.Key(name).OpenObject().Field("msgs", msgs).Field("bytes", bytes).CloseObject();
}

// Left out as long as there was none.
void WriteByKind(JsonWriter& out, std::string_view name, uint64_t clients) {
  if (clients > 0) {
    out.Key(name).OpenObject().Field("clients", clients).Field("routes", 0);
    out.Field("gateways", 0).Field("leafs", 0).CloseObject();
  }
}

std::string StatszJson(PageSources& sources, const TrafficTotals& traffic, size_t active) {
  ServerContext& context = sources.context;
  const ServerCounters& counters = context.counters;
  uint64_t slow = counters.slow_consumers.load(std::memory_order_relaxed);
  uint64_t stale = counters.stale_connections.load(std::memory_order_relaxed);
  ProcessUsage::Reading usage = sources.usage.Read(context.clock.steady_ns());
  int cores = AvailableCores();
  JsonWriter out;
  out.OpenObject().Key("server").Raw(ServerInfoJson(context)).Key("statsz").OpenObject();
  out.Key("start").Time(context.started_wall_ns).Field("mem", usage.resident_bytes);
  out.Field("cores", cores).Field("cpu", usage.cpu_percent);
  out.Field("connections", counters.connections.load(std::memory_order_relaxed));
  out.Field("total_connections", counters.total_connections.load(std::memory_order_relaxed));
  out.Field("active_accounts", active).Field("subscriptions", CountSubscriptions(context));
  WriteTraffic(out, "sent", traffic.out_msgs, traffic.out_bytes);
  WriteTraffic(out, "sent_to_clients", traffic.out_msgs, traffic.out_bytes);
  WriteTraffic(out, "received", traffic.in_msgs, traffic.in_bytes);
  WriteTraffic(out, "received_from_clients", traffic.in_msgs, traffic.in_bytes);
  out.Field("slow_consumers", slow);
  WriteByKind(out, "slow_consumer_stats", slow);
  out.Optional("stale_connections", stale);
  WriteByKind(out, "stale_connection_stats", stale);
  out.Optional("stalled_clients", traffic.stalls).Field("active_servers", 1);
  if (sources.jetstream_on()) {
    out.Key("jetstream").Raw(JetStreamVarzJson(sources, /*with_directory=*/false));
  }
  out.Field("gomaxprocs", cores).CloseObject().CloseObject();
  return out.Take();
}

}  // namespace

void MakeStatsz(PageSources& sources, std::function<void(const std::string& json)> done) {
  GatherAccounts(sources,
                 [&sources, done = std::move(done)](const std::vector<AccountTraffic>& accounts) {
                   size_t active = 0;
                   for (const AccountTraffic& each : accounts) {
                     active += each.connections > 0 ? 1 : 0;
                   }
                   GatherTraffic(sources, [&sources, active, done](const TrafficTotals& traffic) {
                     done(StatszJson(sources, traffic, active));
                   });
                 });
}

}  // namespace weir::server

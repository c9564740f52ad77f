#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "protocol/base/json.h"
#include "protocol/base/status.h"
#include "server/closed_connections.h"
#include "server/context.h"
#include "server/process_usage.h"
#include "server/worker.h"

namespace weir::server {

class JetStreamPart;

// What the monitoring pages are made from; HTTP and the $SYS services ask for the same pages. The
// pages are made on the first worker, which asks the others by mail. Outlives what is under way.
struct PageSources {
  // `part`: null where there is no JetStream.
  PageSources(ServerContext& server, const std::vector<std::unique_ptr<Worker>>& all,
              JetStreamPart* part)
      : context(server),
        workers(all),
        jetstream(part),
        closed(
            static_cast<size_t>(std::max<int64_t>(server.options.limits.max_closed_clients, 0))) {}

  ServerContext& context;
  const std::vector<std::unique_ptr<Worker>>& workers;
  JetStreamPart* jetstream;
  ClosedConnections closed;
  ProcessUsage usage;
  // Requests over HTTP by path.
  StringMap<uint64_t> http_requests;

  // JetStream runs. A page that began while it did may go on to use `jetstream` until it is made.
  bool jetstream_on() const;
  const Options& options() const { return context.options; }
  Worker& home() const { return *workers.front(); }
};

// The page as compact JSON, or why there is none. Runs on the first worker, maybe before the call
// that asked returns.
using PageDone = absl::AnyInvocable<void(StatusOr<std::string>) &&>;

// "server_id" and "now", with which most pages begin.
void WritePageHead(JsonWriter& out, const ServerContext& context);

// "1d2h3m4s", as uptimes and idle times are shown.
std::string ShortDuration(int64_t nanoseconds);

// Messages and bytes of several connections.
struct TrafficTotals {
  uint64_t in_msgs = 0;
  uint64_t in_bytes = 0;
  uint64_t out_msgs = 0;
  uint64_t out_bytes = 0;
  uint64_t stalls = 0;

  void Add(const Connection& connection) {
    const Session::Counters& counters = connection.session().counters();
    in_msgs += counters.in_msgs;
    in_bytes += counters.in_bytes;
    out_msgs += counters.out_msgs;
    out_bytes += counters.out_bytes;
    stalls += connection.stalls();
  }
  void Add(const TrafficTotals& other) {
    in_msgs += other.in_msgs;
    in_bytes += other.in_bytes;
    out_msgs += other.out_msgs;
    out_bytes += other.out_bytes;
    stalls += other.stalls;
  }
};

// Everything received and sent since the start.
void GatherTraffic(const PageSources& sources, std::function<void(const TrafficTotals&)> done);

// Subscriptions of all accounts, the server's own included.
size_t CountSubscriptions(const ServerContext& context);

}  // namespace weir::server

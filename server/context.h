#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "protocol/base/executor.h"
#include "protocol/base/log.h"
#include "server/account.h"
#include "server/authenticator.h"
#include "server/connection_observer.h"
#include "server/options.h"
#include "server/rate_counter.h"
#include "server/tls_context.h"
#include "storage/blocking_pool.h"

namespace weir::server {

// Who this server is, made once at start.
struct Identity {
  std::string id;    // public nkey, "N…"
  std::string name;  // configured, or the id
  std::string xkey;  // public curve key, "X…"
};

// Counters of the whole process; written rarely (connects, closes), read by monitoring.
struct ServerCounters {
  std::atomic<uint64_t> last_client_id{0};
  std::atomic<uint64_t> total_connections{0};
  std::atomic<int64_t> connections{0};
  std::atomic<uint64_t> slow_consumers{0};
  std::atomic<uint64_t> stale_connections{0};
  std::atomic<uint64_t> stalls{0};  // of clients that are closed; the others count their own
  std::atomic<uint64_t> system_messages{0};  // reports and events sent: their sequence
  std::atomic<uint64_t> in_msgs{0};
  std::atomic<uint64_t> in_bytes{0};
  std::atomic<uint64_t> out_msgs{0};
  std::atomic<uint64_t> out_bytes{0};
};

// What every connection and worker sees of the server. Everything but the counters is constant
// while a worker runs: a reload changes it while all of them rest (THREADING.md 9). Owned by
// Server, outlives them.
struct ServerContext {
  const Options& options;
  const Identity& identity;
  Log& log;
  Clock& clock;
  AccountRegistry& accounts;
  Authenticator& authenticator;
  ServerCounters& counters;
  // Set before the workers run; null: nobody.
  ConnectionObserver* observer = nullptr;
  // The port that was bound (options may have said -1).
  std::atomic<int> client_port{0};
  // The same for the monitoring pages.
  std::atomic<int> monitor_port{0};
  // Clients may connect: from "Server is ready" to the end or to lame duck mode.
  std::atomic<bool> accepting{false};
  int64_t started_wall_ns = 0;
  // When the configuration in force was read.
  std::atomic<int64_t> config_loaded_wall_ns{0};
  // nullptr: clients do not use TLS.
  std::shared_ptr<const TlsContext> client_tls = nullptr;
  // nullptr: handshakes are not limited.
  std::unique_ptr<RateCounter> tls_rate = nullptr;
  // Checks bcrypt hashes; nullptr as long as there are none.
  std::unique_ptr<storage::BlockingPool> passwords = nullptr;
};

}  // namespace weir::server

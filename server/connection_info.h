#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/json.h"
#include "server/session.h"

namespace weir::server {

// One subscription as the pages show it (monitoring.md 3, 5).
struct SubscriptionInfo {
  std::string subject;
  std::string queue;
  std::string sid;
  uint64_t messages = 0;
  uint64_t max = 0;
  uint64_t client_id = 0;
};

// `account`: its name, where the page shows it; empty: not.
void WriteSubscription(JsonWriter& out, const SubscriptionInfo& info, std::string_view account);

// A snapshot of a client's connection, open or closed, for pages and events. Times are those of the
// wall clock.
struct ConnectionInfo {
  uint64_t id = 0;
  std::string ip;
  int port = 0;
  int64_t start_ns = 0;
  int64_t last_activity_ns = 0;
  int64_t stop_ns = 0;  // 0: open
  CloseReason reason = CloseReason::kNone;
  int64_t rtt_ns = 0;
  size_t pending_bytes = 0;
  Session::Counters counters;
  uint32_t stalls = 0;
  size_t subscription_count = 0;
  std::string name;
  std::string lang;
  std::string version;
  std::string user;  // as the client gave it; "[REDACTED]" for a token
  bool has_account = false;
  AccountId account;
  std::string tls_version;
  std::string tls_cipher_suite;
  // Only when asked for.
  std::vector<SubscriptionInfo> subscriptions;

  int64_t end_ns(int64_t now_ns) const { return stop_ns != 0 ? stop_ns : now_ns; }
};

// Whole microseconds below a millisecond, as the reference shows round trips.
std::string RoundTripText(int64_t rtt_ns);

}  // namespace weir::server

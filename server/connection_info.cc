#include "server/connection_info.h"

#include "server/worker.h"

namespace weir::server {

namespace {

// What names a client, by the first of these that it sent.
std::string UserField(const protocol::ConnectOptions& options) {
  if (!options.nkey.empty()) {
    return options.nkey;
  }
  if (!options.user.empty()) {
    return options.user;
  }
  return options.auth_token.empty() ? "" : "[REDACTED]";
}

}  // namespace

void WriteSubscription(JsonWriter& out, const SubscriptionInfo& info, std::string_view account) {
  out.OpenObject();
  out.Optional("account", account).Optional("account_tag", account);
  out.Field("subject", info.subject).Optional("qgroup", info.queue).Field("sid", info.sid);
  out.Field("msgs", info.messages).Optional("max", info.max).Field("cid", info.client_id);
  out.CloseObject();
}

std::string RoundTripText(int64_t rtt_ns) {
  constexpr int64_t kMicrosecond = 1000;
  constexpr int64_t kMillisecond = 1'000'000;
  bool short_trip = rtt_ns > kMicrosecond && rtt_ns < kMillisecond;
  return FormatDuration(short_trip ? rtt_ns - rtt_ns % kMicrosecond : rtt_ns);
}

ConnectionInfo Connection::Describe(size_t max_subscriptions) {
  ConnectionInfo out;
  int64_t to_wall = context_.clock.wall_ns() - worker_.now_ns();
  const protocol::ConnectOptions& options = session_.options();
  out.id = id_;
  out.ip = transport_->remote_ip();
  out.port = transport_->remote_port();
  out.start_ns = start_ns_ + to_wall;
  out.last_activity_ns = std::max(last_in_ns_, start_ns_) + to_wall;
  out.reason = session_.closing();
  out.rtt_ns = rtt_ns_;
  out.pending_bytes = out_.size();
  out.counters = session_.counters();
  out.stalls = stalls_;
  out.subscription_count = session_.subscriptions();
  out.name = options.name;
  out.lang = options.lang;
  out.version = options.version;
  // A certificate or no_auth_user may have decided who it is.
  out.user = session_.user().empty() ? UserField(options) : session_.user();
  if (const TlsPeer* peer = tls()) {
    out.tls_version = peer->version;
    out.tls_cipher_suite = peer->cipher_suite;
  }
  if (const Account* account = session_.account()) {
    out.has_account = true;
    out.account = account->id();
  }
  if (max_subscriptions > 0) {
    session_.ForEachSubscription([&](const SubscriptionTable::Subscription& each) {
      if (out.subscriptions.size() < max_subscriptions) {
        out.subscriptions.push_back(
            {each.subject, each.queue, each.sid, each.delivered, each.max, id_});
      }
    });
  }
  return out;
}

void Connection::MeasureRoundTrip() {
  // Only a client that says what it is; others may not know PING.
  if (rtt_ns_ == 0 && pings_out_ == 0 && !session_.options().lang.empty() && !closing()) {
    ++pings_out_;
    ping_sent_ns_ = worker_.now_ns();
    session_.SendLine("PING\r\n");
    worker_.RequestEndTurn();
  }
}

}  // namespace weir::server

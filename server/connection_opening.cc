// The first steps of a connection: PROXY header, TLS, INFO.

#include <algorithm>
#include <utility>

#include "server/connection.h"
#include "server/proxy_protocol.h"
#include "server/worker.h"

namespace weir::server {

namespace {

constexpr int64_t kProxyHeaderNs = 5 * kSecondNs;
constexpr char kTlsHandshakeRecord = 0x16;
// Whoever probes a port with something else is no error.
constexpr std::string_view kProbe = "tls: first record does not look like a TLS handshake";

}  // namespace

void Connection::Start(bool refuse) {
  const Options& options = context_.options;
  opening_ = options.proxy_protocol ? Opening::kProxyHeader : Opening::kDone;
  tls_first_ = context_.client_tls != nullptr && options.tls.handshake_first;
  if (!tls_first_) {
    SendFirstInfo();
  }
  if (refuse) {
    RefuseMaxConnections();
    return;
  }
  context_.log.Debug(Label(), "Client connection created");
  if (opening_ == Opening::kProxyHeader) {
    ArmOpeningTimer(kProxyHeaderNs);
  } else {
    DecideTls();
  }
  Process();
}

void Connection::RefuseMaxConnections() {
  LogError("maximum connections exceeded");
  session_.Refuse("maximum connections exceeded", CloseReason::kMaxConnections);
}

void Connection::SendFirstInfo() {
  protocol::ServerInfo info = Info();
  info.tls_required = info.tls_required || tls_first_;
  session_.SendLine(protocol::InfoLine(info));
}

// What comes next on a connection that has no PROXY header (any more).
void Connection::DecideTls() {
  const Options& options = context_.options;
  if (context_.client_tls == nullptr) {
    Opened();
  } else if (tls_first_ && options.tls.handshake_first_fallback_ns > 0) {
    opening_ = Opening::kFallback;
    ArmOpeningTimer(options.tls.handshake_first_fallback_ns);
  } else if (!tls_first_ && options.allow_non_tls) {
    opening_ = Opening::kSniff;
    ArmOpeningTimer(options.tls.timeout_ns);
  } else if (reading_) {
    opening_ = Opening::kHello;
    ArmOpeningTimer(options.tls.timeout_ns);
  } else {
    BeginHandshake();
  }
}

// True when a step was taken, false when one has to be waited for.
bool Connection::AdvanceOpening() {
  bool has_bytes = end_ > begin_;
  if (closed_ || opening_ == Opening::kHandshake) {
    return false;
  }
  if (!has_bytes) {
    StartRead();
    return false;
  }
  switch (opening_) {
    case Opening::kProxyHeader:
      return PassProxyHeader();
    case Opening::kFallback:
    case Opening::kHello:
      BeginHandshake();
      return true;
    case Opening::kSniff:
      if (input_[begin_] == kTlsHandshakeRecord) {
        BeginHandshake();
      } else {
        Opened();
      }
      return true;
    case Opening::kHandshake:
    case Opening::kDone:
      return true;
  }
  return true;
}

bool Connection::PassProxyHeader() {
  ProxyHeader header = ProxyHeader::Read({input_.get() + begin_, end_ - begin_});
  if (header.verdict == ProxyHeader::Verdict::kNeedMore) {
    StartRead();
    return false;
  }
  if (header.verdict == ProxyHeader::Verdict::kBad) {
    LogError("malformed PROXY header");
    Close(CloseReason::kProtocolViolation);
    return false;
  }
  begin_ += header.size;
  if (!header.ip.empty()) {
    transport_->SetRemote(std::move(header.ip), header.port);
  }
  DecideTls();
  return true;
}

void Connection::BeginHandshake() {
  if (context_.tls_rate && !context_.tls_rate->Allow(worker_.now_ns())) {
    Opened();
    session_.Refuse("Connection throttling is active. Please try again later.",
                    CloseReason::kMaxConnections);
    return;
  }
  Flush();  // INFO goes out before the first byte of the handshake
  context_.log.Debug(Label(), "Starting TLS client connection handshake");
  ArmOpeningTimer(context_.options.tls.timeout_ns);
  opening_ = Opening::kHandshake;
  std::string early(input_.get() + begin_, end_ - begin_);
  begin_ = end_ = 0;
  transport_->StartTls(context_.client_tls, std::move(early), *this);
}

void Connection::OnHandshake(std::string_view error) {
  opening_ = Opening::kDone;
  worker_.timers().Cancel(opening_timer_);
  worker_.RequestEndTurn();
  if (closed_) {
    return;
  }
  if (error.empty() && !MatchesPins()) {
    error = "certificate not pinned";
  }
  if (!error.empty()) {
    LogLevel level = error == kProbe ? LogLevel::kDebug : LogLevel::kError;
    if (level != LogLevel::kDebug || context_.log.debug()) {
      context_.log.Write(level, Cat(Label(), "TLS handshake error: ", error));
    }
    Close(CloseReason::kTlsHandshakeFailure);
    return;
  }
  context_.log.Debug(Label(), "TLS handshake complete");
  context_.log.Debug(Label(), "TLS version ", tls()->version, ", cipher suite ",
                     tls()->cipher_suite);
  if (tls_first_) {
    SendFirstInfo();
  }
  Opened();
  OutputChanged();  // whatever had to wait for the handshake
  Process();
}

bool Connection::MatchesPins() const {
  const auto& pins = context_.options.tls.pinned_certs;
  if (pins.empty()) {
    return true;
  }
  const TlsPeer* peer = tls();
  return peer != nullptr && std::find(pins.begin(), pins.end(), peer->key_sha256) != pins.end();
}

// From here on the connection speaks the protocol.
void Connection::Opened() {
  opening_ = Opening::kDone;
  worker_.timers().Cancel(opening_timer_);
  if (context_.authenticator.required()) {
    auth_timer_ =
        worker_.timers().Schedule(worker_.now_ns() + context_.options.auth.timeout_ns, [this] {
          auth_timer_ = {};
          session_.Refuse("Authentication Timeout", CloseReason::kAuthenticationTimeout);
        });
  }
  ArmPing(context_.options.limits.ping_interval_ns);
}

void Connection::ArmOpeningTimer(int64_t delay_ns) {
  worker_.timers().Cancel(opening_timer_);
  opening_timer_ = worker_.timers().Schedule(worker_.now_ns() + delay_ns, [this] {
    opening_timer_ = {};
    OnOpeningTimer();
  });
}

// A step has taken too long.
void Connection::OnOpeningTimer() {
  switch (opening_) {
    case Opening::kProxyHeader:
      if (end_ > begin_) {
        LogError("the PROXY header did not come in time");
        Close(CloseReason::kProtocolViolation);
        return;
      }
      opening_ = Opening::kDone;
      DecideTls();
      break;
    case Opening::kFallback:
      opening_ = Opening::kDone;
      tls_first_ = false;
      SendFirstInfo();
      DecideTls();
      break;
    case Opening::kSniff:
      Opened();
      break;
    case Opening::kHello:
    case Opening::kHandshake:
      context_.log.Debug(Label(), "TLS handshake timeout");
      session_.Refuse("Secure Connection - TLS Required", CloseReason::kTlsHandshakeFailure);
      return;
    case Opening::kDone:
      return;
  }
  Process();
}

}  // namespace weir::server

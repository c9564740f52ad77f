// Who a connection's client is, at CONNECT and after a reload.

#include <algorithm>
#include <utility>

#include "server/client_log.h"
#include "server/connection.h"
#include "server/worker.h"

namespace weir::server {

std::string Connection::UserText() const {
  const protocol::ConnectOptions& connect = session_.options();
  const std::string& user = session_.user().empty() ? connect.user : session_.user();
  if (!connect.nkey.empty()) {
    return Cat("Nkey ", Quoted(connect.nkey));
  }
  if (!user.empty()) {
    return Cat("User ", Quoted(user));
  }
  return connect.auth_token.empty() ? "User \"N/A\"" : "Token \"[REDACTED]\"";
}

std::string Connection::Label() const {
  std::string label =
      Cat(transport_->remote_ip(), ":", transport_->remote_port(), " - cid:", id_, " - ");
  if (!session_.connected() || session_.account() == nullptr) {
    return label;
  }
  // A certificate may have said which user it is.
  protocol::ConnectOptions who = session_.options();
  if (!session_.user().empty()) {
    who.user = session_.user();
  }
  return Cat(label, ClientLabel(who, session_.account()->name()));
}

std::optional<AuthOutcome> Connection::Authenticate(const protocol::ConnectOptions& options) {
  worker_.timers().Cancel(auth_timer_);
  if (rtt_ns_ == 0) {
    rtt_ns_ = std::max<int64_t>(worker_.now_ns() - start_ns_, 1);  // a first guess
  }
  if (context_.options.tls.verify_and_map && !options.user.empty()) {
    context_.log.Warn("User ", Quoted(options.user),
                      " found in connect proto, but user required from cert");
  }
  AuthDecision decision = context_.authenticator.Decide({options, tls()});
  if (decision.hash.empty()) {
    return std::move(decision.outcome);
  }
  CheckPassword(decision);
  return std::nullopt;
}

void Connection::CheckPassword(const AuthDecision& decision) {
  checking_password_ = true;
  context_.passwords->Run(
      [worker = &worker_, self = self_, hash = decision.hash, secret = decision.secret] {
        bool good = CheckBcrypt(hash, secret);
        worker->Post([worker, self, hash, good] {
          if (Connection* connection = worker->Find(self)) {
            connection->OnPasswordChecked(hash, good);
          }
        });
      });
}

void Connection::OnPasswordChecked(const std::string& hash, bool good) {
  checking_password_ = false;
  worker_.RequestEndTurn();
  if (closing()) {
    return;
  }
  // A reload may have come between.
  AuthDecision decision = context_.authenticator.Decide({session_.options(), tls()});
  if (good) {
    verified_hash_ = hash;
  } else if (decision.hash == hash) {
    decision = {};
  }
  if (!decision.hash.empty() && decision.hash != hash) {
    CheckPassword(decision);
    return;
  }
  if (session_.waiting()) {
    session_.Answer(std::move(decision.outcome));
  } else if (decision.outcome.account == nullptr) {
    RefuseUnauthorized();
  } else {
    Reauthorize();
  }
  Process();
}

void Connection::OnRefused() {
  LogError(AuthenticationErrorText(session_.options()));
  if (context_.observer != nullptr) {
    context_.observer->OnAuthError(worker_, *this);
  }
}

void Connection::RefuseUnauthorized() {
  OnRefused();
  session_.Refuse("Authorization Violation", CloseReason::kAuthenticationFailure);
}

void Connection::OnReload(bool authorization) {
  session_.ApplyLimits();
  if (!authorization || closing() || session_.waiting()) {
    return;
  }
  if (session_.connected()) {
    Reauthorize();
  } else if (session_.account() != nullptr &&
             context_.authenticator.BeforeConnect().account == nullptr) {
    RefuseUnauthorized();
  }
}

// The client stays if it would be let in again, to the same account. One whose user is gone or has
// moved is only disconnected, as by the reference: it will come back and learn why.
void Connection::Reauthorize() {
  AuthRequest request{session_.options(), tls()};
  const Authenticator& authenticator = context_.authenticator;
  const std::string& user = session_.user();
  if (!user.empty() && authenticator.AccountOf(user, request) != session_.account()) {
    Close(CloseReason::kClientClosed);
    return;
  }
  AuthDecision decision = authenticator.Decide(request);
  if (decision.outcome.account != session_.account()) {
    RefuseUnauthorized();
    return;
  }
  if (!decision.hash.empty() && decision.hash != verified_hash_) {
    CheckPassword(decision);
    return;
  }
  session_.Reauthorize(std::move(decision.outcome), [this](std::string_view subscription) {
    context_.log.Info("Removed sub ", subscription, " for ", UserText(), " - not authorized");
  });
}

}  // namespace weir::server

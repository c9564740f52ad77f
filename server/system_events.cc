#include "server/system_events.h"

#include <utility>

#include "server/account_pages.h"
#include "server/system_messages.h"

namespace weir::server {

namespace {

constexpr int64_t kBeatNs = 30 * kSecondNs;

void WriteMessages(JsonWriter& out, std::string_view name, uint64_t msgs, uint64_t bytes) {
  out.Key(name).OpenObject().Field("msgs", msgs).Field("bytes", bytes).CloseObject();
}

// The newer subject stands second, as the reference sends them.
std::string OldConnsSubject(std::string_view account) {
  return Cat("$SYS.SERVER.ACCOUNT.", account, ".CONNS");
}
std::string ConnsSubject(std::string_view account) {
  return Cat("$SYS.ACCOUNT.", account, ".SERVER.CONNS");
}

}  // namespace

void SystemEvents::Publish(Worker& worker, std::string_view subject, std::string_view json) {
  worker.dispatcher().Publish(system(), Message{subject, {}, {}, json}, nullptr, nullptr);
  worker.RequestEndTurn();
}

// Who has not said who it is counts as the global account's.
std::string SystemEvents::AccountName(const ConnectionInfo& info) const {
  return sources_.context.accounts.NameOf(info.has_account ? info.account : kGlobalAccount);
}

void SystemEvents::Connected(Worker& worker, const ConnectionInfo& info) {
  std::string account = AccountName(info);
  std::string subject = Cat("$SYS.ACCOUNT.", account, ".CONNECT");
  if (!worker.dispatcher().HasInterest(system(), subject)) {
    return;
  }
  JsonWriter out = StartSystemEvent(sources_.context, worker.random(), "client_connect");
  WriteEventClient(out, info, account);
  out.CloseObject();
  Publish(worker, subject, out.text());
}

std::string SystemEvents::DisconnectJson(Worker& worker, const ConnectionInfo& info,
                                         std::string_view reason) {
  JsonWriter out = StartSystemEvent(sources_.context, worker.random(), "client_disconnect");
  WriteEventClient(out, info, AccountName(info));
  // Sent and received as the client sees it.
  WriteMessages(out, "sent", info.counters.in_msgs, info.counters.in_bytes);
  WriteMessages(out, "received", info.counters.out_msgs, info.counters.out_bytes);
  out.Field("reason", reason).CloseObject();
  return out.Take();
}

void SystemEvents::Disconnected(Worker& worker, const ConnectionInfo& info) {
  std::string subject = Cat("$SYS.ACCOUNT.", AccountName(info), ".DISCONNECT");
  if (worker.dispatcher().HasInterest(system(), subject)) {
    Publish(worker, subject, DisconnectJson(worker, info, ReasonText(info.reason)));
  }
}

void SystemEvents::Refused(Worker& worker, const ConnectionInfo& info) {
  std::string subject = Cat("$SYS.SERVER.", sources_.context.identity.id, ".CLIENT.AUTH.ERR");
  if (worker.dispatcher().HasInterest(system(), subject)) {
    Publish(worker, subject,
            DisconnectJson(worker, info, ReasonText(CloseReason::kAuthenticationFailure)));
  }
}

void SystemEvents::ClientsChanged(Worker& worker, const ConnectionInfo& info) {
  if (!info.has_account || info.account == kGlobalAccount) {
    return;
  }
  std::string name = AccountName(info);
  if (!worker.dispatcher().HasInterest(system(), ConnsSubject(name)) &&
      !worker.dispatcher().HasInterest(system(), OldConnsSubject(name))) {
    return;
  }
  bool closing = info.stop_ns != 0;
  if (!closing && &worker == &sources_.home()) {
    TellClientsIfAsked(info.account, /*always=*/true);
    return;
  }
  // Behind this turn, when the connection is gone.
  sources_.home().Post(
      [this, account = info.account] { TellClientsIfAsked(account, /*always=*/true); });
}

void SystemEvents::TellClientsIfAsked(AccountId account, bool always) {
  std::string name = sources_.context.accounts.NameOf(account);
  for (const std::string& subject : {OldConnsSubject(name), ConnsSubject(name)}) {
    if (sources_.home().dispatcher().HasInterest(system(), subject)) {
      TellClients(account, subject, always);
    }
  }
}

void SystemEvents::TellClients(AccountId id, const std::string& subject, bool always) {
  GatherAccounts(sources_, [this, id, subject, always](const std::vector<AccountTraffic>& all) {
    const AccountTraffic& traffic = all[id.value()];
    if (!always && traffic.connections == 0) {
      return;
    }
    JsonWriter out =
        StartSystemEvent(sources_.context, sources_.home().random(), "account_connections");
    WriteAccountStat(out, sources_.context.accounts.Get(id), traffic);
    out.CloseObject();
    Publish(sources_.home(), subject, out.text());
  });
}

void SystemEvents::Start() {
  sources_.home().timers().Schedule(sources_.home().now_ns() + kBeatNs, [this] { Beat(); });
}

void SystemEvents::Beat() {
  sources_.context.accounts.ForEach([this](const Account& account) {
    if (account.id() != kGlobalAccount) {
      TellClientsIfAsked(account.id(), /*always=*/false);
    }
  });
  Start();
}

void SystemEvents::ServerEnds(std::string_view name) {
  Publish(sources_.home(), Cat("$SYS.SERVER.", sources_.context.identity.id, ".", name),
          ServerInfoJson(sources_.context));
}

}  // namespace weir::server

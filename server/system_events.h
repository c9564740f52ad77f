#pragma once

#include <string_view>

#include "server/pages.h"

namespace weir::server {

// What happens to clients, published in the system account (monitoring.md 14). Built only when
// somebody listens. The functions for one client run on its worker.
class SystemEvents {
 public:
  explicit SystemEvents(PageSources& sources) : sources_(sources) {}

  void Connected(Worker& worker, const ConnectionInfo& info);
  void Disconnected(Worker& worker, const ConnectionInfo& info);
  // Wrong credentials.
  void Refused(Worker& worker, const ConnectionInfo& info);
  // The number of clients of an account has changed.
  void ClientsChanged(Worker& worker, const ConnectionInfo& info);

  // On the first worker: begins to tell the number of clients of each account from time to time.
  void Start();
  // On the first worker: the server goes away, or will. `name`: "SHUTDOWN" or "LAMEDUCK".
  void ServerEnds(std::string_view name);
  // On the first worker: publishes the clients of an account to `subject`, unless it has none and
  // `always` is false.
  void TellClients(AccountId account, const std::string& subject, bool always);

 private:
  Account& system() const { return sources_.context.accounts.Get(kSystemAccount); }
  std::string AccountName(const ConnectionInfo& info) const;
  void Publish(Worker& worker, std::string_view subject, std::string_view json);
  void TellClientsIfAsked(AccountId account, bool always);
  void Beat();
  std::string DisconnectJson(Worker& worker, const ConnectionInfo& info, std::string_view reason);

  PageSources& sources_;
};

}  // namespace weir::server

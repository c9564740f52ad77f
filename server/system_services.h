#pragma once

#include <string>
#include <string_view>

#include "server/server.h"
#include "server/system_events.h"
#include "server/system_request.h"

namespace weir::server {

// The services of the system account (monitoring.md 13), and those of them that every account may
// ask about itself, as a part of the server. Lives on the first worker, where it subscribes; pages
// ask the other workers. Tells the end of the server and, from time to time, how it is.
class SystemServices : public jetstream::Sink {
 public:
  SystemServices(Server& server, PageSources& sources, SystemEvents& events);

  // For Server::AddPart().
  Server::Part AsPart();

  // jetstream::Sink
  void OnMessage(const jetstream::Inbound& message) override;

 private:
  using Handler = void (SystemServices::*)(SystemRequest request);
  struct Service {
    std::string_view name;
    Handler handler;
  };
  static const Service kOfServer[];   // "$SYS.REQ.SERVER.<id or PING>.<name>"
  static const Service kOfThis[];     // "$SYS.REQ.SERVER.<id>.<name>"
  static const Service kOfAccount[];  // "$SYS.REQ.ACCOUNT.<account>.<name>"

  void Subscribe();
  // The services of every account, in those that have none yet.
  void SubscribeAccounts();
  static Handler FindHandler(const SystemRequest& request);
  // False when there is nothing to do: nobody waits, or another server is meant; or when the
  // request is wrong, which has been answered then.
  bool Admit(const SystemRequest& request);
  void Send(const SystemRequest& request, std::string_view json);
  void SendError(const SystemRequest& request, int code, const Status& status, bool with_data);
  // Answers with the page, or why there is none.
  PageDone Answer(SystemRequest request);
  // The same with options that may be wrong: calls `make(options, done)`.
  template <typename T, typename Make>
  void AnswerWith(SystemRequest request, StatusOr<T> options, Make make);
  // Which account a request is about: the one it names, or the one it came from.
  std::string AccountOf(const SystemRequest& request) const;

  void Idz(SystemRequest request);
  void Statsz(SystemRequest request);
  void Varz(SystemRequest request);
  void Subsz(SystemRequest request);
  void Connz(SystemRequest request);
  void Routez(SystemRequest request);
  void Gatewayz(SystemRequest request);
  void Leafz(SystemRequest request);
  void Accountz(SystemRequest request);
  void Jsz(SystemRequest request);
  void Healthz(SystemRequest request);
  void Profilez(SystemRequest request);
  void Expvarz(SystemRequest request);
  void Ipqueuesz(SystemRequest request);
  void Raftz(SystemRequest request);
  void DoReload(SystemRequest request);
  void Kick(SystemRequest request);
  void LameDuck(SystemRequest request);
  void AccountSubsz(SystemRequest request);
  void AccountConnz(SystemRequest request);
  void AccountJsz(SystemRequest request);
  void AccountInfo(SystemRequest request);
  void AccountStatz(SystemRequest request);
  void AccountConns(SystemRequest request);
  void CountSubscribers(SystemRequest request);
  void DebugSubscribers(const jetstream::Inbound& message);
  // Answers with the number of clients' subscriptions that get messages on the subject (of those
  // within it, for a pattern), members of the group when `queue` names one. `always`: also when
  // the account has no client.
  void SendCount(SystemRequest request, AccountId account, std::string subject, std::string queue,
                 bool always);
  void NobodysInfo(SystemRequest request);
  // There is no resolver that an account's JWT could be given to: says so.
  void UpdateClaims(const jetstream::Inbound& message);

  void ScheduleStatsz(int64_t interval_ns);
  void PublishStatsz(const std::string& subject);

  // Takes what only other servers act on, so that nobody is told that nobody listens.
  class Ignored : public jetstream::Sink {
   public:
    void OnMessage(const jetstream::Inbound&) override {}
  };

  Server& server_;
  PageSources& sources_;
  SystemEvents& events_;
  Ignored ignored_;
  int64_t last_statsz_ns_ = 0;
  size_t subscribed_accounts_ = 0;  // their ids are dense
};

}  // namespace weir::server

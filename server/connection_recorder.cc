#include "server/connection_recorder.h"

#include <utility>

#include "server/system_messages.h"

namespace weir::server {

namespace {

// Of a client that has gone; enough to see what it was.
constexpr size_t kMaxSubscriptions = 128;

}  // namespace

void ConnectionRecorder::OnConnect(Worker& worker, Connection& connection) {
  ConnectionInfo info = connection.Describe(0);
  events_.ClientsChanged(worker, info);
  events_.Connected(worker, info);
}

void ConnectionRecorder::OnClose(Worker& worker, Connection& connection) {
  ConnectionInfo info = connection.Describe(kMaxSubscriptions);
  info.stop_ns = sources_.context.clock.wall_ns();
  events_.ClientsChanged(worker, info);
  events_.Disconnected(worker, info);
  if (&worker == &sources_.home()) {
    sources_.closed.Add(std::move(info));
    return;
  }
  sources_.home().Post([&sources = sources_, info = std::move(info)]() mutable {
    sources.closed.Add(std::move(info));
  });
}

void ConnectionRecorder::OnAuthError(Worker& worker, Connection& connection) {
  ConnectionInfo info = connection.Describe(0);
  info.stop_ns = sources_.context.clock.wall_ns();
  events_.Refused(worker, info);
}

void ConnectionRecorder::OnUserInfo(Worker& worker, Connection& connection,
                                    std::string_view reply) {
  ServerContext& context = sources_.context;
  ConnectionInfo info = connection.Describe(0);
  if (!info.has_account) {
    return;
  }
  Account& account = context.accounts.Get(info.account);
  JsonWriter out;
  out.OpenObject().Field("user", info.user).Field("account", account.name());
  out.Field("account_name", account.name());
  if (const PermissionSet* permissions = connection.session().permissions()) {
    out.Key("permissions");
    permissions->WriteJson(out);
  }
  out.CloseObject();
  std::string json = DataEnvelope(context, out.text());
  worker.dispatcher().Publish(account, Message{reply, {}, {}, json}, nullptr, nullptr);
  worker.RequestEndTurn();
}

}  // namespace weir::server

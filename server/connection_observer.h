#pragma once

#include <string_view>

namespace weir::server {

class Connection;
class Worker;

// Hears of clients that come and go, and of the server's last phase; called on the connection's
// worker, with the connection as it is then. Monitoring and the system account's events.
class ConnectionObserver {
 public:
  virtual ~ConnectionObserver() = default;
  // The first CONNECT was accepted.
  virtual void OnConnect(Worker& worker, Connection& connection) = 0;
  // The connection is about to be torn down; its subscriptions are still there.
  virtual void OnClose(Worker& worker, Connection& connection) = 0;
  // The client was refused: wrong credentials.
  virtual void OnAuthError(Worker& worker, Connection& connection) = 0;
  // The client asks who it is; the answer goes to `reply`.
  virtual void OnUserInfo(Worker& worker, Connection& connection, std::string_view reply) = 0;
  // The server entered lame duck mode. On the first worker.
  virtual void OnLameDuck() = 0;
};

}  // namespace weir::server

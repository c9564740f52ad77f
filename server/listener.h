#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "protocol/base/status.h"
#include "server/context.h"
#include "server/worker.h"

namespace weir::server {

// Accepts client connections on worker 0 and places each on the worker with the fewest.
class Listener {
 public:
  Listener(ServerContext& context, const std::vector<std::unique_ptr<Worker>>& workers);

  // Binds and listens. Port -1 takes a free one; the port in use is in context.client_port then.
  // The error names address and reason.
  Status Listen(const Endpoint& endpoint);
  // Worker 0 only, or before it runs.
  void StartAccepting();
  void Close();

 private:
  void AcceptNext();
  Worker& Placement();

  ServerContext& context_;
  std::vector<Worker*> workers_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
};

}  // namespace weir::server

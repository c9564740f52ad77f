#include "server/listener.h"

#include <algorithm>
#include <utility>

#include "server/tcp_acceptor.h"

namespace weir::server {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// Accepting failed for want of descriptors: try again soon instead of spinning.
constexpr auto kRetryAfter = std::chrono::milliseconds(100);

}  // namespace

Listener::Listener(ServerContext& context, const std::vector<std::unique_ptr<Worker>>& workers)
    : context_(context), acceptor_(workers.front()->io()), retry_(workers.front()->io()) {
  for (const auto& worker : workers) {
    workers_.push_back(worker.get());
  }
}

Status Listener::Listen(const Endpoint& endpoint) {
  WEIR_RETURN_IF_ERROR(OpenAcceptor(acceptor_, endpoint));
  context_.client_port.store(acceptor_.local_endpoint().port());
  return OkStatus();
}

void Listener::StartAccepting() {
  AcceptNext();
}

void Listener::Close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
}

Worker& Listener::Placement() {
  return **std::min_element(workers_.begin(), workers_.end(), [](const Worker* a, const Worker* b) {
    return a->connections() < b->connections();
  });
}

void Listener::AcceptNext() {
  if (!acceptor_.is_open()) {
    return;
  }
  Worker& worker = Placement();
  acceptor_.async_accept(worker.io(), [this, &worker](boost::system::error_code error,
                                                      tcp::socket socket) {
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) {
      return;
    }
    if (error) {
      context_.log.Error("Temporary Client Accept Error (", error.message(), "), sleeping 100ms");
      retry_.expires_after(kRetryAfter);
      retry_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) {
          AcceptNext();
        }
      });
      return;
    }
    worker.NotePlaced();
    int64_t total = 0;
    for (const Worker* each : workers_) {
      total += each->connections();
    }
    int64_t allowed = context_.options.limits.max_connections;
    bool refuse = allowed < 0 || (allowed > 0 && total > allowed);
    // AnyInvocable needs a copyable or movable task; the transport moves in.
    auto transport = MakeTcpTransport(std::move(socket));
    if (worker.index() == 0) {
      worker.Adopt(std::move(transport), refuse);
    } else {
      worker.Post([&worker, refuse, t = std::move(transport)]() mutable {
        worker.Adopt(std::move(t), refuse);
      });
    }
    AcceptNext();
  });
}

}  // namespace weir::server

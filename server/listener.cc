#include "server/listener.h"

#include <algorithm>
#include <utility>

namespace weir::server {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// Accepting failed for want of descriptors: try again soon instead of spinning.
constexpr auto kRetryAfter = std::chrono::milliseconds(100);

StatusOr<tcp::endpoint> Resolve(asio::io_context& io, const Endpoint& endpoint) {
  if (endpoint.port > UINT16_MAX) {
    return InvalidArgument(Cat("address ", endpoint.port, ": invalid port"));
  }
  auto port = static_cast<uint16_t>(std::max(endpoint.port, 0));
  if (endpoint.host.empty() || endpoint.host == "0.0.0.0" || endpoint.host == "::") {
    return tcp::endpoint(tcp::v6(), port);  // dual stack; Listen() falls back without IPv6
  }
  boost::system::error_code error;
  auto address = asio::ip::make_address(endpoint.host, error);
  if (!error) {
    return tcp::endpoint(address, port);
  }
  tcp::resolver resolver(io);
  auto found = resolver.resolve(endpoint.host, std::to_string(port), error);
  if (error || found.empty()) {
    return InvalidArgument(Cat("lookup ", endpoint.host, ": ", error.message()));
  }
  return found.begin()->endpoint();
}

}  // namespace

Listener::Listener(ServerContext& context, const std::vector<std::unique_ptr<Worker>>& workers)
    : context_(context), acceptor_(workers.front()->io()), retry_(workers.front()->io()) {
  for (const auto& worker : workers) {
    workers_.push_back(worker.get());
  }
}

Status Listener::Listen(const Endpoint& endpoint) {
  WEIR_ASSIGN_OR_RETURN(tcp::endpoint address, Resolve(workers_.front()->io(), endpoint));
  boost::system::error_code error;
  acceptor_.open(address.protocol(), error);
  if (error && address.address().is_unspecified()) {
    address = tcp::endpoint(tcp::v4(), address.port());
    acceptor_.open(address.protocol(), error);
  }
  if (!error && address.address().is_v6() && address.address().is_unspecified()) {
    boost::system::error_code ignored;
    acceptor_.set_option(asio::ip::v6_only(false), ignored);
  }
  if (!error) {
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor_.bind(address, error);
  }
  if (!error) {
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    acceptor_.close();
    return Unavailable(Cat("listen tcp ", endpoint.host, ":", endpoint.port,
                           ": bind: ", ToLower(error.message())));
  }
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

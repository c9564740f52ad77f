#include "server/tcp_acceptor.h"

#include <algorithm>

#include <boost/asio/ip/v6_only.hpp>

#include "protocol/base/strings.h"

namespace weir::server {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

StatusOr<tcp::endpoint> Resolve(const tcp::acceptor::executor_type& executor,
                                const Endpoint& endpoint) {
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
  tcp::resolver resolver(executor);
  auto found = resolver.resolve(endpoint.host, std::to_string(port), error);
  if (error || found.empty()) {
    return InvalidArgument(Cat("lookup ", endpoint.host, ": ", error.message()));
  }
  return found.begin()->endpoint();
}

}  // namespace

Status OpenAcceptor(tcp::acceptor& acceptor, const Endpoint& endpoint) {
  WEIR_ASSIGN_OR_RETURN(tcp::endpoint address, Resolve(acceptor.get_executor(), endpoint));
  boost::system::error_code error;
  acceptor.open(address.protocol(), error);
  if (error && address.address().is_unspecified()) {
    address = tcp::endpoint(tcp::v4(), address.port());
    acceptor.open(address.protocol(), error);
  }
  if (!error && address.address().is_v6() && address.address().is_unspecified()) {
    boost::system::error_code ignored;
    acceptor.set_option(asio::ip::v6_only(false), ignored);
  }
  if (!error) {
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor.bind(address, error);
  }
  if (!error) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    acceptor.close();
    return Unavailable(Cat("listen tcp ", endpoint.host, ":", endpoint.port,
                           ": bind: ", ToLower(error.message())));
  }
  return OkStatus();
}

}  // namespace weir::server

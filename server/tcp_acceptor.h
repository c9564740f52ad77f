#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "protocol/base/status.h"
#include "server/options.h"

namespace weir::server {

// Binds and listens. Port -1 takes a free one; the empty host is every interface, IPv6 included
// where there is one. The error names address and reason.
Status OpenAcceptor(boost::asio::ip::tcp::acceptor& acceptor, const Endpoint& endpoint);

}  // namespace weir::server

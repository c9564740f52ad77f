#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <sys/uio.h>

#include "server/tls_context.h"
#include "server/tls_peer.h"

namespace weir::server {

// A byte stream under a connection. One read may be outstanding; writing is synchronous and tells
// when the socket is full. Confined to the connection's worker; callbacks come from its event loop,
// never from inside a call. After Close() the outstanding callbacks still come (with an error), and
// the transport must live until they have.
class Transport {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // `bytes` == 0: the stream ended, by the peer or (`failed`) by an error.
    virtual void OnRead(size_t bytes, bool failed) = 0;
    virtual void OnWritable(bool failed) = 0;
    // The end of a handshake; `error` is empty when it succeeded.
    virtual void OnHandshake(std::string_view error) = 0;
  };
  static constexpr ptrdiff_t kWouldBlock = -1;
  static constexpr ptrdiff_t kFailed = -2;

  virtual ~Transport() = default;
  virtual void StartRead(char* buffer, size_t capacity, Handler& handler) = 0;
  // Bytes written, kWouldBlock or kFailed.
  virtual ptrdiff_t Write(const iovec* parts, int count) = 0;
  virtual void WaitWritable(Handler& handler) = 0;
  // From here on the stream is TLS, with this side as the server. `early` was read already and is
  // the beginning of the client's handshake. Nothing may be read or written before OnHandshake().
  virtual void StartTls(std::shared_ptr<const TlsContext> context, std::string early,
                        Handler& handler) = 0;
  // What the handshake told; nullptr on a plain stream.
  virtual const TlsPeer* tls() const = 0;
  virtual void Close() = 0;
  // The peer's address, or what a PROXY header said instead.
  virtual void SetRemote(std::string ip, int port) = 0;
  virtual std::string remote_ip() const = 0;
  virtual int remote_port() const = 0;
};

// TCP, plain until StartTls(). Sets the socket to non-blocking and TCP_NODELAY.
std::unique_ptr<Transport> MakeTcpTransport(boost::asio::ip::tcp::socket socket);

}  // namespace weir::server

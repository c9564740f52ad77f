#include "server/transport.h"

#include <cerrno>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <sys/socket.h>

namespace weir::server {

namespace {

namespace asio = boost::asio;

class TcpTransport : public Transport {
 public:
  explicit TcpTransport(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    auto remote = socket_.remote_endpoint(ignored);
    if (!ignored) {
      auto address = remote.address();
      if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
      }
      remote_ip_ = address.to_string();
      remote_port_ = remote.port();
    }
  }

  void StartRead(char* buffer, size_t capacity, Handler& handler) override {
    socket_.async_read_some(asio::buffer(buffer, capacity),
                            [&handler](boost::system::error_code error, size_t bytes) {
                              bool failed = error && error != asio::error::eof;
                              handler.OnRead(error ? 0 : bytes, failed);
                            });
  }

  ptrdiff_t Write(const iovec* parts, int count) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = static_cast<size_t>(count);
    while (true) {
      ptrdiff_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
      if (n >= 0) {
        return n;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return kWouldBlock;
      }
      if (errno != EINTR) {
        return kFailed;
      }
    }
  }

  void WaitWritable(Handler& handler) override {
    socket_.async_wait(asio::ip::tcp::socket::wait_write,
                       [&handler](boost::system::error_code error) {
                         handler.OnWritable(static_cast<bool>(error));
                       });
  }

  void Close() override {
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

  void SetRemote(std::string ip, int port) override {
    remote_ip_ = std::move(ip);
    remote_port_ = port;
  }
  std::string remote_ip() const override { return remote_ip_; }
  int remote_port() const override { return remote_port_; }

 private:
  asio::ip::tcp::socket socket_;
  std::string remote_ip_;
  int remote_port_ = 0;
};

}  // namespace

std::unique_ptr<Transport> MakeTcpTransport(asio::ip::tcp::socket socket) {
  return std::make_unique<TcpTransport>(std::move(socket));
}

}  // namespace weir::server

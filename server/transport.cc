#include "server/transport.h"

#include <cerrno>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <sys/socket.h>

#include "server/tls_layer.h"

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
    if (tls_) {
      StartTlsRead({buffer, capacity, &handler});
      return;
    }
    socket_.async_read_some(asio::buffer(buffer, capacity),
                            [&handler](boost::system::error_code error, size_t bytes) {
                              bool failed = error && error != asio::error::eof;
                              handler.OnRead(error ? 0 : bytes, failed);
                            });
  }

  ptrdiff_t Write(const iovec* parts, int count) override {
    if (tls_) {
      return WriteTls(parts, count);
    }
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

  void StartTls(std::shared_ptr<const TlsContext> context, std::string early,
                Handler& handler) override {
    tls_ =
        std::make_unique<TlsLayer>(std::move(context), socket_.native_handle(), std::move(early));
    // Not from inside this call: the handshake may be complete or hopeless at once.
    asio::post(socket_.get_executor(), [this, &handler] { ContinueHandshake(handler); });
  }

  const TlsPeer* tls() const override { return peer_.get(); }

  void Close() override {
    if (tls_) {
      tls_->Shutdown();
    }
    // Not shut down first: who has sent more than was read gets a reset, as from the reference.
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  void SetRemote(std::string ip, int port) override {
    remote_ip_ = std::move(ip);
    remote_port_ = port;
  }
  std::string remote_ip() const override { return remote_ip_; }
  int remote_port() const override { return remote_port_; }

 private:
  struct PendingRead {
    char* buffer;
    size_t capacity;
    Handler* handler;
  };

  template <typename Callback>
  void WaitFor(TlsLayer::Step step, Callback callback) {
    socket_.async_wait(step == TlsLayer::Step::kWantWrite ? asio::ip::tcp::socket::wait_write
                                                          : asio::ip::tcp::socket::wait_read,
                       std::move(callback));
  }

  void ContinueHandshake(Handler& handler) {
    std::string error = "EOF";
    TlsLayer::Step step = socket_.is_open() ? tls_->Handshake(error) : TlsLayer::Step::kFailed;
    if (step == TlsLayer::Step::kWantRead || step == TlsLayer::Step::kWantWrite) {
      WaitFor(step, [this, &handler](boost::system::error_code failed) {
        if (failed) {
          handler.OnHandshake("EOF");
        } else {
          ContinueHandshake(handler);
        }
      });
      return;
    }
    if (step == TlsLayer::Step::kDone) {
      peer_ = std::make_unique<TlsPeer>(TlsPeer::Of(tls_->session()));
      error.clear();
    }
    handler.OnHandshake(error);
  }

  void StartTlsRead(PendingRead read) {
    if (tls_->has_pending()) {
      asio::post(socket_.get_executor(), [this, read] { ContinueTlsRead(read); });
      return;
    }
    WaitForTlsRead(TlsLayer::Step::kWantRead, read);
  }

  void WaitForTlsRead(TlsLayer::Step step, PendingRead read) {
    WaitFor(step, [this, read](boost::system::error_code failed) {
      if (failed) {
        read.handler->OnRead(0, true);
      } else {
        ContinueTlsRead(read);
      }
    });
  }

  void ContinueTlsRead(PendingRead read) {
    if (!socket_.is_open()) {
      read.handler->OnRead(0, true);
      return;
    }
    TlsLayer::Progress progress = tls_->Read(read.buffer, read.capacity);
    switch (progress.step) {
      case TlsLayer::Step::kWantRead:
      case TlsLayer::Step::kWantWrite:
        WaitForTlsRead(progress.step, read);
        return;
      case TlsLayer::Step::kDone:
        read.handler->OnRead(progress.bytes, false);
        return;
      case TlsLayer::Step::kEnded:
      case TlsLayer::Step::kFailed:
        read.handler->OnRead(0, progress.step == TlsLayer::Step::kFailed);
        return;
    }
  }

  ptrdiff_t WriteTls(const iovec* parts, int count) {
    TlsLayer::Progress progress = tls_->Write(parts, count);
    if (progress.bytes > 0 || progress.step == TlsLayer::Step::kDone) {
      return static_cast<ptrdiff_t>(progress.bytes);
    }
    bool wait = progress.step == TlsLayer::Step::kWantWrite;
    return wait ? kWouldBlock : kFailed;
  }

  asio::ip::tcp::socket socket_;
  std::unique_ptr<TlsLayer> tls_;
  std::unique_ptr<TlsPeer> peer_;
  std::string remote_ip_;
  int remote_port_ = 0;
};

}  // namespace

std::unique_ptr<Transport> MakeTcpTransport(asio::ip::tcp::socket socket) {
  return std::make_unique<TcpTransport>(std::move(socket));
}

}  // namespace weir::server

#include "server/http_server.h"

#include <chrono>
#include <ctime>
#include <optional>
#include <utility>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "server/tcp_acceptor.h"

namespace weir::server {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto kIdleLimit = std::chrono::seconds(120);
constexpr auto kWriteLimit = std::chrono::seconds(30);
constexpr auto kRetryAfter = std::chrono::milliseconds(100);
constexpr uint32_t kMaxHeader = 1 << 20;
constexpr uint64_t kMaxBody = 1 << 20;

// "Sat, 21 Nov 2026 17:47:17 GMT".
std::string HttpDate() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

using PlainStream = beast::tcp_stream;
using TlsStream = asio::ssl::stream<beast::tcp_stream>;

// One connection of a client of the pages. Owned by the operation that it waits for.
template <typename Stream>
class HttpSession : public std::enable_shared_from_this<HttpSession<Stream>> {
 public:
  // `tls`: what the context of a TLS stream belongs to; stays as long as the session.
  template <typename... Arguments>
  HttpSession(HttpHandler& handler, std::shared_ptr<const TlsContext> tls, Arguments&&... arguments)
      : tls_(std::move(tls)), stream_(std::forward<Arguments>(arguments)...), handler_(handler) {}

  void Start() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      lowest().expires_after(kIdleLimit);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](beast::error_code error) {
                                if (!error) {
                                  self->ReadRequest();
                                }
                              });
    } else {
      ReadRequest();
    }
  }

 private:
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  void ReadRequest() {
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(kMaxBody);
    lowest().expires_after(kIdleLimit);
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](beast::error_code error, size_t) {
                       self->OnRequest(error);
                     });
  }

  void OnRequest(beast::error_code error) {
    if (error) {
      Close();
      return;
    }
    lowest().expires_never();
    const auto& request = parser_->get();
    keep_alive_ = request.keep_alive();
    version_ = request.version();
    head_only_ = request.method() == http::verb::head;
    std::string_view target(request.target().data(), request.target().size());
    size_t mark = target.find('?');
    HttpRequest out;
    if (mark != std::string_view::npos) {
      out.query = target.substr(mark + 1);
    }
    auto path = DecodeUrlPart(target.substr(0, mark), /*plus_is_space=*/false);
    if (!path) {
      Send({.code = 400, .content_type = "text/plain; charset=utf-8", .body = "400 Bad Request"});
      return;
    }
    out.path = *std::move(path);
    handler_.Handle(std::move(out), [self = this->shared_from_this()](HttpResponse response) {
      self->Send(std::move(response));
    });
  }

  void Send(HttpResponse from) {
    response_ = {};
    response_.version(version_);
    response_.result(static_cast<unsigned>(from.code));
    if (from.any_origin) {
      response_.set(http::field::access_control_allow_origin, "*");
    }
    response_.set(http::field::content_type, from.content_type);
    response_.set(http::field::date, HttpDate());
    if (!from.location.empty()) {
      response_.set(http::field::location, from.location);
    }
    response_.keep_alive(keep_alive_);
    size_t size = from.body.size();
    if (!head_only_) {
      response_.body() = std::move(from.body);
    }
    response_.content_length(size);
    lowest().expires_after(kWriteLimit);
    http::async_write(stream_, response_,
                      [self = this->shared_from_this()](beast::error_code error, size_t) {
                        self->response_ = {};
                        if (error || !self->keep_alive_) {
                          self->Close();
                        } else {
                          self->ReadRequest();
                        }
                      });
  }

  void Close() {
    beast::error_code ignored;
    lowest().socket().shutdown(tcp::socket::shutdown_both, ignored);
    lowest().close();
  }

  std::shared_ptr<const TlsContext> tls_;
  Stream stream_;
  HttpHandler& handler_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  unsigned version_ = 11;
  bool keep_alive_ = false;
  bool head_only_ = false;
};

}  // namespace

class HttpServer::Acceptor {
 public:
  Acceptor(Worker& worker, HttpHandler& handler, Log& log, std::shared_ptr<const TlsContext> tls)
      : acceptor_(worker.io()), retry_(worker.io()), handler_(handler), log_(log) {
    SetTls(std::move(tls));
  }

  void SetTls(std::shared_ptr<const TlsContext> tls) {
    tls_ = std::move(tls);
    if (tls_) {
      SSL_CTX_up_ref(tls_->native());  // the wrapper lets one go
      ssl_.emplace(tls_->native());
    }
  }

  tcp::acceptor& socket() { return acceptor_; }

  void AcceptNext() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) {
        return;  // closed; this object may be gone
      }
      if (error) {
        log_.Error("monitoring: accept: ", error.message());
        retry_.expires_after(kRetryAfter);
        retry_.async_wait([this](boost::system::error_code cancelled) {
          if (!cancelled) {
            AcceptNext();
          }
        });
        return;
      }
      if (ssl_) {
        std::make_shared<HttpSession<TlsStream>>(handler_, tls_, std::move(socket), *ssl_)->Start();
      } else {
        std::make_shared<HttpSession<PlainStream>>(handler_, tls_, std::move(socket))->Start();
      }
      AcceptNext();
    });
  }

  void Close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
  }

 private:
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  HttpHandler& handler_;
  Log& log_;
  std::shared_ptr<const TlsContext> tls_;  // null: plain
  std::optional<asio::ssl::context> ssl_;
};

HttpServer::HttpServer(Worker& worker, HttpHandler& handler, Log& log,
                       std::shared_ptr<const TlsContext> tls)
    : acceptor_(std::make_unique<Acceptor>(worker, handler, log, std::move(tls))) {}

HttpServer::~HttpServer() = default;

Status HttpServer::Listen(const Endpoint& endpoint) {
  return OpenAcceptor(acceptor_->socket(), endpoint);
}

int HttpServer::port() const {
  return acceptor_->socket().local_endpoint().port();
}

void HttpServer::SetTls(std::shared_ptr<const TlsContext> tls) {
  acceptor_->SetTls(std::move(tls));
}

void HttpServer::StartAccepting() {
  acceptor_->AcceptNext();
}

void HttpServer::Close() {
  acceptor_->Close();
}

}  // namespace weir::server

#pragma once

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"

#include "protocol/base/log.h"
#include "protocol/base/status.h"
#include "server/http_query.h"
#include "server/options.h"
#include "server/tls_context.h"
#include "server/worker.h"

namespace weir::server {

struct HttpRequest {
  std::string path;   // decoded, without the query
  std::string query;  // as sent, what stands behind the '?'
};

struct HttpResponse {
  int code = 200;
  std::string content_type = {};
  std::string body = {};
  std::string location = {};  // of a redirect
  bool any_origin = false;    // pages of other sites may read it
};

using HttpDone = absl::AnyInvocable<void(HttpResponse) &&>;

// Decides what a request gets. On the server's worker; `done` there, too, at once or later.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void Handle(HttpRequest request, HttpDone done) = 0;
};

// A small HTTP/1.1 server on one worker, for the monitoring pages: every method is taken as GET,
// one request of a connection at a time. Costs nothing but a listening socket until somebody asks.
class HttpServer {
 public:
  // The handler must outlive the worker's event loop. `tls`: null for plain HTTP.
  HttpServer(Worker& worker, HttpHandler& handler, Log& log, std::shared_ptr<const TlsContext> tls);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds. Port -1: one that the system chooses. The error names the address and the reason.
  Status Listen(const Endpoint& endpoint);
  int port() const;

  // Later handshakes use this context. On the worker, or while it rests; only with TLS.
  void SetTls(std::shared_ptr<const TlsContext> tls);

  // On the worker.
  void StartAccepting();
  void Close();

 private:
  class Acceptor;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace weir::server

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/http_server.h"
#include "server/pages.h"
#include "server/server.h"

namespace weir::server {

// The monitoring pages over HTTP (monitoring.md 1 to 12) as a part of the server: listens before
// everything else, so that a probe sees the start, and answers on the first worker. Made by main
// when a port is configured; destroyed before the server.
class Monitor : public HttpHandler {
 public:
  Monitor(Server& server, PageSources& sources);
  ~Monitor() override;

  // For Server::AddPart(), before the others.
  Server::Part AsPart();

  // HttpHandler
  void Handle(HttpRequest request, HttpDone done) override;

 private:
  using Page = void (Monitor::*)(const HttpQuery& query, HttpDone done);
  static constexpr std::string_view kOwnPath = "=";
  struct Route {
    std::string_view path;
    Page page;
    std::string_view counter = kOwnPath;  // in varz; empty: none
  };
  static const Route kRoutes[];

  Status Start();
  // nullptr: no such page.
  const Route* Find(std::string_view path) const;

  void Index(const HttpQuery& query, HttpDone done);
  void Varz(const HttpQuery& query, HttpDone done);
  void Connz(const HttpQuery& query, HttpDone done);
  void Routez(const HttpQuery& query, HttpDone done);
  void Gatewayz(const HttpQuery& query, HttpDone done);
  void Leafz(const HttpQuery& query, HttpDone done);
  void Subsz(const HttpQuery& query, HttpDone done);
  void Stacksz(const HttpQuery& query, HttpDone done);
  void Accountz(const HttpQuery& query, HttpDone done);
  void Accstatz(const HttpQuery& query, HttpDone done);
  void Jsz(const HttpQuery& query, HttpDone done);
  void Healthz(const HttpQuery& query, HttpDone done);
  void Ipqueuesz(const HttpQuery& query, HttpDone done);
  void Raftz(const HttpQuery& query, HttpDone done);
  void Expvar(const HttpQuery& query, HttpDone done);

  Server& server_;
  PageSources& sources_;
  std::string base_path_;  // "" or "/x"
  HttpServer http_;
};

}  // namespace weir::server

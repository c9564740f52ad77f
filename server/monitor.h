#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/http_server.h"
#include "server/metrics_page.h"
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

  // What /metrics shows beside the pages. Before the start.
  void SetMoreMetrics(MoreMetrics more) { more_metrics_ = std::move(more); }
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
  // Of the pages: the clients' certificates, but nobody has to show one.
  static StatusOr<std::shared_ptr<const TlsContext>> MakeTls(TlsOptions options);
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
  void Metrics(const HttpQuery& query, HttpDone done);

  Server& server_;
  PageSources& sources_;
  MoreMetrics more_metrics_;
  std::string base_path_;                        // "" or "/x"
  std::unique_ptr<HttpServer> http_;             // from the start on
  std::shared_ptr<const TlsContext> fresh_tls_;  // between the check of a reload and the reload
};

}  // namespace weir::server

#include "server/monitor.h"

#include <utility>
#include <vector>

#include "server/account_pages.h"
#include "server/connz_page.h"
#include "server/healthz_page.h"
#include "server/json_indent.h"
#include "server/jsz_page.h"
#include "server/plain_pages.h"
#include "server/queues_page.h"
#include "server/subsz_page.h"
#include "server/varz_page.h"

namespace weir::server {

namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr size_t kWideIndent = 3;  // of /ipqueuesz alone
constexpr std::string_view kHtml = "text/html; charset=utf-8";

HttpResponse JsonResponse(std::string body, int code = 200) {
  return {.code = code,
          .content_type = "application/json",
          .body = std::move(body),
          .any_origin = true};
}

HttpResponse TextResponse(int code, std::string body) {
  return {.code = code, .content_type = std::string(kText), .body = std::move(body)};
}

HttpResponse BadRequest(const Status& status) {
  return TextResponse(400, std::string(weir::Message(status)));
}

// A page as it comes from the makers, indented.
PageDone RespondWith(HttpDone done) {
  return [done = std::move(done)](StatusOr<std::string> json) mutable {
    std::move(done)(json.ok() ? JsonResponse(IndentJson(*json)) : BadRequest(json.status()));
  };
}

// "subs" may be a boolean or "detail".
void ReadSubs(const HttpQuery& query, HttpQueryReader& in, bool& list, bool& detail) {
  detail = EqualsIgnoreCase(query.Get("subs"), "detail");
  if (!detail) {
    in.Read("subs", list);
  }
}

// False when a parameter is wrong; that has been answered then.
bool Passed(const HttpQueryReader& in, HttpDone& done) {
  if (!in.status().ok()) {
    std::move(done)(BadRequest(in.status()));
  }
  return in.status().ok();
}

std::string Host(const MonitorOptions& options, int port) {
  bool v6 = options.host.find(':') != std::string::npos;
  return Cat(v6 ? "[" : "", options.host, v6 ? "]" : "", ":", port);
}

}  // namespace

const Monitor::Route Monitor::kRoutes[] = {
    {"/", &Monitor::Index},
    {"/varz", &Monitor::Varz},
    {"/connz", &Monitor::Connz},
    {"/routez", &Monitor::Routez},
    {"/gatewayz", &Monitor::Gatewayz},
    {"/leafz", &Monitor::Leafz},
    {"/subsz", &Monitor::Subsz},
    {"/subscriptionsz", &Monitor::Subsz, "/subsz"},
    {"/stacksz", &Monitor::Stacksz},
    {"/accountz", &Monitor::Accountz},
    {"/accstatz", &Monitor::Accstatz},
    {"/jsz", &Monitor::Jsz},
    {"/healthz", &Monitor::Healthz},
    {"/ipqueuesz", &Monitor::Ipqueuesz},
    {"/raftz", &Monitor::Raftz},
    {"/debug/vars", &Monitor::Expvar, ""},
    {"/metrics", &Monitor::Metrics, ""},
};

Monitor::Monitor(Server& server, PageSources& sources)
    : server_(server),
      sources_(sources),
      base_path_(CleanPath(sources.options().monitor.base_path)) {
  if (base_path_ == "/") {
    base_path_.clear();
  }
}

Monitor::~Monitor() = default;

Server::Part Monitor::AsPart() {
  return {.start = [this] { return Start(); },
          .serve =
              [this](Task next) {
                http_->StartAccepting();
                std::move(next)();
              },
          .stop =
              [this] {
                server_.RunOnAllWorkers([this](Worker& worker) {
                  if (worker.index() == 0 && http_) {
                    http_->Close();
                  }
                });
              },
          .check_reload = [this](const Options& fresh) -> Status {
            fresh_tls_.reset();
            if (fresh.monitor.https_port != 0 && fresh.tls.enabled) {
              WEIR_ASSIGN_OR_RETURN(fresh_tls_, MakeTls(fresh.tls));
            }
            return OkStatus();
          },
          .reload =
              [this](const std::vector<ReloadChange>&) {
                if (fresh_tls_) {
                  http_->SetTls(std::move(fresh_tls_));
                }
              }};
}

StatusOr<std::shared_ptr<const TlsContext>> Monitor::MakeTls(TlsOptions options) {
  options.verify = false;
  options.verify_and_map = false;
  return TlsContext::Make(options);
}

Status Monitor::Start() {
  const MonitorOptions& options = sources_.options().monitor;
  bool secure = options.https_port != 0;
  std::shared_ptr<const TlsContext> tls;
  if (secure) {
    WEIR_ASSIGN_OR_RETURN(tls, MakeTls(sources_.options().tls));
  }
  http_ = std::make_unique<HttpServer>(sources_.home(), *this, sources_.context.log, tls);
  Endpoint endpoint{options.host, secure ? options.https_port : options.http_port};
  if (Status listening = http_->Listen(endpoint); !listening.ok()) {
    return Annotate(listening, "Can't start monitoring: can't listen to the monitor port");
  }
  sources_.context.monitor_port.store(http_->port());
  sources_.context.log.Info("Starting ", secure ? "https" : "http", " monitor on ",
                            Host(options, http_->port()));
  return OkStatus();
}

const Monitor::Route* Monitor::Find(std::string_view path) const {
  for (const Route& route : kRoutes) {
    if (route.path == "/"
            ? path == (base_path_.empty() ? "/" : base_path_)
            : path.starts_with(base_path_) && path.substr(base_path_.size()) == route.path) {
      return &route;
    }
  }
  return nullptr;
}

void Monitor::Handle(HttpRequest request, HttpDone done) {
  std::string clean = CleanPath(request.path);
  if (clean != "/" && request.path.ends_with('/')) {
    clean.push_back('/');
  }
  if (clean != request.path) {
    std::string query = request.query.empty() ? std::string() : Cat("?", request.query);
    HttpResponse response{.code = 307, .content_type = std::string(kHtml)};
    response.location = Cat(clean, query);
    response.body = Cat("<a href=\"", response.location, "\">Temporary Redirect</a>.\n\n");
    std::move(done)(std::move(response));
    return;
  }
  const Route* route = Find(request.path);
  if (route == nullptr) {
    std::move(done)(TextResponse(404, "404 page not found\n"));
    return;
  }
  std::string_view counter = route->counter == kOwnPath ? route->path : route->counter;
  if (!counter.empty()) {
    ++sources_.http_requests[std::string(counter)];
  }
  (this->*route->page)(HttpQuery(request.query), std::move(done));
}

void Monitor::Index(const HttpQuery& /*query*/, HttpDone done) {
  static constexpr std::pair<std::string_view, std::string_view> kLinks[] = {
      {"varz", "General"},
      {"jsz", "JetStream"},
      {"connz", "Connections"},
      {"accountz", "Accounts"},
      {"accstatz", "Account Stats"},
      {"subsz", "Subscriptions"},
      {"routez", "Routes"},
      {"leafz", "LeafNodes"},
      {"gatewayz", "Gateways"},
      {"raftz", "Raft Groups"},
      {"healthz", "Health Probe"},
      {"debug/vars", "Expvar"},
      {"metrics", "Prometheus metrics"},
  };
  std::string at = base_path_.empty() ? "." : Cat(".", base_path_);
  std::string body = Cat("<html lang=\"en\">\n<head><title>", sources_.context.identity.name,
                         "</title></head>\n<body>\n<p>weir ", kWeirVersion, ", nats-server ",
                         kAnnouncedVersion, "</p>\n");
  for (const auto& [path, name] : kLinks) {
    CatTo(body, "<a href=", at, "/", path, ">", name, "</a><br/>\n");
  }
  body += "</body>\n</html>\n";
  std::move(done)({.content_type = std::string(kHtml), .body = std::move(body)});
}

void Monitor::Varz(const HttpQuery& /*query*/, HttpDone done) {
  MakeVarz(sources_, RespondWith(std::move(done)));
}

void Monitor::Connz(const HttpQuery& query, HttpDone done) {
  ConnzOptions options;
  HttpQueryReader in(query);
  in.Read("sort", options.sort);
  in.Read("auth", options.auth);
  ReadSubs(query, in, options.subscriptions, options.subscriptions_detail);
  in.Read("offset", options.offset);
  in.Read("limit", options.limit);
  in.Read("cid", options.cid);
  std::string_view state = query.Get("state");
  if (EqualsIgnoreCase(state, "closed")) {
    options.state = ConnzOptions::State::kClosed;
  } else if (EqualsIgnoreCase(state, "any") || EqualsIgnoreCase(state, "all")) {
    options.state = ConnzOptions::State::kAll;
  } else if (!state.empty() && !EqualsIgnoreCase(state, "open")) {
    in.Fail(InvalidArgument(Cat("Error decoding state for ", state)));
  }
  in.Read("user", options.user);
  in.Read("acc", options.account);
  in.Read("mqtt_client", options.mqtt_client);
  if (Passed(in, done)) {
    MakeConnz(sources_, std::move(options), RespondWith(std::move(done)));
  }
}

void Monitor::Subsz(const HttpQuery& query, HttpDone done) {
  SubszOptions options;
  HttpQueryReader in(query);
  in.Read("subs", options.subscriptions);
  in.Read("offset", options.offset);
  in.Read("limit", options.limit);
  in.Read("test", options.test);
  in.Read("acc", options.account);
  if (Passed(in, done)) {
    MakeSubsz(sources_, std::move(options), RespondWith(std::move(done)));
  }
}

void Monitor::Accountz(const HttpQuery& query, HttpDone done) {
  MakeAccountz(sources_, std::string(query.Get("acc")), RespondWith(std::move(done)));
}

void Monitor::Accstatz(const HttpQuery& query, HttpDone done) {
  AccountStatzOptions options;
  HttpQueryReader in(query);
  in.Read("unused", options.include_unused);
  if (Passed(in, done)) {
    MakeAccountStatz(sources_, std::move(options),
                     [done = std::make_shared<HttpDone>(std::move(done))](const std::string& json,
                                                                          size_t /*count*/) {
                       std::move (*done)(JsonResponse(IndentJson(json)));
                     });
  }
}

void Monitor::Jsz(const HttpQuery& query, HttpDone done) {
  JszOptions options;
  HttpQueryReader in(query);
  in.Read("accounts", options.accounts);
  in.Read("streams", options.streams);
  in.Read("consumers", options.consumers);
  in.Read("direct-consumers", options.direct_consumers);
  in.Read("config", options.config);
  in.Read("offset", options.offset);
  in.Read("limit", options.limit);
  in.Read("leader-only", options.leader_only);
  in.Read("raft", options.raft);
  in.Read("stream-leader-only", options.stream_leader_only);
  in.Read("acc", options.account);
  if (Passed(in, done)) {
    MakeJsz(sources_, std::move(options), RespondWith(std::move(done)));
  }
}

void Monitor::Routez(const HttpQuery& query, HttpDone done) {
  bool list = false;
  bool detail = false;
  HttpQueryReader in(query);
  ReadSubs(query, in, list, detail);
  if (Passed(in, done)) {
    std::move(done)(JsonResponse(IndentJson(RoutezJson(sources_))));
  }
}

void Monitor::Gatewayz(const HttpQuery& query, HttpDone done) {
  bool accounts = false;
  bool list = false;
  bool detail = false;
  HttpQueryReader in(query);
  ReadSubs(query, in, list, detail);
  in.Read("accs", accounts);
  if (Passed(in, done)) {
    std::move(done)(JsonResponse(IndentJson(GatewayzJson(sources_))));
  }
}

void Monitor::Leafz(const HttpQuery& query, HttpDone done) {
  bool list = false;
  HttpQueryReader in(query);
  in.Read("subs", list);
  if (Passed(in, done)) {
    std::move(done)(JsonResponse(IndentJson(LeafzJson(sources_))));
  }
}

void Monitor::Ipqueuesz(const HttpQuery& query, HttpDone done) {
  IpqueueszOptions options;
  HttpQueryReader in(query);
  in.Read("all", options.all);
  in.Read("queues", options.filter);
  if (Passed(in, done)) {
    MakeIpqueuesz(sources_, std::move(options), /*system_request=*/false,
                  [done = std::move(done)](const StatusOr<std::string>& json) mutable {
                    std::move(done)(JsonResponse(IndentJson(*json, kWideIndent)));
                  });
  }
}

void Monitor::Raftz(const HttpQuery& /*query*/, HttpDone done) {
  std::move(done)(TextResponse(404, "No Raft nodes registered"));
}

void Monitor::Stacksz(const HttpQuery& /*query*/, HttpDone done) {
  std::move(done)(TextResponse(200, StacksText()));
}

void Monitor::Expvar(const HttpQuery& /*query*/, HttpDone done) {
  HttpResponse response = JsonResponse(Cat("{\n\"cmdline\": ", ExpvarCommandJson(),
                                           ",\n\"memstats\": ", ExpvarMemoryJson(), "\n}\n"));
  response.content_type = "application/json; charset=utf-8";
  response.any_origin = false;
  std::move(done)(std::move(response));
}

void Monitor::Metrics(const HttpQuery& /*query*/, HttpDone done) {
  MakeMetrics(sources_, more_metrics_,
              [done = std::make_shared<HttpDone>(std::move(done))](std::string text) {
                std::move (*done)({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                   .body = std::move(text)});
              });
}

void Monitor::Healthz(const HttpQuery& query, HttpDone done) {
  HealthzOptions options;
  HttpQueryReader in(query);
  in.Read("js-enabled", options.js_enabled);
  in.Read("js-enabled-only", options.js_enabled_only);
  in.Read("js-server-only", options.js_server_only);
  in.Read("js-meta-only", options.js_meta_only);
  in.Read("details", options.details);
  in.Read("account", options.account);
  in.Read("stream", options.stream);
  in.Read("consumer", options.consumer);
  if (!Passed(in, done)) {
    return;
  }
  CheckHealth(
      sources_, options,
      [&log = sources_.context.log, options, done = std::move(done)](Health health) mutable {
        LogHealth(log, options, health);
        std::move(done)(JsonResponse(health.Json(/*with_code=*/false), health.code));
      });
}

}  // namespace weir::server

#include "server/monitor.h"

#include <utility>
#include <vector>

#include "server/healthz_page.h"
#include "server/json_indent.h"
#include "server/varz_page.h"

namespace weir::server {

namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
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

std::string Host(const MonitorOptions& options, int port) {
  bool v6 = options.host.find(':') != std::string::npos;
  return Cat(v6 ? "[" : "", options.host, v6 ? "]" : "", ":", port);
}

}  // namespace

const Monitor::Route Monitor::kRoutes[] = {
    {"/", &Monitor::Index},
    {"/varz", &Monitor::Varz},
    {"/healthz", &Monitor::Healthz},
};

Monitor::Monitor(Server& server, PageSources& sources)
    : server_(server),
      sources_(sources),
      base_path_(CleanPath(sources.options().monitor.base_path)),
      http_(sources.home(), *this, sources.context.log) {
  if (base_path_ == "/") {
    base_path_.clear();
  }
}

Monitor::~Monitor() = default;

Server::Part Monitor::AsPart() {
  return {.start = [this] { return Start(); },
          .serve =
              [this](Task next) {
                http_.StartAccepting();
                std::move(next)();
              },
          .stop =
              [this] {
                server_.RunOnAllWorkers([this](Worker& worker) {
                  if (worker.index() == 0) {
                    http_.Close();
                  }
                });
              }};
}

Status Monitor::Start() {
  const MonitorOptions& options = sources_.options().monitor;
  if (Status listening = http_.Listen({options.host, options.http_port}); !listening.ok()) {
    return Annotate(listening, "Can't start monitoring: can't listen to the monitor port");
  }
  sources_.context.monitor_port.store(http_.port());
  sources_.context.log.Info("Starting http monitor on ", Host(options, http_.port()));
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
  if (route->counted) {
    ++sources_.http_requests[std::string(route->path)];
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

void Monitor::Healthz(const HttpQuery& query, HttpDone done) {
  HealthzOptions options;
  struct Flag {
    std::string_view name;
    bool& value;
  };
  for (const Flag& flag :
       {Flag{"js-enabled", options.js_enabled}, Flag{"js-enabled-only", options.js_enabled_only},
        Flag{"js-server-only", options.js_server_only}, Flag{"js-meta-only", options.js_meta_only},
        Flag{"details", options.details}}) {
    StatusOr<bool> given = query.GetBool(flag.name);
    if (!given.ok()) {
      std::move(done)(BadRequest(given.status()));
      return;
    }
    flag.value = *given;
  }
  options.account = query.Get("account");
  options.stream = query.Get("stream");
  options.consumer = query.Get("consumer");
  CheckHealth(
      sources_, options,
      [&log = sources_.context.log, options, done = std::move(done)](Health health) mutable {
        LogHealth(log, options, health);
        std::move(done)(JsonResponse(health.Json(/*with_code=*/false), health.code));
      });
}

}  // namespace weir::server

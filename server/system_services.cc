#include "server/system_services.h"

#include <algorithm>
#include <utility>

#include "protocol/headers.h"
#include "protocol/subject.h"
#include "server/content_encoding.h"
#include "server/gather.h"
#include "server/plain_pages.h"
#include "server/short_hash.h"
#include "server/statsz_page.h"
#include "server/system_messages.h"
#include "server/varz_page.h"

namespace weir::server {

namespace {

constexpr int kBadRequest = 400;
constexpr int kFailed = 500;
constexpr int64_t kFirstStatszNs = 250'000'000;
constexpr int64_t kStatszNs = 10 * kSecondNs;
constexpr int64_t kMinStatszNs = kSecondNs;
constexpr size_t kAccountToken = 3;
constexpr std::string_view kServer = "$SYS.REQ.SERVER.";
constexpr std::string_view kAccount = "$SYS.REQ.ACCOUNT.";
constexpr std::string_view kCountSubscribers = "$SYS.REQ.ACCOUNT.NSUBS";
constexpr std::string_view kDebugSubscribers = "$SYS.DEBUG.SUBSCRIBERS";
constexpr std::string_view kUserInfo = "$SYS.REQ.USER.*.INFO";
// What every account may ask.
constexpr std::string_view kForEveryAccount[] = {
    "$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.PING.STATZ"};
// Connections answer it themselves.
constexpr std::string_view kOwnUserInfo = "$SYS.REQ.USER.INFO";
constexpr std::string_view kClaimUpdates[] = {"$SYS.ACCOUNT.*.CLAIMS.UPDATE",
                                              "$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE"};
// What servers of a cluster tell each other; and PING.STATZ, which the service of every account
// has answered.
constexpr std::string_view kIgnored[] = {"$SYS.ACCOUNT.*.LEAFNODE.CONNECT",
                                         "$SYS.REQ.ACCOUNT.PING.STATZ",
                                         "$SYS.SERVER.*.LAMEDUCK",
                                         "$SYS.SERVER.*.SHUTDOWN",
                                         "$SYS.SERVER.*.STATSZ",
                                         "$SYS.SERVER.ACCOUNT.*.CONNS",
                                         kOwnUserInfo};

}  // namespace

const SystemServices::Service SystemServices::kOfServer[] = {
    {"IDZ", &SystemServices::Idz},           {"STATSZ", &SystemServices::Statsz},
    {"VARZ", &SystemServices::Varz},         {"SUBSZ", &SystemServices::Subsz},
    {"CONNZ", &SystemServices::Connz},       {"ROUTEZ", &SystemServices::Routez},
    {"GATEWAYZ", &SystemServices::Gatewayz}, {"LEAFZ", &SystemServices::Leafz},
    {"ACCOUNTZ", &SystemServices::Accountz}, {"JSZ", &SystemServices::Jsz},
    {"HEALTHZ", &SystemServices::Healthz},   {"PROFILEZ", &SystemServices::Profilez},
    {"EXPVARZ", &SystemServices::Expvarz},   {"IPQUEUESZ", &SystemServices::Ipqueuesz},
    {"RAFTZ", &SystemServices::Raftz},
};

const SystemServices::Service SystemServices::kOfThis[] = {
    {"RELOAD", &SystemServices::DoReload},
    {"KICK", &SystemServices::Kick},
    {"LDM", &SystemServices::LameDuck},
};

const SystemServices::Service SystemServices::kOfAccount[] = {
    {"SUBSZ", &SystemServices::AccountSubsz}, {"CONNZ", &SystemServices::AccountConnz},
    {"LEAFZ", &SystemServices::Leafz},        {"JSZ", &SystemServices::AccountJsz},
    {"INFO", &SystemServices::AccountInfo},   {"STATZ", &SystemServices::AccountStatz},
    {"CONNS", &SystemServices::AccountConns},
};

SystemServices::SystemServices(Server& server, PageSources& sources, SystemEvents& events)
    : server_(server), sources_(sources), events_(events) {}

Server::Part SystemServices::AsPart() {
  return {.start = {},
          .serve =
              [this](Task next) {
                Subscribe();
                events_.Start();
                ScheduleStatsz(kFirstStatszNs);
                std::move(next)();
              },
          .stop =
              [this] {
                server_.RunOnAllWorkers([this](Worker& worker) {
                  if (worker.index() == 0) {
                    events_.ServerEnds("SHUTDOWN");
                  }
                });
              },
          .reload =
              [this](const std::vector<ReloadChange>&) {
                SubscribeAccounts();
              }};
}

void SystemServices::Subscribe() {
  Worker& home = sources_.home();
  const std::string& id = sources_.context.identity.id;
  auto subscribe = [&](AccountId account, std::string_view pattern) {
    home.AddSink(account, pattern, {}, *this);
  };
  for (const Service& each : kOfServer) {
    subscribe(kSystemAccount, Cat(kServer, id, ".", each.name));
    subscribe(kSystemAccount, Cat(kServer, "PING.", each.name));
  }
  subscribe(kSystemAccount, Cat(kServer, "PING"));
  for (const Service& each : kOfThis) {
    subscribe(kSystemAccount, Cat(kServer, id, ".", each.name));
  }
  for (const Service& each : kOfAccount) {
    subscribe(kSystemAccount, Cat(kAccount, "*.", each.name));
  }
  subscribe(kSystemAccount, kCountSubscribers);
  subscribe(kSystemAccount, kDebugSubscribers);
  subscribe(kSystemAccount, kUserInfo);
  for (std::string_view pattern : kClaimUpdates) {
    subscribe(kSystemAccount, pattern);
  }
  std::string name = ShortHash(sources_.context.identity.name);
  const std::string addressed[] = {Cat("$SYS.LATENCY.M2.", name), Cat("$SYS._INBOX.", name, ".*"),
                                   Cat("$SYS._INBOX_.", id)};
  for (const std::string& pattern : addressed) {
    home.AddSink(kSystemAccount, pattern, {}, ignored_);
  }
  for (std::string_view pattern : kIgnored) {
    home.AddSink(kSystemAccount, pattern, {}, ignored_);
  }
  SubscribeAccounts();
}

void SystemServices::SubscribeAccounts() {
  sources_.context.accounts.ForEach([this](const Account& account) {
    if (account.id().value() < subscribed_accounts_) {
      return;
    }
    subscribed_accounts_ = account.id().value() + 1;
    if (account.is_system()) {
      return;
    }
    for (std::string_view pattern : kForEveryAccount) {
      sources_.home().AddSink(account.id(), pattern, {}, *this);
    }
    sources_.home().AddSink(account.id(), kOwnUserInfo, {}, ignored_);
  });
}

// Only what is subscribed arrives, so a name that is found is one that may be asked.
SystemServices::Handler SystemServices::FindHandler(const SystemRequest& request) {
  if (request.subject == kCountSubscribers) {
    return &SystemServices::CountSubscribers;
  }
  if (protocol::Matches(request.subject, kUserInfo)) {
    return &SystemServices::NobodysInfo;
  }
  std::string_view name = request.token(kAccountToken + 1);
  if (request.account != kSystemAccount) {
    return name == "CONNZ" ? &SystemServices::AccountConnz : &SystemServices::AccountStatz;
  }
  auto find = [name](const auto& services) {
    const auto* found = std::find_if(std::begin(services), std::end(services),
                                     [name](const Service& each) { return each.name == name; });
    return found == std::end(services) ? nullptr : found->handler;
  };
  if (request.subject.starts_with(kAccount)) {
    return find(kOfAccount);
  }
  if (name.empty()) {
    return &SystemServices::Statsz;
  }
  Handler handler = find(kOfServer);
  return handler != nullptr ? handler : find(kOfThis);
}

void SystemServices::OnMessage(const jetstream::Inbound& message) {
  if (message.trace != nullptr && message.trace->only()) {
    return;
  }
  if (message.subject == kDebugSubscribers) {
    DebugSubscribers(message);
    return;
  }
  if (message.subject.ends_with(".CLAIMS.UPDATE")) {
    UpdateClaims(message);
    return;
  }
  SystemRequest request = SystemRequest::Copy(message);
  if (Handler handler = FindHandler(request)) {
    (this->*handler)(std::move(request));
  }
}

// ---- answering ----

void SystemServices::Send(const SystemRequest& request, std::string_view json) {
  Encoded encoded = EncodeFor(request.accept_encoding, json);
  std::string headers;
  if (!encoded.name.empty()) {
    headers = protocol::HeaderBuilder().Add("Content-Encoding", encoded.name).Take();
  }
  Worker& home = sources_.home();
  home.dispatcher().Publish(sources_.context.accounts.Get(request.account),
                            Message{request.reply, {}, headers, encoded.bytes}, nullptr, nullptr);
  home.RequestEndTurn();
}

void SystemServices::SendError(const SystemRequest& request, int code, const Status& status,
                               bool with_data) {
  SystemRequest plain;  // errors are never encoded
  plain.account = request.account;
  plain.reply = request.reply;
  Send(plain, ErrorEnvelope(sources_.context, code, weir::Message(status), with_data));
}

bool SystemServices::Admit(const SystemRequest& request) {
  if (request.reply.empty()) {
    return false;
  }
  if (!request.read.ok()) {
    SendError(request, kBadRequest, request.read, /*with_data=*/false);
    return false;
  }
  StatusOr<bool> meant = PassesFilter(request, sources_.options(), sources_.context.identity.name);
  if (!meant.ok()) {
    SendError(request, kBadRequest, meant.status(), /*with_data=*/false);
  }
  return meant.ok() && *meant;
}

PageDone SystemServices::Answer(SystemRequest request) {
  return [this, request = std::move(request)](const StatusOr<std::string>& json) {
    if (json.ok()) {
      Send(request, DataEnvelope(sources_.context, *json));
    } else {
      SendError(request, kFailed, json.status(), /*with_data=*/true);
    }
  };
}

template <typename T, typename Make>
void SystemServices::AnswerWith(SystemRequest request, StatusOr<T> options, Make make) {
  if (!Admit(request)) {
    return;
  }
  if (!options.ok()) {
    SendError(request, kBadRequest, options.status(), /*with_data=*/false);
    return;
  }
  make(*std::move(options), Answer(std::move(request)));
}

std::string SystemServices::AccountOf(const SystemRequest& request) const {
  return request.account == kSystemAccount ? std::string(request.token(kAccountToken))
                                           : sources_.context.accounts.NameOf(request.account);
}

// ---- about the server ----

void SystemServices::Idz(SystemRequest request) {
  if (request.reply.empty()) {
    return;
  }
  request.accept_encoding.clear();
  JsonWriter out;
  out.OpenObject().Field("name", sources_.context.identity.name);
  out.Field("host", sources_.options().client.host).Field("id", sources_.context.identity.id);
  out.CloseObject();
  Send(request, out.text());
}

void SystemServices::Statsz(SystemRequest request) {
  request.accept_encoding.clear();
  std::string own = Cat("$SYS.SERVER.", sources_.context.identity.id, ".STATSZ");
  if (request.reply.empty()) {
    request.reply = own;
  }
  if (!Admit(request)) {
    return;
  }
  if (request.reply == own) {
    PublishStatsz(own);
    return;
  }
  MakeStatsz(sources_, [this, request = std::move(request)](const std::string& json) {
    Send(request, json);
  });
}

void SystemServices::Varz(SystemRequest request) {
  if (Admit(request)) {
    MakeVarz(sources_, Answer(std::move(request)));
  }
}

void SystemServices::Subsz(SystemRequest request) {
  auto options = ReadSubszOptions(request.body);
  AnswerWith(std::move(request), std::move(options), [this](SubszOptions read, PageDone done) {
    MakeSubsz(sources_, std::move(read), std::move(done));
  });
}

void SystemServices::Connz(SystemRequest request) {
  auto options = ReadConnzOptions(request.body);
  AnswerWith(std::move(request), std::move(options), [this](ConnzOptions read, PageDone done) {
    MakeConnz(sources_, std::move(read), std::move(done));
  });
}

void SystemServices::Routez(SystemRequest request) {
  if (Admit(request)) {
    Answer(std::move(request))(RoutezJson(sources_));
  }
}

void SystemServices::Gatewayz(SystemRequest request) {
  if (Admit(request)) {
    Answer(std::move(request))(GatewayzJson(sources_));
  }
}

void SystemServices::Leafz(SystemRequest request) {
  if (Admit(request)) {
    Answer(std::move(request))(LeafzJson(sources_));
  }
}

void SystemServices::Accountz(SystemRequest request) {
  auto account = ReadText(request.body, "account");
  AnswerWith(std::move(request), std::move(account), [this](std::string name, PageDone done) {
    MakeAccountz(sources_, std::move(name), std::move(done));
  });
}

void SystemServices::Jsz(SystemRequest request) {
  auto options = ReadJszOptions(request.body);
  if (options.ok() && options->leader_only && !sources_.jetstream_on()) {
    return;  // nobody leads here
  }
  AnswerWith(std::move(request), std::move(options), [this](JszOptions read, PageDone done) {
    MakeJsz(sources_, std::move(read), std::move(done));
  });
}

void SystemServices::Healthz(SystemRequest request) {
  auto options = ReadHealthzOptions(request.body);
  AnswerWith(std::move(request), std::move(options), [this](HealthzOptions read, PageDone done) {
    CheckHealth(sources_, std::move(read), [done = std::move(done)](const Health& health) mutable {
      std::move(done)(health.Json(/*with_code=*/true));
    });
  });
}

void SystemServices::Profilez(SystemRequest request) {
  auto name = ReadText(request.body, "name");
  AnswerWith(std::move(request), std::move(name), [](const std::string& wanted, PageDone done) {
    JsonWriter out;
    out.OpenObject().Key("profile").Null();
    out.Field("error", wanted.empty() ? std::string("Profile name not specified")
                                      : Cat("Profile ", Quoted(wanted), " not found"));
    out.CloseObject();
    std::move(done)(out.Take());
  });
}

void SystemServices::Expvarz(SystemRequest request) {
  if (Admit(request)) {
    Answer(std::move(request))(
        Cat("{\"memstats\":", ExpvarMemoryJson(), ",\"cmdline\":", ExpvarCommandJson(), "}"));
  }
}

void SystemServices::Ipqueuesz(SystemRequest request) {
  auto options = ReadIpqueueszOptions(request.body);
  AnswerWith(std::move(request), std::move(options), [this](IpqueueszOptions read, PageDone done) {
    MakeIpqueuesz(sources_, std::move(read), /*system_request=*/true, std::move(done));
  });
}

void SystemServices::Raftz(SystemRequest request) {
  if (Admit(request)) {
    Answer(std::move(request))("{}");
  }
}

// ---- orders ----

void SystemServices::DoReload(SystemRequest request) {
  if (!Admit(request)) {
    return;
  }
  server_.RequestReload([this, request = std::move(request)](const Status& status) {
    // On the main thread; the answer is the first worker's.
    sources_.home().Post([this, request, status] {
      if (status.ok()) {
        Send(request, DataEnvelope(sources_.context, {}));
      } else {
        SendError(request, kFailed, status, /*with_data=*/false);
      }
    });
  });
}

namespace {

// Runs `visit` with the connection of this id, wherever it is, and `done` with its answer; false
// when there is no such client.
void WithClient(const PageSources& sources, uint64_t id,
                std::function<bool(Worker&, Connection&)> visit,
                std::function<void(bool found, bool done)> done) {
  struct Outcome {
    bool found = false;
    bool done = false;
  };
  Gather(
      sources.workers,
      [id, visit = std::move(visit)](Worker& worker) {
        Outcome out;
        worker.ForEachConnection([&](Connection& connection) {
          if (connection.id() == id) {
            out = {true, visit(worker, connection)};
          }
        });
        return out;
      },
      [done = std::move(done)](const std::vector<Outcome>& answers) {
        for (const Outcome& each : answers) {
          if (each.found) {
            done(true, each.done);
            return;
          }
        }
        done(false, false);
      });
}

}  // namespace

void SystemServices::Kick(SystemRequest request) {
  auto id = ReadClientId(request.body);
  if (!id.ok() || !Admit(request)) {
    return;
  }
  WithClient(
      sources_, *id,
      [](Worker&, Connection& connection) {
        connection.CloseNow(CloseReason::kKicked);
        return true;
      },
      [this, request = std::move(request)](bool found, bool) {
        if (found) {
          Send(request, DataEnvelope(sources_.context, {}));
        } else {
          SendError(request, kFailed, NotFound("no such client or leafnode id"), false);
        }
      });
}

void SystemServices::LameDuck(SystemRequest request) {
  auto id = ReadClientId(request.body);
  if (!id.ok() || !Admit(request)) {
    return;
  }
  WithClient(
      sources_, *id,
      [](Worker& worker, Connection& connection) {
        bool able = connection.session().wants_async_info();
        connection.SendLameDuckInfo();
        worker.RequestEndTurn();
        return able;
      },
      [this, request = std::move(request)](bool found, bool sent) {
        if (sent) {
          Send(request, DataEnvelope(sources_.context, {}));
        } else {
          SendError(request, kFailed,
                    NotFound(found ? "client does not support Lame Duck Mode or is not ready to "
                                     "receive the notification"
                                   : "no such client id"),
                    false);
        }
      });
}

// ---- about an account ----

void SystemServices::AccountSubsz(SystemRequest request) {
  auto options = ReadSubszOptions(request.body);
  std::string account = AccountOf(request);
  AnswerWith(std::move(request), std::move(options),
             [this, &account](SubszOptions read, PageDone done) {
               read.subscriptions = true;
               read.account = account;
               MakeSubsz(sources_, std::move(read), std::move(done));
             });
}

void SystemServices::AccountConnz(SystemRequest request) {
  auto options = ReadConnzOptions(request.body);
  std::string account = AccountOf(request);
  AnswerWith(std::move(request), std::move(options),
             [this, &account](ConnzOptions read, PageDone done) {
               read.account = account;
               MakeConnz(sources_, std::move(read), std::move(done));
             });
}

void SystemServices::AccountJsz(SystemRequest request) {
  auto options = ReadJszOptions(request.body);
  std::string account = AccountOf(request);
  AnswerWith(std::move(request), std::move(options),
             [this, &account](JszOptions read, PageDone done) {
               read.account = account;
               MakeAccountJsz(sources_, std::move(read), std::move(done));
             });
}

void SystemServices::AccountInfo(SystemRequest request) {
  if (Admit(request)) {
    std::string account = AccountOf(request);
    MakeAccountInfo(sources_, std::move(account), Answer(std::move(request)));
  }
}

void SystemServices::AccountStatz(SystemRequest request) {
  auto options = ReadAccountStatzOptions(request.body);
  std::string account = AccountOf(request);
  bool every = request.account == kSystemAccount && account == "PING";
  AnswerWith(std::move(request), std::move(options),
             [&, this](AccountStatzOptions read, PageDone done) {
               if (!every) {
                 read.accounts = {account};
               }
               bool unused = read.include_unused;
               MakeAccountStatz(sources_, std::move(read),
                                [unused, done = std::make_shared<PageDone>(std::move(done))](
                                    std::string json, size_t count) {
                                  if (count > 0 || unused) {
                                    std::move (*done)(std::move(json));
                                  }
                                });
             });
}

void SystemServices::AccountConns(SystemRequest request) {
  const Account* account = sources_.context.accounts.FindByName(AccountOf(request));
  if (account != nullptr && !request.reply.empty() && request.read.ok()) {
    events_.TellClients(account->id(), request.reply, /*always=*/false);
  }
}

void SystemServices::CountSubscribers(SystemRequest request) {
  auto name = ReadText(request.body, "acc");
  auto subject = ReadText(request.body, "subject");
  auto encoded_queue = ReadText(request.body, "queue");
  if (!request.read.ok() || !name.ok() || !subject.ok() || !encoded_queue.ok()) {
    return;
  }
  auto account = sources_.context.accounts.Find(*name);
  auto queue = Base64Decode(*encoded_queue);
  if (account && queue) {
    SendCount(std::move(request), *account, *std::move(subject), *std::move(queue),
              /*always=*/false);
  }
}

// "subject" or "subject queue", no JSON.
void SystemServices::DebugSubscribers(const jetstream::Inbound& message) {
  SystemRequest request;
  request.account = message.account;
  request.reply = message.reply;
  std::string_view text = TrimSpace(message.payload);
  size_t space = text.find(' ');
  std::string_view queue = space == std::string_view::npos ? "" : text.substr(space + 1);
  SendCount(std::move(request), message.account, std::string(text.substr(0, space)),
            std::string(queue.substr(0, queue.find(' '))), /*always=*/true);
}

void SystemServices::SendCount(SystemRequest request, AccountId account, std::string subject,
                               std::string queue, bool always) {
  if (request.reply.empty()) {
    return;
  }
  struct Count {
    size_t clients = 0;
    size_t subscriptions = 0;
  };
  bool valid = protocol::IsValidPattern(subject);
  auto visit = [account, valid, subject = std::move(subject),
                queue = std::move(queue)](Worker& worker) {
    bool literal = protocol::IsValidLiteral(subject);
    Count out;
    worker.ForEachConnection([&](Connection& connection) {
      const Account* own = connection.session().account();
      if (own == nullptr || own->id() != account) {
        return;
      }
      ++out.clients;
      connection.session().ForEachSubscription([&](const SubscriptionTable::Subscription& each) {
        bool covers = valid && (literal ? protocol::Matches(subject, each.subject)
                                        : protocol::IsSubset(each.subject, subject));
        out.subscriptions += covers && (queue.empty() || queue == each.queue) ? 1 : 0;
      });
    });
    return out;
  };
  request.accept_encoding.clear();
  Gather(sources_.workers, visit,
         [this, always, request = std::move(request)](const std::vector<Count>& answers) {
           Count all;
           for (const Count& each : answers) {
             all.clients += each.clients;
             all.subscriptions += each.subscriptions;
           }
           if (always || all.clients > 0) {
             Send(request, Cat(all.subscriptions));
           }
         });
}

// Asked in the system account, where it is not known of whom. Clients' own requests are answered by
// their connections.
void SystemServices::NobodysInfo(SystemRequest request) {
  if (!request.reply.empty()) {
    request.accept_encoding.clear();
    Send(request, DataEnvelope(sources_.context, R"({"user":"","account":""})"));
  }
}

void SystemServices::UpdateClaims(const jetstream::Inbound& message) {
  if (message.reply.empty()) {
    return;
  }
  SystemRequest request;
  request.account = message.account;
  request.subject = message.subject;
  request.reply = message.reply;
  bool is_old = !message.subject.starts_with(kAccount);
  bool has_chunks = std::count(message.payload.begin(), message.payload.end(), '.') == 2;
  std::string_view why = message.payload.empty() ? "jwt update error - request body is empty"
                         : !has_chunks ? "jwt update resulted in error - expected 3 chunks"
                                       : "jwt update resulted in error - account validation failed";
  JsonWriter out;
  out.OpenObject().Key("server").Raw(ServerInfoJson(sources_.context)).Key("error").OpenObject();
  out.Field("account", request.token(is_old ? kAccountToken - 1 : kAccountToken));
  out.Field("code", kFailed).Field("description", why).CloseObject().CloseObject();
  Send(request, out.Take());
}

// ---- STATSZ by itself ----

void SystemServices::PublishStatsz(const std::string& subject) {
  Worker& home = sources_.home();
  Account& system = sources_.context.accounts.Get(kSystemAccount);
  if (home.now_ns() - last_statsz_ns_ < kMinStatszNs ||
      !home.dispatcher().HasInterest(system, subject)) {
    return;
  }
  last_statsz_ns_ = home.now_ns();
  MakeStatsz(sources_, [&home, &system, subject](const std::string& json) {
    home.dispatcher().Publish(system, Message{subject, {}, {}, json}, nullptr, nullptr);
    home.RequestEndTurn();
  });
}

void SystemServices::ScheduleStatsz(int64_t interval_ns) {
  Worker& home = sources_.home();
  home.timers().Schedule(home.now_ns() + interval_ns, [this, interval_ns] {
    PublishStatsz(Cat("$SYS.SERVER.", sources_.context.identity.id, ".STATSZ"));
    ScheduleStatsz(std::min(interval_ns * 2, kStatszNs));
  });
}

}  // namespace weir::server

#include "server/connz_page.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "protocol/subject.h"
#include "server/gather.h"

namespace weir::server {

namespace {

constexpr int64_t kDefaultLimit = 1024;
constexpr size_t kMaxSubscriptions = 100'000;  // of one connection
constexpr std::array<std::string_view, 14> kSorts = {
    "cid",        "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to",
    "bytes_from", "last",  "idle", "uptime",  "stop",    "reason",    "rtt"};

// A connection's place in the order: ascending by `number`, then by `text`, then by id.
struct Rank {
  int64_t number = 0;
  std::string_view text = {};
  uint64_t id = 0;

  auto operator<=>(const Rank&) const = default;
};

int64_t Signed(uint64_t number) {
  return static_cast<int64_t>(number);
}

// What is largest first has its sign turned.
Rank RankOf(const ConnectionInfo& info, std::string_view sort, int64_t now_ns) {
  auto number = [&]() -> int64_t {
    if (sort == "subs") {
      return -Signed(info.subscription_count);
    }
    if (sort == "pending") {
      return -Signed(info.pending_bytes);
    }
    if (sort == "msgs_to") {
      return -Signed(info.counters.out_msgs);
    }
    if (sort == "msgs_from") {
      return -Signed(info.counters.in_msgs);
    }
    if (sort == "bytes_to") {
      return -Signed(info.counters.out_bytes);
    }
    if (sort == "bytes_from") {
      return -Signed(info.counters.in_bytes);
    }
    if (sort == "last") {
      return -info.last_activity_ns;
    }
    if (sort == "idle") {
      return info.last_activity_ns;
    }
    if (sort == "uptime") {
      return info.end_ns(now_ns) - info.start_ns;
    }
    if (sort == "stop") {
      return -info.stop_ns;
    }
    return sort == "rtt" ? -info.rtt_ns : 0;
  };
  return {number(), sort == "reason" ? ReasonText(info.reason) : std::string_view{}, info.id};
}

// Sorts and keeps the first `count`.
void KeepFirst(std::vector<ConnectionInfo>& infos, std::string_view sort, int64_t now_ns,
               size_t count) {
  auto before = [&](const ConnectionInfo& a, const ConnectionInfo& b) {
    return RankOf(a, sort, now_ns) < RankOf(b, sort, now_ns);
  };
  count = std::min(count, infos.size());
  std::partial_sort(infos.begin(), infos.begin() + static_cast<ptrdiff_t>(count), infos.end(),
                    before);
  infos.resize(count);
}

Status Check(ConnzOptions& options) {
  options.offset = std::max<int64_t>(options.offset, 0);
  options.limit = options.limit <= 0 ? kDefaultLimit : options.limit;
  if (!options.sort.empty() &&
      std::find(kSorts.begin(), kSorts.end(), options.sort) == kSorts.end()) {
    return InvalidArgument(Cat("invalid sorting option: ", options.sort));
  }
  bool of_closed = options.sort == "stop" || options.sort == "reason";
  if (of_closed && options.state != ConnzOptions::State::kClosed) {
    return InvalidArgument(Cat("sort by ", options.sort, " only valid on closed connections"));
  }
  if (options.cid > 0) {
    options.limit = 1;
  }
  if (options.filter_subject == ">") {
    options.filter_subject.clear();
  }
  if (!options.filter_subject.empty() && options.account.empty()) {
    return InvalidArgument("filter by subject only valid with account filtering");
  }
  return OkStatus();
}

// The question with what the workers need to answer their part.
struct Query {
  ConnzOptions options;
  std::optional<AccountId> account = std::nullopt;
  int64_t now_ns = 0;

  bool open() const { return options.state != ConnzOptions::State::kClosed; }
  bool closed() const { return options.state != ConnzOptions::State::kOpen; }
  bool lists() const { return options.subscriptions || options.subscriptions_detail; }
  size_t wanted() const {
    // A limit may be as large as a number can be.
    auto sum = static_cast<uint64_t>(options.offset) + static_cast<uint64_t>(options.limit);
    return std::max<size_t>(sum, static_cast<size_t>(options.offset));
  }
  bool Admits(const ConnectionInfo& info) const {
    return (options.cid == 0 || info.id == options.cid) && options.mqtt_client.empty() &&
           (options.user.empty() || info.user == options.user);
  }
};

struct Answer {
  size_t total = 0;  // in the account, whatever else was asked
  std::vector<ConnectionInfo> infos;
};

bool Subscribes(Session& session, std::string_view filter) {
  bool found = filter.empty();
  session.ForEachSubscription([&](const SubscriptionTable::Subscription& each) {
    found = found || protocol::Overlap(filter, each.subject);
  });
  return found;
}

Answer Ask(Worker& worker, const Query& query) {
  Answer out;
  if (!query.open()) {
    return out;
  }
  worker.ForEachConnection([&](Connection& connection) {
    const Account* account = connection.session().account();
    if (query.account && (account == nullptr || account->id() != *query.account)) {
      return;
    }
    ++out.total;
    if (query.options.cid != 0 && connection.id() != query.options.cid) {
      return;
    }
    ConnectionInfo info = connection.Describe(query.lists() ? kMaxSubscriptions : 0);
    if (!query.Admits(info) || !Subscribes(connection.session(), query.options.filter_subject)) {
      return;
    }
    connection.MeasureRoundTrip();
    out.infos.push_back(std::move(info));
    // Never more than twice what is wanted, however many connections there are.
    if (out.infos.size() / 2 > query.wanted()) {
      KeepFirst(out.infos, query.options.sort, query.now_ns, query.wanted());
    }
  });
  KeepFirst(out.infos, query.options.sort, query.now_ns, query.wanted());
  return out;
}

void AddClosed(const ClosedConnections& closed, const Query& query, Answer& out) {
  if (!query.closed()) {
    return;
  }
  bool by_id = query.options.cid != 0;
  bool found = by_id && !out.infos.empty();
  for (const ConnectionInfo& info : closed.entries()) {
    if (query.account && !(info.has_account && info.account == *query.account)) {
      continue;
    }
    ++out.total;
    if (!found && query.Admits(info) && query.options.filter_subject.empty()) {
      out.infos.push_back(info);
      found = by_id;
    }
  }
}

void WriteConnection(JsonWriter& out, const ConnectionInfo& info, const Query& query,
                     const AccountRegistry& accounts) {
  const ConnzOptions& options = query.options;
  std::string account = info.has_account ? accounts.NameOf(info.account) : std::string();
  bool global = info.has_account && info.account == kGlobalAccount;
  out.OpenObject().Field("cid", info.id).Field("kind", "Client").Field("type", "nats");
  out.Field("ip", info.ip).Field("port", info.port);
  out.Key("start").Time(info.start_ns).Key("last_activity").Time(info.last_activity_ns);
  if (info.stop_ns != 0) {
    out.Key("stop").Time(info.stop_ns).Field("reason", ReasonText(info.reason));
  }
  int64_t end = info.end_ns(query.now_ns);
  out.Field("rtt", RoundTripText(info.rtt_ns));
  out.Field("uptime", ShortDuration(end - info.start_ns));
  out.Field("idle", ShortDuration(end - info.last_activity_ns));
  out.Field("pending_bytes", info.pending_bytes);
  out.Field("in_msgs", info.counters.in_msgs).Field("out_msgs", info.counters.out_msgs);
  out.Field("in_bytes", info.counters.in_bytes).Field("out_bytes", info.counters.out_bytes);
  out.Optional("stalls", info.stalls).Field("subscriptions", info.subscription_count);
  out.Optional("name", info.name).Optional("lang", info.lang).Optional("version", info.version);
  out.Optional("tls_version", info.tls_version);
  out.Optional("tls_cipher_suite", info.tls_cipher_suite);
  if (options.auth) {
    out.Optional("authorized_user", info.user).Optional("account", global ? "" : account);
  }
  bool detail = options.subscriptions_detail;
  if (query.lists() && !info.subscriptions.empty()) {
    out.Key(detail ? "subscriptions_list_detail" : "subscriptions_list").OpenArray();
    for (const SubscriptionInfo& each : info.subscriptions) {
      if (detail) {
        WriteSubscription(out, each, info.stop_ns != 0 ? account : std::string());
      } else {
        out.Value(each.subject);
      }
    }
    out.CloseArray();
  }
  // Of closed ones in the global account the reference keeps no account.
  if (options.auth && !(global && info.stop_ns != 0)) {
    out.Optional("name_tag", account);
  }
  out.CloseObject();
}

std::string Compose(const PageSources& sources, const Query& query, Answer answer) {
  auto offset = static_cast<size_t>(query.options.offset);
  KeepFirst(answer.infos, query.options.sort, query.now_ns, query.wanted());
  size_t first = std::min(offset, answer.infos.size());
  JsonWriter out;
  out.OpenObject().Field("server_id", sources.context.identity.id);
  out.Key("now").Time(query.now_ns);
  out.Field("num_connections", answer.infos.size() - first).Field("total", answer.total);
  out.Field("offset", query.options.offset).Field("limit", query.options.limit);
  out.Key("connections").OpenArray();
  for (size_t i = first; i < answer.infos.size(); ++i) {
    WriteConnection(out, answer.infos[i], query, sources.context.accounts);
  }
  out.CloseArray().CloseObject();
  return out.Take();
}

// What the reference says of an account that it does not know.
std::string NothingThere(const Query& query) {
  JsonWriter out;
  out.OpenObject().Field("server_id", "").Key("now").Time(query.now_ns);
  out.Field("num_connections", 0).Field("total", 0).Field("offset", query.options.offset);
  out.Field("limit", query.options.limit).Key("connections").Null().CloseObject();
  return out.Take();
}

}  // namespace

void MakeConnz(PageSources& sources, ConnzOptions options, PageDone done) {
  if (Status checked = Check(options); !checked.ok()) {
    std::move(done)(checked);
    return;
  }
  Query query{.options = std::move(options), .now_ns = sources.context.clock.wall_ns()};
  if (!query.options.account.empty()) {
    query.account = sources.context.accounts.Find(query.options.account);
    if (!query.account) {
      std::move(done)(NothingThere(query));
      return;
    }
  }
  auto shared = std::make_shared<const Query>(std::move(query));
  Gather(
      sources.workers, [shared](Worker& worker) { return Ask(worker, *shared); },
      [&sources, shared, done = std::move(done)](std::vector<Answer> answers) mutable {
        Answer all;
        for (Answer& each : answers) {
          all.total += each.total;
          std::move(each.infos.begin(), each.infos.end(), std::back_inserter(all.infos));
        }
        AddClosed(sources.closed, *shared, all);
        std::move(done)(Compose(sources, *shared, std::move(all)));
      });
}

}  // namespace weir::server

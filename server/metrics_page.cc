#include "server/metrics_page.h"

#include <array>
#include <cmath>
#include <utility>

#include "server/connz_page.h"
#include "server/jetstream_part.h"
#include "server/jsz_page.h"
#include "server/plain_pages.h"
#include "server/prometheus_text.h"
#include "server/subsz_page.h"
#include "server/varz_page.h"
#include "storage/damage_count.h"

namespace weir::server {

namespace {

using Labels = PrometheusText::Labels;
using Type = PrometheusText::Type;
using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr double kMillisecond = 1e6;  // in nanoseconds

// Of a flattened page: what the exporter leaves out, and the texts that it shows.
constexpr std::array<std::string_view, 9> kSkipped = {"leaf",
                                                      "trusted_operators_claim",
                                                      "cluster_tls_timeout",
                                                      "cluster_cluster_port",
                                                      "cluster_auth_timeout",
                                                      "gateway_port",
                                                      "gateway_auth_timeout",
                                                      "gateway_tls_timeout",
                                                      "gateway_connect_retries"};
constexpr std::array<std::string_view, 8> kShownTexts = {
    "server_id", "server_name", "version", "domain", "leader", "name", "start", "config_load_time"};

template <size_t kSize>
bool Contains(const std::array<std::string_view, kSize>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string_view View(const boost::json::string& text) {
  return {text.data(), text.size()};
}
std::string_view View(boost::json::string_view text) {
  return {text.data(), text.size()};
}

// The page as it was made; an empty object when it could not be.
object Parsed(const StatusOr<std::string>& json) {
  if (json.ok()) {
    if (auto read = ParseJson(*json); read.ok() && read->is_object()) {
      return std::move(read->get_object());
    }
  }
  return {};
}

double Number(const value* from) {
  if (from == nullptr) {
    return 0;
  }
  if (const int64_t* number = from->if_int64()) {
    return static_cast<double>(*number);
  }
  if (const uint64_t* number = from->if_uint64()) {
    return static_cast<double>(*number);
  }
  const double* number = from->if_double();
  return number == nullptr ? 0 : *number;
}

// The member at the end of a path through objects; nullptr when there is none.
const value* At(const object& from, std::initializer_list<std::string_view> path) {
  const object* in = &from;
  const value* found = nullptr;
  for (std::string_view key : path) {
    found = in == nullptr ? nullptr : in->if_contains({key.data(), key.size()});
    in = found == nullptr ? nullptr : found->if_object();
  }
  return found;
}
double NumberAt(const object& from, std::initializer_list<std::string_view> path) {
  return Number(At(from, path));
}
std::string TextAt(const object& from, std::initializer_list<std::string_view> path) {
  const value* found = At(from, path);
  const auto* text = found == nullptr ? nullptr : found->if_string();
  return text == nullptr ? std::string() : std::string(View(*text));
}
const array& ListAt(const object& from, std::string_view key) {
  static const array kEmpty;
  const value* found = At(from, {key});
  const array* list = found == nullptr ? nullptr : found->if_array();
  return list == nullptr ? kEmpty : *list;
}

// One page's numbers, "a": {"b": 1} as nats_<page>_a_b.
class Flattened {
 public:
  Flattened(PrometheusText& out, std::string_view page, std::string server_id)
      : out_(out), page_(page), labels_{{"server_id", std::move(server_id)}} {}

  void Add(const object& from, const std::string& path = {}) {
    for (const auto& member : from) {
      std::string name = Joined(path, View(member.key()));
      if (Contains(kSkipped, name)) {
        continue;
      }
      if (const object* inner = member.value().if_object()) {
        Add(*inner, name);
      } else if (member.value().is_number()) {
        Gauge(name, labels_, Number(&member.value()));
      } else if (const auto* text = member.value().if_string();
                 text != nullptr && Contains(kShownTexts, View(member.key()))) {
        AddText(name, View(*text));
      }
    }
  }
  void Gauge(const std::string& name, const Labels& labels, double number) {
    out_.Add(Cat("nats_", page_, "_", name), Type::kGauge, Cat(name, " of /", page_), labels,
             number);
  }
  const Labels& labels() const { return labels_; }

 private:
  // A slash becomes a line, lines never stand side by side or at an end.
  static std::string Joined(const std::string& path, std::string_view key) {
    std::string out = path;
    bool gap = !path.empty();
    for (char c : key) {
      if (c == '_' || c == '/') {
        gap = !out.empty();
        continue;
      }
      if (std::exchange(gap, false)) {
        out.push_back('_');
      }
      out.push_back(c);
    }
    return out;
  }

  void AddText(const std::string& name, std::string_view text) {
    if (auto time = ParseTime(text)) {
      Gauge(name, labels_, std::floor(static_cast<double>(*time) / kMillisecond));
      return;
    }
    Labels labels = labels_;
    labels.emplace_back("value", text);
    Gauge(name, labels, 1);
  }

  PrometheusText& out_;
  std::string page_;
  Labels labels_;
};

void AddConnz(PrometheusText& out, const object& connz, const std::string& server_id) {
  const Labels labels = {{"server_id", server_id}};
  auto add = [&](std::string_view name, Type type, double number) {
    out.Add(Cat("nats_connz_", name), type, Cat(name, " of /connz"), labels, number);
  };
  for (std::string_view name : {"num_connections", "offset", "total", "limit"}) {
    add(name, Type::kGauge, NumberAt(connz, {name}));
  }
  for (const auto& [name, type] :
       {std::pair("pending_bytes", Type::kGauge), std::pair("subscriptions", Type::kGauge),
        std::pair("in_bytes", Type::kCounter), std::pair("out_bytes", Type::kCounter),
        std::pair("in_msgs", Type::kCounter), std::pair("out_msgs", Type::kCounter)}) {
    double sum = 0;
    for (const value& connection : ListAt(connz, "connections")) {
      sum += NumberAt(connection.get_object(), {name});
    }
    add(name, type, sum);
  }
}

// What /jsz tells, with the labels of the exporter.
class JszMetrics {
 public:
  JszMetrics(PrometheusText& out, const PageSources& sources)
      : out_(out), name_(sources.context.identity.name) {
    server_ = {{"server_id", sources.context.identity.id},
               {"server_name", name_},
               {"cluster", ""},
               {"domain", sources.options().jetstream.domain},
               {"meta_leader", ""},
               {"is_meta_leader", "true"}};
  }

  void Add(const object& jsz) {
    Gauge("server_jetstream_disabled", server_, At(jsz, {"disabled"}) == nullptr ? 0 : 1);
    Gauge("server_max_memory", server_, NumberAt(jsz, {"config", "max_memory"}));
    Gauge("server_max_storage", server_, NumberAt(jsz, {"config", "max_storage"}));
    Gauge("server_total_streams", server_, NumberAt(jsz, {"streams"}));
    Gauge("server_total_consumers", server_, NumberAt(jsz, {"consumers"}));
    Gauge("server_total_messages", server_, NumberAt(jsz, {"messages"}));
    Gauge("server_total_message_bytes", server_, NumberAt(jsz, {"bytes"}));
    for (const value& account : ListAt(jsz, "account_details")) {
      AddAccount(account.get_object());
    }
  }

 private:
  static Labels With(Labels labels,
                     std::initializer_list<std::pair<std::string_view, std::string>> more) {
    labels.insert(labels.end(), more.begin(), more.end());
    return labels;
  }
  void Gauge(std::string_view name, const Labels& labels, double number) {
    out_.Add(Cat("nats_", name), Type::kGauge, Cat(name, " of /jsz"), labels, number);
  }

  void AddAccount(const object& account) {
    std::string name = TextAt(account, {"name"});
    Labels labels =
        With(server_,
             {{"account", name}, {"account_name", name}, {"account_id", TextAt(account, {"id"})}});
    Gauge("account_max_storage", labels, NumberAt(account, {"reserved_storage"}));
    Gauge("account_max_memory", labels, NumberAt(account, {"reserved_memory"}));
    Gauge("account_storage_used", labels, NumberAt(account, {"storage"}));
    Gauge("account_memory_used", labels, NumberAt(account, {"memory"}));
    for (const value& stream : ListAt(account, "stream_detail")) {
      AddStream(stream.get_object(), labels);
    }
  }

  void AddStream(const object& stream, const Labels& account) {
    Labels labels = With(account, {{"stream_name", TextAt(stream, {"name"})},
                                   {"stream_leader", name_},
                                   {"is_stream_leader", "true"},
                                   {"stream_raft_group", ""}});
    Gauge("stream_total_messages", labels, NumberAt(stream, {"state", "messages"}));
    Gauge("stream_total_bytes", labels, NumberAt(stream, {"state", "bytes"}));
    Gauge("stream_first_seq", labels, NumberAt(stream, {"state", "first_seq"}));
    Gauge("stream_last_seq", labels, NumberAt(stream, {"state", "last_seq"}));
    Gauge("stream_consumer_count", labels, NumberAt(stream, {"state", "consumer_count"}));
    Gauge("stream_subject_count", labels, NumberAt(stream, {"state", "num_subjects"}));
    Gauge("stream_limit_bytes", labels, NumberAt(stream, {"config", "max_bytes"}));
    Gauge("stream_limit_messages", labels, NumberAt(stream, {"config", "max_msgs"}));
    for (const value& source : ListAt(stream, "sources")) {
      AddUpstream("source", source.get_object(), labels);
    }
    if (const value* mirror = At(stream, {"mirror"}); mirror != nullptr && mirror->is_object()) {
      AddUpstream("mirror", mirror->get_object(), labels);
    }
    for (const value& consumer : ListAt(stream, "consumer_detail")) {
      AddConsumer(consumer.get_object(), labels);
    }
  }

  void AddUpstream(const std::string& kind, const object& upstream, const Labels& stream) {
    std::string name = Cat(kind, "_name");
    std::string api = Cat(kind, "_api");
    std::string deliver = Cat(kind, "_deliver");
    Labels labels = With(stream, {{name, TextAt(upstream, {"name"})},
                                  {api, TextAt(upstream, {"external", "api"})},
                                  {deliver, TextAt(upstream, {"external", "deliver"})}});
    Gauge(Cat("stream_", kind, "_lag"), labels, NumberAt(upstream, {"lag"}));
    Gauge(Cat("stream_", kind, "_active_duration_ns"), labels, NumberAt(upstream, {"active"}));
  }

  void AddConsumer(const object& consumer, const Labels& stream) {
    Labels labels = With(stream, {{"consumer_name", TextAt(consumer, {"name"})},
                                  {"consumer_leader", ""},
                                  {"is_consumer_leader", "true"},
                                  {"consumer_desc", TextAt(consumer, {"config", "description"})}});
    auto now = ParseTime(TextAt(consumer, {"ts"}));
    for (const auto& [name, part] : {std::pair("consumer_last_delivery_seconds", "delivered"),
                                     std::pair("consumer_last_ack_seconds", "ack_floor")}) {
      auto last = ParseTime(TextAt(consumer, {part, "last_active"}));
      if (now && last) {
        Gauge(name, labels, static_cast<double>(*now - *last) / static_cast<double>(kSecondNs));
      }
    }
    Gauge("consumer_delivered_consumer_seq", labels,
          NumberAt(consumer, {"delivered", "consumer_seq"}));
    Gauge("consumer_delivered_stream_seq", labels, NumberAt(consumer, {"delivered", "stream_seq"}));
    for (std::string_view name :
         {"num_ack_pending", "num_redelivered", "num_waiting", "num_pending"}) {
      Gauge(Cat("consumer_", name), labels, NumberAt(consumer, {name}));
    }
    Gauge("consumer_ack_floor_stream_seq", labels, NumberAt(consumer, {"ack_floor", "stream_seq"}));
    Gauge("consumer_ack_floor_consumer_seq", labels,
          NumberAt(consumer, {"ack_floor", "consumer_seq"}));
  }

  PrometheusText& out_;
  std::string name_;
  Labels server_;
};

constexpr double kMicroseconds = 1e6;  // in a second

void AddCommits(PrometheusText& out, const storage::CommitStats& stats) {
  constexpr std::string_view kLatency = "weir_commit_duration_seconds";
  constexpr std::string_view kHelp = "Time of a write to the store, its sync included";
  uint64_t below = 0;
  for (size_t i = 0; i + 1 < storage::CommitStats::kBuckets; ++i) {
    below += stats.latency[i];
    double seconds = std::ldexp(1.0, static_cast<int>(i)) / kMicroseconds;
    out.Add(kLatency, Type::kHistogram, kHelp, {{"le", Cat(seconds)}}, static_cast<double>(below),
            "_bucket");
  }
  auto commits = static_cast<double>(stats.commits);
  out.Add(kLatency, Type::kHistogram, kHelp, {{"le", "+Inf"}}, commits, "_bucket");
  out.Add(kLatency, Type::kHistogram, kHelp, {},
          static_cast<double>(stats.commit_micros) / kMicroseconds, "_sum");
  out.Add(kLatency, Type::kHistogram, kHelp, {}, commits, "_count");
  constexpr std::string_view kSync = "weir_fsync_duration_seconds";
  constexpr std::string_view kSyncHelp = "Time of the writes that were synced to the disk";
  out.Add(kSync, Type::kSummary, kSyncHelp, {},
          static_cast<double>(stats.sync_micros) / kMicroseconds, "_sum");
  out.Add(kSync, Type::kSummary, kSyncHelp, {}, static_cast<double>(stats.syncs), "_count");
  out.Add("weir_commit_batches_total", Type::kCounter,
          "Batches of the workers that were written, several to a commit", {},
          static_cast<double>(stats.batches));
  out.Add("weir_commit_bytes_total", Type::kCounter, "Bytes written to the store's log", {},
          static_cast<double>(stats.bytes));
}

void AddStore(PrometheusText& out, JetStreamPart& jetstream) {
  out.Add("weir_storage_damage_total", Type::kCounter,
          "Places of the store that are damaged, and something may be lost", {},
          static_cast<double>(jetstream.damage().damaged()));
  out.Add("weir_storage_mended_total", Type::kCounter,
          "Places of the store that were damaged and are right again", {},
          static_cast<double>(jetstream.damage().mended()));
  out.Add("weir_storage_scrubbed_bytes_total", Type::kCounter,
          "Bytes of the store that were read to look for damage", {},
          static_cast<double>(jetstream.keeper().scrubbed_bytes()));
  out.Add("weir_storage_full", Type::kGauge, "1 while the disk is full and publishers are refused",
          {}, jetstream.keeper().full() ? 1 : 0);
}

void AddOwn(PrometheusText& out, const PageSources& sources) {
  out.Add("weir_build_info", Type::kGauge, "This server and the version that it announces",
          {{"version", std::string(kWeirVersion)}, {"announced", std::string(kAnnouncedVersion)}},
          1);
  for (const auto& worker : sources.workers) {
    out.Add("weir_worker_connections", Type::kGauge, "Connections that a worker serves",
            {{"worker", Cat(worker->index())}}, static_cast<double>(worker->connections()));
  }
  if (sources.jetstream_on()) {
    AddCommits(out, sources.jetstream->commits().stats());
    out.Add("weir_storage_checksum_failures_total", Type::kCounter,
            "Stored messages and blocks whose checksum was found wrong", {},
            static_cast<double>(storage::DamageCount()));
    AddStore(out, *sources.jetstream);
  }
}

// The pages that are asked one after the other, and what they said.
struct Collected {
  MoreMetrics more;
  std::function<void(std::string)> done;
  object varz;
  object connz;
  object subsz;
};

void Compose(PageSources& sources, const Collected& pages, const object& jsz) {
  PrometheusText out;
  const std::string& id = sources.context.identity.id;
  Flattened varz(out, "varz", id);
  // The exporter asks these pages before it asks what was asked.
  for (std::string_view page : {"connz", "routez", "subsz", "varz"}) {
    if (At(pages.varz, {"http_req_stats", Cat("/", page)}) == nullptr) {
      varz.Gauge(Cat("http_req_stats_", page), varz.labels(), 0);
    }
  }
  varz.Add(pages.varz);
  AddConnz(out, pages.connz, id);
  Flattened(out, "subsz", id).Add(pages.subsz);
  Flattened(out, "routez", id).Add(Parsed(RoutezJson(sources)));
  JszMetrics(out, sources).Add(jsz);
  AddOwn(out, sources);
  if (pages.more) {
    pages.more(out);
  }
  pages.done(std::move(out).Take());
}

}  // namespace

void MakeMetrics(PageSources& sources, MoreMetrics more, std::function<void(std::string)> done) {
  auto pages = std::make_shared<Collected>();
  JszOptions options;
  options.consumers = true;
  options.config = true;
  pages->more = std::move(more);
  pages->done = std::move(done);
  MakeVarz(sources, [&sources, pages, options](const StatusOr<std::string>& varz) {
    pages->varz = Parsed(varz);
    MakeConnz(sources, {}, [&sources, pages, options](const StatusOr<std::string>& connz) {
      pages->connz = Parsed(connz);
      MakeSubsz(sources, {}, [&sources, pages, options](const StatusOr<std::string>& subsz) {
        pages->subsz = Parsed(subsz);
        MakeJsz(sources, options, [&sources, pages](const StatusOr<std::string>& jsz) {
          Compose(sources, *pages, Parsed(jsz));
        });
      });
    });
  });
}

}  // namespace weir::server

#include "server/system_messages.h"

#include "server/varz_page.h"

namespace weir::server {

namespace {

// JetStream, binary snapshots, replication traffic in the account's own name.
constexpr int kJetStreamFlags = 7;

// Opens the object of a client.
void WriteWho(JsonWriter& out, const ConnectionInfo& info, std::string_view account) {
  out.OpenObject().Key("start").Time(info.start_ns);
  out.Optional("host", info.ip).Field("id", info.id).Field("acc", account);
  out.Optional("user", info.user).Optional("name", info.name).Optional("lang", info.lang);
  out.Optional("ver", info.version);
}

}  // namespace

std::string ServerInfoJson(ServerContext& context) {
  const Options& options = context.options;
  bool jetstream = options.jetstream.enabled;
  uint64_t sequence = context.counters.system_messages.fetch_add(1, std::memory_order_relaxed) + 1;
  JsonWriter out;
  out.OpenObject().Field("name", context.identity.name).Field("host", options.client.host);
  out.Field("id", context.identity.id).Optional("cluster", options.cluster.name);
  out.Optional("domain", jetstream ? options.jetstream.domain : std::string());
  out.Field("ver", kAnnouncedVersion);
  if (!options.server_tags.empty()) {
    out.Strings("tags", options.server_tags);
  }
  WriteMetadata(out, options);
  out.Key("feature_flags");
  WriteFeatureFlags(out, options);
  out.Field("jetstream", jetstream).Field("flags", jetstream ? kJetStreamFlags : 0);
  out.Field("seq", sequence).Key("time").Time(context.clock.wall_ns()).CloseObject();
  return out.Take();
}

JsonWriter StartSystemEvent(ServerContext& context, Random& random, std::string_view type) {
  JsonWriter out;
  out.OpenObject().Field("type", Cat("io.nats.server.advisory.v1.", type));
  out.Field("id", Nuid(random)).Key("timestamp").Time(context.clock.wall_ns());
  out.Key("server").Raw(ServerInfoJson(context));
  return out;
}

void WriteEventClient(JsonWriter& out, const ConnectionInfo& info, std::string_view account) {
  out.Key("client");
  WriteWho(out, info, account);
  if (info.stop_ns != 0) {
    out.Optional("rtt", info.rtt_ns).Key("stop").Time(info.stop_ns);
  }
  out.Field("name_tag", account).Field("kind", "Client").Field("client_type", "nats");
  out.CloseObject();
}

std::string RequesterJson(ServerContext& context, const ConnectionInfo& info) {
  JsonWriter out;
  WriteWho(out, info, context.accounts.NameOf(info.account));
  out.Optional("rtt", info.rtt_ns).Field("server", context.identity.name);
  out.Optional("cluster", context.options.cluster.name);
  out.Field("kind", "Client").Field("client_type", "nats").CloseObject();
  return out.Take();
}

std::string DataEnvelope(ServerContext& context, std::string_view data) {
  JsonWriter out;
  out.OpenObject().Key("server").Raw(ServerInfoJson(context));
  if (!data.empty()) {
    out.Key("data").Raw(data);
  }
  out.CloseObject();
  return out.Take();
}

std::string ErrorEnvelope(ServerContext& context, int code, std::string_view text, bool with_data) {
  JsonWriter out;
  out.OpenObject().Key("server").Raw(ServerInfoJson(context));
  if (with_data) {
    out.Key("data").Null();
  }
  out.Key("error").OpenObject().Field("code", code).Field("description", text).CloseObject();
  out.CloseObject();
  return out.Take();
}

}  // namespace weir::server

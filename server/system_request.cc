#include "server/system_request.h"

#include <algorithm>

#include "protocol/headers.h"

namespace weir::server {

namespace {

// Of a text: equal, or (unless an exact match is asked for) contained.
bool Fits(std::string_view wanted, std::string_view have, bool exact) {
  return wanted.empty() || (exact ? wanted == have : have.find(wanted) != std::string_view::npos);
}

template <typename T>
StatusOr<T> Finished(JsonReader& in, T out) {
  WEIR_RETURN_IF_ERROR(in.Finish(/*strict=*/false));
  return out;
}

}  // namespace

SystemRequest SystemRequest::Copy(const jetstream::Inbound& message) {
  SystemRequest out;
  out.account = message.account;
  out.subject = message.subject;
  out.reply = message.reply;
  if (auto encoding = protocol::FindHeader(message.headers, "Accept-Encoding")) {
    out.accept_encoding = *encoding;
  }
  if (message.payload.empty()) {
    return out;
  }
  auto value = ParseJson(message.payload);
  if (!value.ok()) {
    // Where it went wrong is not told here.
    std::string_view text = weir::Message(value.status());
    out.read = InvalidArgument(text.substr(0, text.find(" at offset ")));
  } else if (auto* object = value->if_object()) {
    out.body = std::move(*object);
  } else if (!value->is_null()) {
    out.read = InvalidArgument("json: cannot unmarshal the request into an object");
  }
  return out;
}

std::string_view SystemRequest::token(size_t index) const {
  std::string_view rest = subject;
  for (; index > 0; --index) {
    size_t dot = rest.find('.');
    if (dot == std::string_view::npos) {
      return {};
    }
    rest.remove_prefix(dot + 1);
  }
  return rest.substr(0, rest.find('.'));
}

StatusOr<bool> PassesFilter(const SystemRequest& request, const Options& options,
                            std::string_view server_name) {
  std::string name;
  std::string cluster;
  std::string host;
  std::string domain;
  bool exact = false;
  std::vector<std::string> tags;
  JsonReader in(request.body);
  in.Read("server_name", name);
  in.Read("cluster", cluster);
  in.Read("host", host);
  in.Read("exact_match", exact);
  in.Read("tags", tags);
  in.Read("domain", domain);
  WEIR_RETURN_IF_ERROR(in.Finish(/*strict=*/false));
  const std::vector<std::string>& own = options.server_tags;
  bool tagged = std::all_of(tags.begin(), tags.end(), [&own](const std::string& tag) {
    return std::find(own.begin(), own.end(), ToLower(tag)) != own.end();
  });
  return Fits(name, server_name, exact) && Fits(cluster, options.cluster.name, exact) &&
         Fits(host, options.client.host, exact) && tagged &&
         (domain.empty() || domain == options.jetstream.domain);
}

StatusOr<ConnzOptions> ReadConnzOptions(const boost::json::object& body) {
  ConnzOptions out;
  JsonReader in(body, "ConnzEventOptions");
  int64_t state = 0;
  in.Read("sort", out.sort);
  in.Read("auth", out.auth);
  in.Read("subscriptions", out.subscriptions);
  in.Read("subscriptions_detail", out.subscriptions_detail);
  in.Read("offset", out.offset);
  in.Read("limit", out.limit);
  in.Read("cid", out.cid);
  in.Read("mqtt_client", out.mqtt_client);
  in.Read("state", state);
  in.Read("user", out.user);
  in.Read("acc", out.account);
  in.Read("filter_subject", out.filter_subject);
  if (state == 1 || state == 2) {
    out.state = state == 1 ? ConnzOptions::State::kClosed : ConnzOptions::State::kAll;
  }
  return Finished(in, std::move(out));
}

StatusOr<SubszOptions> ReadSubszOptions(const boost::json::object& body) {
  SubszOptions out;
  JsonReader in(body, "SubszEventOptions");
  in.Read("offset", out.offset);
  in.Read("limit", out.limit);
  in.Read("subscriptions", out.subscriptions);
  in.Read("account", out.account);
  in.Read("test", out.test);
  return Finished(in, std::move(out));
}

StatusOr<JszOptions> ReadJszOptions(const boost::json::object& body) {
  JszOptions out;
  JsonReader in(body, "JszEventOptions");
  in.Read("account", out.account);
  in.Read("accounts", out.accounts);
  in.Read("streams", out.streams);
  in.Read("consumer", out.consumers);
  in.Read("direct_consumer", out.direct_consumers);
  in.Read("config", out.config);
  in.Read("leader_only", out.leader_only);
  in.Read("stream_leader_only", out.stream_leader_only);
  in.Read("offset", out.offset);
  in.Read("limit", out.limit);
  in.Read("raft", out.raft);
  return Finished(in, std::move(out));
}

StatusOr<HealthzOptions> ReadHealthzOptions(const boost::json::object& body) {
  HealthzOptions out;
  JsonReader in(body, "HealthzEventOptions");
  in.Read("js-enabled", out.js_enabled);
  in.Read("js-enabled-only", out.js_enabled_only);
  in.Read("js-server-only", out.js_server_only);
  in.Read("js-meta-only", out.js_meta_only);
  in.Read("account", out.account);
  in.Read("stream", out.stream);
  in.Read("consumer", out.consumer);
  in.Read("details", out.details);
  return Finished(in, std::move(out));
}

StatusOr<AccountStatzOptions> ReadAccountStatzOptions(const boost::json::object& body) {
  AccountStatzOptions out;
  JsonReader in(body, "AccountStatzEventOptions");
  in.Read("accounts", out.accounts);
  in.Read("include_unused", out.include_unused);
  return Finished(in, std::move(out));
}

StatusOr<IpqueueszOptions> ReadIpqueueszOptions(const boost::json::object& body) {
  IpqueueszOptions out;
  JsonReader in(body, "IpqueueszEventOptions");
  in.Read("all", out.all);
  in.Read("filter", out.filter);
  return Finished(in, std::move(out));
}

StatusOr<std::string> ReadText(const boost::json::object& body, std::string_view name) {
  std::string out;
  JsonReader in(body);
  in.Read(name, out);
  return Finished(in, std::move(out));
}

StatusOr<uint64_t> ReadClientId(const boost::json::object& body) {
  uint64_t out = 0;
  JsonReader in(body);
  in.Read("cid", out);
  return Finished(in, out);
}

}  // namespace weir::server

#include "server/message_trace.h"

#include <map>
#include <vector>

#include "protocol/headers.h"

namespace weir::server {

namespace {

constexpr std::string_view kDisabled = "trace disabled";
constexpr int kClientKind = 0;

bool IsTrue(std::string_view value) {
  return value == "1" || EqualsIgnoreCase(value, "true") || EqualsIgnoreCase(value, "on");
}

// The sampled flag of a W3C traceparent: "00-<trace>-<parent>-01".
bool IsSampled(std::string_view traceparent) {
  auto parts = Split(traceparent, '-');
  if (parts.size() != 4 || parts[3].size() != 2) {
    return false;
  }
  char low = parts[3][1];
  int digit = low >= 'a' ? low - 'a' + 10 : low - '0';
  return (digit & 1) != 0;
}

}  // namespace

std::optional<TraceRequest> TraceRequest::Read(std::string_view headers,
                                               std::string_view account_destination) {
  if (auto destination = protocol::FindHeader(headers, "Nats-Trace-Dest");
      destination && !destination->empty()) {
    if (*destination == kDisabled) {
      return std::nullopt;
    }
    auto only = protocol::FindHeader(headers, "Nats-Trace-Only");
    return TraceRequest{.destination = std::string(*destination), .only = only && IsTrue(*only)};
  }
  if (account_destination.empty()) {
    return std::nullopt;
  }
  for (protocol::HeaderCursor cursor(headers); cursor.Next();) {
    if (EqualsIgnoreCase(cursor.key(), "traceparent") && IsSampled(cursor.value())) {
      return TraceRequest{.destination = std::string(account_destination), .by_account = true};
    }
  }
  return std::nullopt;
}

MessageTrace::MessageTrace(TraceRequest request, std::string_view headers, size_t message_size,
                           Clock& clock)
    : request_(std::move(request)), clock_(clock), message_size_(message_size) {
  std::map<std::string, std::vector<std::string>, std::less<>> fields;
  for (protocol::HeaderCursor cursor(headers); cursor.Next();) {
    fields[std::string(cursor.key())].emplace_back(cursor.value());
  }
  JsonWriter json;
  json.OpenObject();
  for (const auto& [key, values] : fields) {
    json.Strings(key, values);
  }
  json.CloseObject();
  header_json_ = json.Take();
  events_.OpenArray();
}

JsonWriter& MessageTrace::Begin(std::string_view type) {
  return events_.OpenObject().Field("type", type).Key("ts").Time(clock_.wall_ns());
}

void MessageTrace::AddIngress(const Ingress& event) {
  Begin("in")
      .Field("kind", kClientKind)
      .Field("cid", event.client_id)
      .Optional("name", event.client_name)
      .Field("acc", event.account)
      .Field("subj", event.subject)
      .Optional("error", event.error)
      .CloseObject();
}

void MessageTrace::AddMapping(std::string_view to) {
  Begin("sm").Field("to", to).CloseObject();
}

void MessageTrace::AddEgress(const Egress& event) {
  Begin("eg")
      .Field("kind", kClientKind)
      .Field("cid", event.client_id)
      .Optional("name", event.client_name)
      .Optional("sub", event.subject)
      .Optional("queue", event.queue)
      .Optional("error", event.error)
      .CloseObject();
}

void MessageTrace::AddJetStream(std::string_view stream, std::string_view subject, bool no_interest,
                                std::string_view error) {
  Begin("js")
      .Field("stream", stream)
      .Optional("subject", subject)
      .Optional("nointerest", no_interest)
      .Optional("error", error)
      .CloseObject();
}

std::string MessageTrace::Json(const Server& server) {
  events_.CloseArray();
  JsonWriter out;
  out.OpenObject()
      .Key("server")
      .OpenObject()
      .Field("name", server.name)
      .Field("host", server.host)
      .Field("id", server.id)
      .Field("ver", server.version)
      .Key("feature_flags")
      .Raw(R"({"js_ack_fc_v2":false,"js_api_reply_v2":false,"js_raft_delete_range":true,)"
           R"("js_snapshot_sources":false})")
      .Field("jetstream", server.jetstream)
      .Field("flags", server.jetstream ? 7 : 0)
      .Field("seq", server.sequence)
      .Key("time")
      .Time(clock_.wall_ns())
      .CloseObject();
  out.Key("request")
      .OpenObject()
      .Key("header")
      .Raw(header_json_)
      .Field("msgsize", message_size_)
      .CloseObject();
  out.Key("events").Raw(events_.text()).CloseObject();
  return out.Take();
}

}  // namespace weir::server

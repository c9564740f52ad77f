#include "protocol/handshake.h"

#include "protocol/base/json.h"

namespace weir::protocol {

namespace {

// The JetStream API level of nats-server 2.15 (jetstream-api.md); announced also without JetStream.
constexpr int kApiLevel = 5;
constexpr int kProtocol = 1;

}  // namespace

std::string InfoLine(const ServerInfo& info) {
  JsonWriter out;
  out.OpenObject()
      .Field("server_id", info.server_id)
      .Field("server_name", info.server_name)
      .Field("version", info.version)
      .Field("proto", kProtocol)
      .Field("go", "go1.26")
      .Field("host", info.host)
      .Field("port", info.port)
      .Field("headers", info.headers)
      .Optional("auth_required", info.auth_required)
      .Optional("tls_required", info.tls_required)
      .Optional("tls_verify", info.tls_verify)
      .Optional("tls_available", info.tls_available)
      .Field("max_payload", info.max_payload)
      .Optional("jetstream", info.jetstream)
      .Optional("client_id", info.client_id)
      .Optional("client_ip", info.client_ip)
      .Optional("nonce", info.nonce)
      .Optional("cluster", info.cluster)
      .Optional("domain", info.domain);
  if (!info.connect_urls.empty()) {
    out.Strings("connect_urls", info.connect_urls);
  }
  out.Optional("ldm", info.lame_duck)
      .Optional("connect_info", info.connect_info)
      .Optional("remote_account", info.remote_account)
      .Optional("acc_is_sys", info.account_is_system)
      .Field("api_lvl", kApiLevel)
      .Optional("xkey", info.xkey)
      .Optional("weir", info.weir_version)
      .CloseObject();
  return Cat("INFO ", out.text(), " \r\n");
}

Status ReadConnect(std::string_view json, ConnectOptions& options) {
  WEIR_ASSIGN_OR_RETURN(auto value, ParseJson(json));
  if (value.is_null()) {
    return OkStatus();  // changes nothing, as in the reference
  }
  const auto* object = value.if_object();
  if (object == nullptr) {
    return InvalidArgument("CONNECT: not a JSON object");
  }
  JsonReader in(*object);
  in.Read("verbose", options.verbose);
  in.Read("pedantic", options.pedantic);
  in.Read("echo", options.echo);
  in.Read("tls_required", options.tls_required);
  in.Read("nkey", options.nkey);
  in.Read("jwt", options.jwt);
  in.Read("sig", options.sig);
  in.Read("auth_token", options.auth_token);
  in.Read("user", options.user);
  in.Read("pass", options.pass);
  in.Read("name", options.name);
  in.Read("lang", options.lang);
  in.Read("version", options.version);
  in.Read("protocol", options.protocol);
  in.Read("account", options.account);
  in.Read("new_account", options.new_account);
  in.Read("headers", options.headers);
  in.Read("no_responders", options.no_responders);
  return in.Finish(/*strict=*/false);
}

}  // namespace weir::protocol

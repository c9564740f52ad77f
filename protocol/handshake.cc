#include "protocol/handshake.h"

#include <initializer_list>

#include "protocol/base/json.h"

namespace weir::protocol {

namespace {

// The JetStream API level of nats-server 2.15 (jetstream-api.md); announced also without JetStream.
constexpr int kApiLevel = 5;
constexpr int kProtocol = 1;

// The fields of other kinds of connections: nothing comes of them, but a wrong type is an error.
void CheckPermissions(JsonReader& in, std::string_view name) {
  const auto* value = in.Find(name);
  if (value == nullptr) {
    return;
  }
  const auto* object = value->if_object();
  if (object == nullptr) {
    in.Fail(Cat("json: cannot unmarshal ", name));
    return;
  }
  JsonReader lists(*object);
  std::vector<std::string> subjects;
  lists.Read("allow", subjects);
  lists.Read("deny", subjects);
  if (Status status = lists.Finish(/*strict=*/false); !status.ok()) {
    in.Fail(Message(status));
  }
}

template <typename T>
void CheckFields(JsonReader& in, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    T ignored{};
    in.Read(name, ignored);
  }
}

}  // namespace

std::string InfoLine(const ServerInfo& info) {
  JsonWriter out;
  out.OpenObject()
      .Field("server_id", info.server_id)
      .Field("server_name", info.server_name)
      .Field("version", info.version)
      .Field("proto", kProtocol)
      .Optional("git_commit", info.git_commit)
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
  CheckPermissions(in, "import");
  CheckPermissions(in, "export");
  CheckFields<std::string>(in, {"remote_account", "proxy_sig"});
  return in.Finish(/*strict=*/false);
}

Status CheckInfo(std::string_view json) {
  WEIR_ASSIGN_OR_RETURN(auto value, ParseJson(json));
  if (value.is_null()) {
    return OkStatus();
  }
  const auto* object = value.if_object();
  if (object == nullptr) {
    return InvalidArgument("INFO: not a JSON object");
  }
  JsonReader in(*object);
  CheckFields<std::string>(
      in, {"server_id", "server_name", "version", "git_commit", "go", "host", "ip", "client_ip",
           "nonce", "cluster", "domain", "compression", "xkey", "gateway", "gateway_url",
           "gateway_cmd_payload", "remote_account", "route_account", "route_acc_add_reqid"});
  CheckFields<bool>(in, {"headers", "auth_required", "tls_required", "tls_verify", "tls_available",
                         "jetstream", "cluster_dynamic", "ldm", "connect_info", "acc_is_sys",
                         "lnoc", "lnocu", "ln", "info_on_connect", "gateway_nrp", "gateway_iom"});
  CheckFields<int64_t>(in, {"proto", "port", "api_lvl", "route_pool_size", "route_pool_idx"});
  CheckFields<int32_t>(in, {"max_payload"});
  CheckFields<uint64_t>(in, {"client_id", "gossip_mode", "gateway_cmd"});
  CheckFields<std::vector<std::string>>(
      in, {"connect_urls", "ws_connect_urls", "gateway_urls", "leafnode_urls"});
  CheckPermissions(in, "import");
  CheckPermissions(in, "export");
  return in.Finish(/*strict=*/false);
}

}  // namespace weir::protocol

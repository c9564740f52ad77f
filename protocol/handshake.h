#pragma once

// INFO and CONNECT as structs with their JSON (protocol.md 4.1 and 5.1).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"

namespace weir::protocol {

// What INFO tells a client. Empty and false optional fields are left out.
struct ServerInfo {
  std::string server_id;
  std::string server_name;
  std::string version;
  std::string git_commit;
  std::string weir_version;  // field "weir": our own version
  std::string host;
  int port = 0;
  bool headers = true;
  bool auth_required = false;
  bool tls_required = false;
  bool tls_verify = false;
  bool tls_available = false;
  int64_t max_payload = 1 << 20;
  bool jetstream = false;
  uint64_t client_id = 0;
  std::string client_ip;
  std::string nonce;
  std::string cluster;
  std::string domain;
  std::vector<std::string> connect_urls;
  bool lame_duck = false;
  bool connect_info = false;
  std::string remote_account;
  bool account_is_system = false;
  std::string xkey;
};

// "INFO {...} \r\n", ready to be sent.
std::string InfoLine(const ServerInfo& info);

// What a client says of itself. A second CONNECT is read over the first: fields that it leaves out
// keep their values.
struct ConnectOptions {
  bool verbose = true;
  bool pedantic = true;
  bool echo = true;
  bool tls_required = false;
  std::string nkey;
  std::string jwt;
  std::string sig;
  std::string auth_token;
  std::string user;
  std::string pass;
  std::string name;
  std::string lang;
  std::string version;
  int64_t protocol = 0;
  std::string account;
  bool new_account = false;
  bool headers = false;
  bool no_responders = false;
};

// Reads CONNECT's JSON over `options`. Unknown fields are ignored, as in the reference.
Status ReadConnect(std::string_view json, ConnectOptions& options);

// A client may send INFO too. Nothing comes of it, but its fields must be of the right types.
Status CheckInfo(std::string_view json);

}  // namespace weir::protocol

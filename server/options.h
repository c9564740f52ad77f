#pragma once

// Everything that the configuration file and the command line can ask for, typed, with the
// reference's defaults (server-config.md 3 to 9). Plain data: read by everybody after start,
// changed by nobody; a reload makes a new one. Classes take the sub-struct they need, never
// Options.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "protocol/base/status.h"
#include "protocol/base/strings.h"

namespace weir::server {

inline constexpr int64_t kSecondNs = 1'000'000'000;

// What is announced in INFO, varz and by --version (launching.md), and what Weir itself is.
inline constexpr std::string_view kAnnouncedVersion = "2.15.2";
inline constexpr std::string_view kWeirVersion = WEIR_OWN_VERSION;

// Where to listen. Port -1: one that the system chooses; port 0: not at all.
struct Endpoint {
  std::string host;
  int port = 0;
};

// Limits and timeouts of client connections. 0 means "no limit" where it is not said otherwise.
struct ClientLimits {
  int64_t max_payload = 1 << 20;
  int64_t max_control_line = 4096;
  int64_t max_pending = 64 << 20;
  int64_t max_connections = 65536;  // -1: nobody may connect (max_connections: 0 in the file)
  int64_t max_subscriptions = 0;
  int64_t max_subscription_tokens = 0;
  int64_t max_closed_clients = 10'000;
  int64_t ping_interval_ns = 120 * kSecondNs;
  int64_t max_pings_out = 2;
  int64_t write_deadline_ns = 10 * kSecondNs;
  int64_t first_ping_ns = 2 * kSecondNs;  // after CONNECT; not in the file
  bool close_on_write_timeout = true;     // write_timeout: close or default
  bool fast_producer_stall = true;
  bool headers = true;
};

struct LogOptions {
  bool debug = false;
  bool trace = false;
  bool trace_verbose = false;  // the system account too
  bool trace_headers = false;  // headers only of HPUB and HMSG
  bool timestamps = true;
  bool timestamps_utc = false;
  std::string file;             // empty: stderr
  int64_t file_size_limit = 0;  // rotates above it; 0: never
  int64_t file_max_num = 0;     // files kept, the current one included; 0: all
  bool syslog = false;
  std::string remote_syslog;  // "udp://host:514"; implies syslog
  int64_t max_traced_msg_len = 0;
  int64_t connect_error_reports = 3600;
  int64_t reconnect_error_reports = 1;
};

// The HTTP monitoring pages. At most one of the two ports is set.
struct MonitorOptions {
  std::string host;   // empty: the client host
  int http_port = 0;  // 0: off, -1: random
  int https_port = 0;
  std::string base_path;
};

struct TlsCertificate {
  std::string cert_file;
  std::string key_file;
};

// A tls block (server-config.md 7). `enabled` is false when there is none.
struct TlsOptions {
  bool enabled = false;
  std::string cert_file;
  std::string key_file;
  std::vector<TlsCertificate> certificates;  // several, instead of the one above
  std::string ca_file;
  bool verify = false;
  bool verify_and_map = false;
  bool insecure = false;
  std::vector<std::string> cipher_suites;      // IANA names
  std::vector<std::string> curve_preferences;  // Go's names
  bool allow_insecure_cipher_suites = false;
  int min_version = 0;  // 0: 1.2; 12 or 13
  int64_t timeout_ns = 2 * kSecondNs;
  int64_t connection_rate_limit = 0;
  std::vector<std::string> pinned_certs;  // lower-case hex
  bool handshake_first = false;
  int64_t handshake_first_fallback_ns = 0;  // > 0: INFO goes out if no TLS comes by then
};

struct SubjectPermission {
  bool restricted = false;         // `allow` was given; with an empty list nothing is allowed
  std::vector<std::string> allow;  // subscribe: may be "subject queue"
  std::vector<std::string> deny;
};

struct ResponsePermission {
  bool enabled = false;
  int64_t max_messages = 1;              // < 0: no limit
  int64_t expires_ns = 120 * kSecondNs;  // < 0: never
};

struct Permissions {
  SubjectPermission publish;
  SubjectPermission subscribe;
  ResponsePermission responses;
};

struct UserOptions {
  std::string name;      // or the public nkey
  std::string password;  // as written; see IsBcrypt
  std::string account;   // empty: the global account
  bool is_nkey = false;
  std::optional<Permissions> permissions;     // none: everything is allowed
  std::vector<std::string> connection_types;  // upper case; empty: any
  bool proxy_required = false;
};

// Who may connect. With `users` empty (the accounts' users are among them), and neither a single
// user nor a token: everybody.
struct AuthOptions {
  std::string username;  // the single user of the authorization block or of --user
  std::string password;
  std::string token;
  std::vector<UserOptions> users;  // of the authorization block, then of the accounts
  int64_t timeout_ns = 2 * kSecondNs;
  bool timeout_given = false;  // otherwise TLS makes it a second more than its own
  std::string no_auth_user;
  bool proxy_required = false;
  bool block_given = false;  // there is an authorization block

  bool configured() const { return !username.empty() || !token.empty() || !users.empty(); }
};

// JetStream limits of an account; -1: no limit.
struct AccountJetStreamLimits {
  int64_t max_memory = -1;
  int64_t max_store = -1;
  int64_t max_streams = -1;
  int64_t max_consumers = -1;
  int64_t max_ack_pending = -1;
  int64_t memory_max_stream_bytes = -1;
  int64_t store_max_stream_bytes = -1;
  bool max_bytes_required = false;
};

// Connection limits of an account; -1: no limit of its own.
struct AccountLimitOptions {
  int64_t max_connections = -1;
  int64_t max_subscriptions = -1;
  int64_t max_payload = -1;
  int64_t max_leafnodes = -1;
};

struct MappingDestination {
  std::string subject;
  int weight = 100;
  std::string cluster;

  bool operator==(const MappingDestination&) const = default;
};

struct SubjectMapping {
  std::string source;
  std::vector<MappingDestination> destinations;

  bool operator==(const SubjectMapping&) const = default;
};

struct AccountOptions {
  std::string name;
  std::string nkey;
  bool jetstream = false;
  AccountJetStreamLimits jetstream_limits;
  AccountLimitOptions limits;
  std::vector<SubjectMapping> mappings;
  std::optional<Permissions> default_permissions;
  std::string trace_destination;
  int trace_sampling = 100;  // percent
};

// jetstream { limits { ... } }: what streams and consumers of this server may ask for.
struct JetStreamLimits {
  int64_t default_max_consumers = 0;  // per stream; 0: 1000, -1: no limit
  int64_t max_ack_pending = 0;        // 0: no limit
  int64_t max_ha_assets = 0;
  int64_t max_request_batch = 0;
  int64_t duplicate_window_ns = 0;
  int64_t max_batch_inflight_per_stream = 0;  // 0: the built-in limit, -1: none
  int64_t max_batch_inflight_total = 0;
  int64_t max_batch_size = 0;
  int64_t max_batch_timeout_ns = 0;

  bool operator==(const JetStreamLimits&) const = default;
};

// The jetstream block (server-config.md 8).
struct JetStreamSettings {
  bool enabled = false;
  std::string store_dir;    // as configured; empty: a temporary place, with a warning
  int64_t max_memory = -1;  // bytes; -1: from the machine
  int64_t max_file = -1;    // bytes; -1: from the disk
  std::string domain;
  bool strict = true;
  bool sync_always = true;                     // an ack means fdatasync has returned
  int64_t sync_interval_ns = 120 * kSecondNs;  // when not sync_always
  std::string encryption_key;
  std::string previous_encryption_key;
  std::string cipher;  // "", "chacha" or "aes"
  std::string unique_tag;
  std::string extension_hint;
  JetStreamLimits limits;
  int64_t max_outstanding_catchup = 64 << 20;
  int64_t max_buffered_bytes = 128 << 20;  // staged per stream
  int64_t max_buffered_messages = 100'000;
  int64_t request_queue_limit = 10'000;
  int64_t info_queue_limit = 10'000;
  int64_t max_concurrent_io = 4096;
};

// The cluster block. This server runs alone: the name is announced, routes are refused.
struct ClusterOptions {
  bool configured = false;  // there is a cluster block or a --cluster flag
  std::string name;
  Endpoint listen;
  std::string advertise;
  bool no_advertise = false;
};

struct LameDuckOptions {
  int64_t duration_ns = 120 * kSecondNs;
  int64_t grace_period_ns = 10 * kSecondNs;
};

// A feature that the configuration asks for and that this server does not have (yet). Starting
// without what protects or connects would be a lie: main refuses, naming each. What is merely
// missed is warned of.
struct UnsupportedFeature {
  std::string position;  // "file:line:column", or the flag
  std::string what;      // "cluster routes"
  bool refused = true;
};

struct Options {
  std::string config_file;    // as given; empty: none
  std::string config_digest;  // "sha256:…", empty without a file
  std::string server_name;    // empty: the server's id
  std::vector<std::string> server_tags;
  std::vector<std::pair<std::string, std::string>> server_metadata;
  Endpoint client{"0.0.0.0", 4222};
  std::string client_advertise;
  int workers = 0;  // threads that serve connections; 0: one per hardware thread
  bool allow_non_tls = false;
  bool proxy_protocol = false;  // a PROXY header may come first

  ClientLimits limits;
  LogOptions log;
  MonitorOptions monitor;
  TlsOptions tls;
  AuthOptions auth;
  std::vector<AccountOptions> accounts;  // without the implied global and system accounts
  std::vector<SubjectMapping> mappings;  // of the global account
  std::string system_account;            // empty: "$SYS"
  bool no_system_account = false;
  JetStreamSettings jetstream;
  LameDuckOptions lame_duck;
  ClusterOptions cluster;

  std::string pid_file;
  std::string ports_file_dir;
  int profile_port = 0;
  std::vector<std::pair<std::string, bool>> feature_flags;

  // The `exports` block (export.md 5.1) as JSON, null when absent, and where it stands. The server
  // does not look into it.
  boost::json::value exports;
  std::string exports_position;

  // Texts to print to stderr before the first log line; they make -t fail.
  std::vector<std::string> warnings;
  std::vector<UnsupportedFeature> unsupported;
};

// Reads a configuration file over the values that `options` has already. On an error the message
// holds every error, one per line, as the reference prints them ("file:line:column: reason").
Status LoadConfigFile(const std::string& path, Options& options);

// Gives what is unset (zero, empty) the reference's default. Call it once, after the file and the
// command line have been read.
void ApplyDefaults(Options& options);

// The checks between options that the reference makes when it starts (not with -t).
Status ValidateOptions(const Options& options);

// Refusal for main to print when `unsupported` is not empty; OK otherwise.
Status RefuseUnsupported(const Options& options);

// True when the text is a bcrypt hash rather than a plain password ("$2a$…").
bool IsBcrypt(std::string_view password);

// Warnings that the log shows at start before the configuration file is named: plain passwords.
std::vector<std::string> SecurityWarnings(const Options& options);

// Those behind it, in the reference's order.
std::vector<std::string> StartupWarnings(const Options& options);

}  // namespace weir::server

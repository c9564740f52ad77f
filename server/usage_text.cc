#include "server/usage_text.h"

namespace weir::server {

namespace {

constexpr std::string_view kUsage = R"(
Usage: nats-server [flags]
       weir [flags]

Where to listen
  -a, --addr, --net HOST       address for clients (0.0.0.0)
  -p, --port PORT              port for clients (4222; -1 lets the system choose)
  -m, --http_port PORT         monitoring pages over HTTP
  -ms, --https_port PORT       monitoring pages over HTTPS
      --client_advertise ADDR  what clients are told instead of the listen address

The process
  -c, --config FILE            configuration file; flags win over it
  -t                           check the configuration file and leave
  -n, --name, --server_name N  name of this server
  -P, --pid FILE               write the process id to a file
      --ports_file_dir DIR     write <executable>_<pid>.ports with the ports in use
  -sl, --signal CMD[=PID]      tell a running server: ldm, stop, quit, term, reopen or reload;
                               PID is a number, a number and '*', or the path of a pid file
      --profile PORT           profiling port

Log
  -l, --log FILE               log to a file
      --log_size_limit BYTES   start a new log file above this size
  -s, --syslog                 log to syslog
  -r, --remote_syslog ADDR     log to a syslog server (udp://localhost:514)
  -T, --logtime                times on log lines (on; -T=false for none)
      --logtime_utc            times in UTC
  -D, --debug                  debug lines
  -V, --trace                  protocol trace
  -VV                          protocol trace, the system account too
  -DV, -DVV                    -D with -V, -D with -VV
      --max_traced_msg_len N   cut traced payloads

Streams
  -js, --jetstream             turn JetStream on
  -sd, --store_dir DIR         where streams are stored

Who may connect
      --user NAME              the user
      --pass PASSWORD          the password
      --auth TOKEN             a token instead

TLS
      --tls                    use TLS (--tls=false switches a configured one off)
      --tlscert FILE           certificate of the server
      --tlskey FILE            its private key
      --tlscacert FILE         authority that client certificates are checked with
      --tlsverify              clients must show a certificate
      --help_tls               more about the tls block of a configuration file

Cluster (this server runs alone; routes are refused)
      --cluster, --cluster_listen URL, --cluster_name NAME, --cluster_advertise ADDR
      --routes URLS, --no_advertise, --connect_retries N

About
  -h, --help                   this text (also: help)
  -v, --version                version (also: version)

)";

constexpr std::string_view kTlsUsage = R"(
The tls block of a configuration file:

    tls {
      cert_file: "server.pem"       # chain of the server, PEM
      key_file:  "server-key.pem"
      ca_file:   "clients-ca.pem"   # who signs client certificates
      verify:    true               # clients must show one
      min_version: "1.2"            # or "1.3"
      timeout: "2s"                 # for the handshake
      cipher_suites: [ "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" ]
      curve_preferences: [ "X25519", "CurveP256" ]
    }

Cipher suites and curves go by the names that Go gives them.

)";

}  // namespace

std::string_view UsageText() {
  return kUsage;
}

std::string_view TlsUsageText() {
  return kTlsUsage;
}

}  // namespace weir::server

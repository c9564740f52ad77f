#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

#include "protocol/base/status.h"
#include "server/options.h"

namespace weir::server {

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContextPtr = std::unique_ptr<SSL_CTX, SslContextFree>;

// The server's side of TLS as a tls block describes it (server-config.md 7): certificates,
// verification of clients, versions, cipher suites and curves. Constant after Make() and
// thread-safe, so connections of all workers share it; a reload makes a new one, and connections
// keep the one that they began with.
//
// Of several certificates the client's server name picks one, else the first is shown. Sessions are
// not resumed: every handshake shows its certificates.
class TlsContext {
 public:
  // Reads the files. Errors are the reference's for files that cannot be used, and name a cipher
  // suite or curve when none of those that were asked for is known here.
  static StatusOr<std::shared_ptr<const TlsContext>> Make(const TlsOptions& options);

  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // For SSL_new(). Whoever keeps it longer than this object takes a reference of its own
  // (SSL_CTX_up_ref). Not to be changed.
  SSL_CTX* native() const { return contexts_.front().get(); }

  // "tls: …", what the reference would say of the failed handshake, from OpenSSL's queue of this
  // thread, which is empty afterwards.
  static std::string HandshakeError();

 private:
  explicit TlsContext(std::vector<SslContextPtr> contexts);
  static int PickByName(SSL* session, int* alert, void* self);

  std::vector<SslContextPtr> contexts_;  // one for each certificate, the first is the default
};

}  // namespace weir::server

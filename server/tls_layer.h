#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <openssl/ssl.h>
#include <sys/uio.h>

#include "server/tls_context.h"

namespace weir::server {

// The server's end of one TLS connection on a non-blocking socket: encrypts and decrypts, and says
// what to wait for. Neither waits nor closes; whoever owns the socket does. Confined to a thread.
class TlsLayer {
 public:
  enum class Step : uint8_t {
    kDone,
    kWantRead,   // again when the socket is readable
    kWantWrite,  // ... writable
    kEnded,      // the peer has closed
    kFailed,
  };
  struct Progress {
    Step step = Step::kDone;
    size_t bytes = 0;
  };

  // `early` was read from the socket already and is the beginning of the handshake.
  TlsLayer(std::shared_ptr<const TlsContext> context, int socket, std::string early);

  // `error` is set with kFailed and kEnded.
  Step Handshake(std::string& error);
  // Fills the buffer as far as there is something. With bytes the step is always kDone.
  Progress Read(char* buffer, size_t capacity);
  // Bytes may be fewer than there are. A write that had to wait must be repeated with the same
  // bytes at the front.
  Progress Write(const iovec* parts, int count);
  // Decrypted bytes are at hand that the socket will not announce.
  bool has_pending() const { return SSL_pending(session_.get()) > 0; }
  // Says good-bye, as far as that goes without waiting. Once, before the socket is closed.
  void Shutdown();

  const SSL* session() const { return session_.get(); }

 private:
  struct SslFree {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  // What the input/output functions of the session see.
  struct Wire {
    int socket;
    std::string early;
  };
  static BIO_METHOD* Method();
  static int WireRead(BIO* bio, char* out, int size);
  static int WireWrite(BIO* bio, const char* data, int size);
  static long WireControl(BIO* bio, int command, long number, void* pointer);
  Step StepOf(int result);

  const std::shared_ptr<const TlsContext> context_;  // a new one may have taken its place
  const std::unique_ptr<Wire> wire_;
  const std::unique_ptr<SSL, SslFree> session_;
};

}  // namespace weir::server

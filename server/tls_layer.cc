#include "server/tls_layer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

namespace weir::server {

namespace {

constexpr size_t kRecord = 16 << 10;  // as much as one TLS record holds
constexpr size_t kGlance = 512;       // as much as the reference reads at once of a handshake

}  // namespace

TlsLayer::TlsLayer(std::shared_ptr<const TlsContext> context, int socket, std::string early)
    : context_(std::move(context)),
      wire_(std::make_unique<Wire>(Wire{socket, std::move(early)})),
      session_(SSL_new(context_->native())) {
  BIO* bio = BIO_new(Method());
  BIO_set_data(bio, wire_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(session_.get(), bio, bio);
  SSL_set_accept_state(session_.get());
}

// OpenSSL's own socket functions raise SIGPIPE, and know nothing of early bytes.
BIO_METHOD* TlsLayer::Method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir socket");
    BIO_meth_set_read(made, WireRead);
    BIO_meth_set_write(made, WireWrite);
    BIO_meth_set_ctrl(made, WireControl);
    return made;
  }();
  return method;
}

int TlsLayer::WireRead(BIO* bio, char* out, int size) {
  auto* wire = static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (!wire->early.empty()) {
    size_t taken = std::min(wire->early.size(), static_cast<size_t>(size));
    std::memcpy(out, wire->early.data(), taken);
    wire->early.erase(0, taken);
    return static_cast<int>(taken);
  }
  ssize_t n = 0;
  do {
    n = ::recv(wire->socket, out, static_cast<size_t>(size), 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    BIO_set_retry_read(bio);
  }
  return static_cast<int>(n);
}

int TlsLayer::WireWrite(BIO* bio, const char* data, int size) {
  auto* wire = static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n = 0;
  do {
    n = ::send(wire->socket, data, static_cast<size_t>(size), MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(n);
}

long TlsLayer::WireControl(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

TlsLayer::Step TlsLayer::StepOf(int result) {
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_NONE:
      return Step::kDone;
    case SSL_ERROR_WANT_READ:
      return Step::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return Step::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Step::kEnded;
    default:
      return Step::kFailed;
  }
}

TlsLayer::Step TlsLayer::Handshake(std::string& error) {
  ERR_clear_error();
  Step step = StepOf(SSL_do_handshake(session_.get()));
  if (step == Step::kFailed || step == Step::kEnded) {
    error = TlsContext::HandshakeError();
  }
  return step;
}

TlsLayer::Progress TlsLayer::Read(char* buffer, size_t capacity) {
  Progress progress;
  while (progress.bytes < capacity) {
    ERR_clear_error();
    size_t n = 0;
    int result =
        SSL_read_ex(session_.get(), buffer + progress.bytes, capacity - progress.bytes, &n);
    if (result != 1) {
      progress.step = progress.bytes > 0 ? Step::kDone : StepOf(result);
      break;
    }
    progress.bytes += n;
  }
  return progress;
}

TlsLayer::Progress TlsLayer::Write(const iovec* parts, int count) {
  // Small pieces travel in one record.
  std::array<char, kRecord> together;
  Progress progress;
  int at = 0;
  size_t offset = 0;  // into parts[at]
  while (at < count) {
    const char* data = static_cast<const char*>(parts[at].iov_base) + offset;
    size_t size = std::min(parts[at].iov_len - offset, kRecord);
    if (size < kRecord && at + 1 < count) {
      std::memcpy(together.data(), data, size);
      data = together.data();
      for (int next = at + 1; next < count && size < kRecord; ++next) {
        size_t more = std::min(parts[next].iov_len, kRecord - size);
        std::memcpy(together.data() + size, parts[next].iov_base, more);
        size += more;
      }
    }
    ERR_clear_error();
    size_t n = 0;
    int result = SSL_write_ex(session_.get(), data, size, &n);
    if (result != 1) {
      progress.step = StepOf(result);
      break;
    }
    progress.bytes += n;
    for (offset += n; at < count && offset >= parts[at].iov_len; ++at) {
      offset -= parts[at].iov_len;
    }
  }
  return progress;
}

void TlsLayer::Shutdown() {
  if (SSL_is_init_finished(session_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(session_.get());
    ERR_clear_error();
  } else {
    // Unread bytes turn the end into a reset, and some ask in plain text whether the server is up.
    std::array<char, kGlance> unread;
    static_cast<void>(::recv(wire_->socket, unread.data(), unread.size(), MSG_DONTWAIT));
  }
}

}  // namespace weir::server

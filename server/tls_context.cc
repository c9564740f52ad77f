#include "server/tls_context.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

// TLS 1.2 suites when none are configured: forward secrecy only, the reference's default.
constexpr const char* kDefaultCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:@SECLEVEL=1";

struct Name {
  std::string_view theirs;
  std::string_view openssl;
};
// What the configuration's curves are called here. OpenSSL 3.0 has no post-quantum ones: they are
// preferences, so a handshake takes the next.
constexpr Name kCurves[] = {
    {"X25519", "X25519"},
    {"CurveP256", "P-256"},
    {"CurveP384", "P-384"},
    {"CurveP521", "P-521"},
};

constexpr int kAlert = 1000;  // OpenSSL's reason for a received alert is this plus its number
struct AlertText {
  int alert;
  std::string_view text;
};
constexpr AlertText kAlertTexts[] = {
    {SSL_AD_HANDSHAKE_FAILURE, "handshake failure"},
    {SSL_AD_BAD_CERTIFICATE, "bad certificate"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, "unsupported certificate"},
    {SSL_AD_CERTIFICATE_REVOKED, "revoked certificate"},
    {SSL_AD_CERTIFICATE_EXPIRED, "expired certificate"},
    {SSL_AD_CERTIFICATE_UNKNOWN, "unknown certificate"},
    {SSL_AD_UNKNOWN_CA, "unknown certificate authority"},
    {SSL_AD_PROTOCOL_VERSION, "protocol version not supported"},
    {SSL_AD_INTERNAL_ERROR, "internal error"},
    {SSL_AD_UNRECOGNIZED_NAME, "unrecognized name"},
    {SSL_AD_NO_APPLICATION_PROTOCOL, "no application protocol"},
};

std::string LastError() {
  unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason == nullptr ? "unknown error" : reason;
}

Status SetCiphers(SSL_CTX* context, const TlsOptions& options) {
  if (options.cipher_suites.empty()) {
    SSL_CTX_set_cipher_list(context, kDefaultCiphers);
    return OkStatus();
  }
  std::string list;
  for (const std::string& suite : options.cipher_suites) {
    // The suites of TLS 1.3 ("TLS_AES_…") cannot be chosen, as in the reference.
    std::string_view name = OPENSSL_cipher_name(suite.c_str());
    if (suite.find("_WITH_") != std::string::npos && name != "(NONE)") {
      CatTo(list, name, ":");
    }
  }
  if (list.empty()) {
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    return OkStatus();
  }
  CatTo(list, "@SECLEVEL=", options.allow_insecure_cipher_suites ? 0 : 1);
  if (SSL_CTX_set_cipher_list(context, list.c_str()) != 1) {
    ERR_clear_error();
    return InvalidArgument(
        Cat("none of the cipher suites is available: ", Join(options.cipher_suites, ", ")));
  }
  return OkStatus();
}

Status SetCurves(SSL_CTX* context, const TlsOptions& options) {
  std::string list;
  for (const std::string& curve : options.curve_preferences) {
    for (const Name& known : kCurves) {
      if (known.theirs == curve) {
        CatTo(list, list.empty() ? "" : ":", known.openssl);
      }
    }
  }
  if (!options.curve_preferences.empty() && list.empty()) {
    return InvalidArgument(
        Cat("none of the curves is available: ", Join(options.curve_preferences, ", ")));
  }
  if (list.empty()) {
    list = "X25519:P-256:P-384:P-521";
  }
  SSL_CTX_set1_groups_list(context, list.c_str());
  return OkStatus();
}

Status SetVerification(SSL_CTX* context, const TlsOptions& options) {
  if (!options.ca_file.empty()) {
    if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
      ERR_clear_error();
      return InvalidArgument("failed to parse root ca certificate");
    }
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.ca_file.c_str()));
  } else if (options.verify) {
    SSL_CTX_set_default_verify_paths(context);
  }
  if (options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  ERR_clear_error();
  return OkStatus();
}

StatusOr<SslContextPtr> MakeContext(const TlsOptions& options, const TlsCertificate& certificate) {
  SslContextPtr owned(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = owned.get();
  if (context == nullptr) {
    return Internal(Cat("tls: ", LastError()));
  }
  SSL_CTX_set_min_proto_version(context,
                                options.min_version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  if (!certificate.cert_file.empty() &&
      (SSL_CTX_use_certificate_chain_file(context, certificate.cert_file.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(context, certificate.key_file.c_str(), SSL_FILETYPE_PEM) != 1)) {
    return InvalidArgument(Cat("error parsing X509 certificate/key pair: tls: ", LastError()));
  }
  WEIR_RETURN_IF_ERROR(SetCiphers(context, options));
  WEIR_RETURN_IF_ERROR(SetCurves(context, options));
  WEIR_RETURN_IF_ERROR(SetVerification(context, options));
  return owned;
}

std::string AlertError(int alert) {
  const auto* known = std::find_if(std::begin(kAlertTexts), std::end(kAlertTexts),
                                   [alert](const AlertText& row) { return row.alert == alert; });
  if (known == std::end(kAlertTexts)) {
    return Cat("remote error: tls: alert(", alert, ")");
  }
  return Cat("remote error: tls: ", known->text);
}

}  // namespace

TlsContext::TlsContext(std::vector<SslContextPtr> contexts) : contexts_(std::move(contexts)) {
  if (contexts_.size() > 1) {
    // What SSL_CTX_set_tlsext_servername_callback() is, without its cast.
    SSL_CTX_callback_ctrl(native(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                          reinterpret_cast<void (*)()>(PickByName));
    SSL_CTX_set_tlsext_servername_arg(native(), this);
  }
}

StatusOr<std::shared_ptr<const TlsContext>> TlsContext::Make(const TlsOptions& options) {
  std::vector<TlsCertificate> certificates = options.certificates;
  if (certificates.empty()) {
    certificates.push_back({options.cert_file, options.key_file});
  }
  std::vector<SslContextPtr> contexts;
  for (const TlsCertificate& certificate : certificates) {
    WEIR_ASSIGN_OR_RETURN(SslContextPtr context, MakeContext(options, certificate));
    contexts.push_back(std::move(context));
  }
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(contexts)));
}

int TlsContext::PickByName(SSL* session, int* /*alert*/, void* self) {
  const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  for (const SslContextPtr& context : static_cast<TlsContext*>(self)->contexts_) {
    if (X509_check_host(SSL_CTX_get0_certificate(context.get()), name, 0, 0, nullptr) == 1) {
      SSL_set_SSL_CTX(session, context.get());
      break;
    }
  }
  return SSL_TLSEXT_ERR_OK;
}

std::string TlsContext::HandshakeError() {
  unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) {
    return "EOF";
  }
  int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    switch (reason) {
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "tls: client didn't provide a certificate";
      case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
      case SSL_R_NO_SHARED_CIPHER:
        return "tls: no cipher suite supported by both client and server";
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_VERSION_TOO_LOW:
        return "tls: client offered only unsupported versions";
      case SSL_R_HTTP_REQUEST:
      case SSL_R_HTTPS_PROXY_REQUEST:
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_UNKNOWN_PROTOCOL:
      case SSL_R_PACKET_LENGTH_TOO_LONG:
        return "tls: first record does not look like a TLS handshake";
      default:
        break;
    }
    if (reason > kAlert) {
      return AlertError(reason - kAlert);
    }
  }
  const char* text = ERR_reason_error_string(error);
  return Cat("tls: ", text == nullptr ? "unknown error" : text);
}

}  // namespace weir::server

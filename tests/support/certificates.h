#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "protocol/base/status.h"
#include "protocol/base/strings.h"

namespace weir::testing_support {

// A certificate with its key, in memory and, when asked for, in files.
struct Certificate {
  std::shared_ptr<X509> x509;
  std::shared_ptr<EVP_PKEY> key;

  // "<directory>/<name>.pem" and "-key.pem".
  std::pair<std::string, std::string> Save(const std::string& directory,
                                           const std::string& name) const {
    std::string certificate_file = Cat(directory, "/", name, ".pem");
    std::string key_file = Cat(directory, "/", name, "-key.pem");
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new_file(certificate_file.c_str(), "w"),
                                                  BIO_free);
    WEIR_CHECK(PEM_write_bio_X509(out.get(), x509.get()) == 1);
    out.reset(BIO_new_file(key_file.c_str(), "w"));
    WEIR_CHECK(
        PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return {certificate_file, key_file};
  }
};

// `subject`: type and value, the most general first. `alternative_names` as in OpenSSL's
// configuration ("DNS:localhost"); empty: none. Signed by `issuer`, or by itself.
inline Certificate MakeCertificate(const std::vector<std::pair<const char*, const char*>>& subject,
                                   const char* alternative_names = "",
                                   const Certificate* issuer = nullptr) {
  Certificate out;
  out.key.reset(EVP_EC_gen("P-256"), EVP_PKEY_free);
  out.x509.reset(X509_new(), X509_free);
  X509* x509 = out.x509.get();
  X509_set_version(x509, 2);
  static int serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
  X509_set_pubkey(x509, out.key.get());
  for (const auto& [type, value] : subject) {
    auto* text = reinterpret_cast<const unsigned char*>(value);
    WEIR_CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), type, MBSTRING_UTF8, text,
                                          -1, -1, 0) == 1);
  }
  X509_set_issuer_name(x509, X509_get_subject_name(issuer == nullptr ? x509 : issuer->x509.get()));
  auto extend = [x509](int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    WEIR_CHECK(extension != nullptr && X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  };
  if (*alternative_names != '\0') {
    extend(NID_subject_alt_name, alternative_names);
  }
  if (issuer == nullptr) {
    extend(NID_basic_constraints, "CA:TRUE");
  }
  WEIR_CHECK(X509_sign(x509, issuer == nullptr ? out.key.get() : issuer->key.get(), EVP_sha256()) >
             0);
  return out;
}

// A TLS handshake in memory between a client and a server of this context.
class MemoryHandshake {
 public:
  // `name`: the server name that the client asks for; empty: none. `shown`: the client's
  // certificate.
  MemoryHandshake(SSL_CTX* server_context, const std::string& name, const Certificate* shown)
      : client_context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
        client_(SSL_new(client_context_.get()), SSL_free),
        server_(SSL_new(server_context), SSL_free) {
    if (shown != nullptr) {
      SSL_use_certificate(client_.get(), shown->x509.get());
      SSL_use_PrivateKey(client_.get(), shown->key.get());
    }
    if (!name.empty()) {
      SSL_ctrl(client_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(name.c_str()));
    }
    BIO* to_server = BIO_new(BIO_s_mem());
    BIO* to_client = BIO_new(BIO_s_mem());
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set_bio(client_.get(), to_client, to_server);
    SSL_set_bio(server_.get(), to_server, to_client);
  }

  // Runs to its end; whether the server is content. Its errors are in OpenSSL's queue then.
  bool Run() {
    for (int round = 0; round < 10; ++round) {
      SSL_connect(client_.get());
      ERR_clear_error();
      int result = SSL_accept(server_.get());
      if (result == 1) {
        return true;
      }
      if (SSL_get_error(server_.get(), result) != SSL_ERROR_WANT_READ) {
        return false;
      }
    }
    return false;
  }

  SSL* client() { return client_.get(); }
  SSL* server() { return server_.get(); }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> client_context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> client_;
  std::unique_ptr<SSL, decltype(&SSL_free)> server_;
};

}  // namespace weir::testing_support

#pragma once

#include <optional>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "server/distinguished_name.h"

namespace weir::server {

// What the server knows of a TLS connection after its handshake: for authentication
// (verify_and_map, pinned_certs), the log and the monitoring pages. Plain data.
struct TlsPeer {
  std::string version;       // "1.3"
  std::string cipher_suite;  // "TLS_AES_128_GCM_SHA256"

  // Of the client's certificate; empty without one.
  bool has_certificate = false;
  std::vector<std::string> names;  // addresses, DNS names and URIs, in the order of their use
  std::string subject;             // "CN=…,OU=…,O=…" in the reference's order
  // The subject and its domain components, which `subject` leaves out; empty without any.
  std::string subject_with_domain;
  std::optional<DistinguishedName> distinguished_name;
  std::string key_sha256;          // of the SubjectPublicKeyInfo, lower-case hex
  std::string certificate_sha256;  // the same of the whole certificate

  // After a handshake that succeeded.
  static TlsPeer Of(const SSL* session);
};

}  // namespace weir::server

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "protocol/base/strings.h"
#include "server/options_reader.h"

namespace weir::server {

namespace {

constexpr int64_t kAutoFallbackNs = 50'000'000;  // handshake_first: auto

// The suites that the reference knows; the insecure ones need allow_insecure_cipher_suites.
constexpr std::string_view kCipherSuites[] = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
};
constexpr std::string_view kInsecureCipherSuites[] = {
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
};
constexpr std::string_view kCurves[] = {
    "SecP384r1MLKEM1024", "SecP256r1MLKEM768", "X25519MLKEM768", "X25519",
    "CurveP256",          "CurveP384",         "CurveP521",
};

template <size_t kSize>
bool Contains(const std::string_view (&names)[kSize], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

using Field = OptionField<TlsOptions>;

bool End(OptionScope& scope, const ConfigValue& at, std::string_view reason) {
  scope.problems().Add(at, reason);
  return false;
}

bool WrongKind(OptionScope& scope, const ConfigValue& at, std::string_view key,
               std::string_view expected) {
  return End(scope, at,
             Cat("error parsing tls config, expected '", ToLower(key), "' to be ", expected));
}

bool ReadFile(OptionScope& scope, const std::string& key, const ConfigValue& value,
              TlsOptions& tls) {
  if (value.AsString() == nullptr) {
    return WrongKind(scope, value, key, "filename");
  }
  if (EqualsIgnoreCase(key, "ca_file")) {
    tls.ca_file = *value.AsString();
  } else if (EqualsIgnoreCase(key, "cert_file")) {
    tls.cert_file = *value.AsString();
  } else {
    tls.key_file = *value.AsString();
  }
  return true;
}

bool ReadSwitch(OptionScope& scope, const std::string& key, const ConfigValue& value,
                TlsOptions& tls) {
  if (!value.AsBool()) {
    return WrongKind(scope, value, key, "a boolean");
  }
  bool on = *value.AsBool();
  if (EqualsIgnoreCase(key, "insecure")) {
    tls.insecure = on;
  } else if (EqualsIgnoreCase(key, "allow_insecure_cipher_suites")) {
    tls.allow_insecure_cipher_suites = on;
  } else if (EqualsIgnoreCase(key, "verify")) {
    tls.verify = on;
  } else if (EqualsIgnoreCase(key, "verify_and_map")) {
    tls.verify = tls.verify || on;
    tls.verify_and_map = on;
  } else if (on) {
    return End(scope, value, "verify_cert_and_check_known_urls not supported in this context");
  }
  return true;
}

bool ReadCiphers(OptionScope& scope, const std::string&, const ConfigValue& value,
                 TlsOptions& tls) {
  const ConfigValue::Array* names = nullptr;
  if (!scope.Get(value, names)) {
    return false;
  }
  if (names->empty()) {
    return End(scope, value, "error parsing tls config, 'cipher_suites' cannot be empty");
  }
  for (const auto& element : *names) {
    scope.LookAt(element);
    std::string name;
    if (!scope.Get(element, name)) {
      return false;
    }
    if (!Contains(kCipherSuites, name) && !Contains(kInsecureCipherSuites, name)) {
      return End(scope, element, Cat("unrecognized cipher ", name));
    }
    tls.cipher_suites.push_back(name);
  }
  return true;
}

bool ReadCurves(OptionScope& scope, const std::string&, const ConfigValue& value, TlsOptions& tls) {
  const ConfigValue::Array* names = nullptr;
  if (!scope.Get(value, names)) {
    return false;
  }
  if (names->empty()) {
    return End(scope, value, "error parsing tls config, 'curve_preferences' cannot be empty");
  }
  for (const auto& element : *names) {
    scope.LookAt(element);
    std::string name;
    if (!scope.Get(element, name)) {
      return false;
    }
    if (!Contains(kCurves, name)) {
      return End(scope, element, Cat("unrecognized curve preference ", name));
    }
    tls.curve_preferences.push_back(name);
  }
  return true;
}

bool ReadTlsTimeout(OptionScope& scope, const std::string&, const ConfigValue& value,
                    TlsOptions& tls) {
  return ReadTimeout(scope.problems(), "tls", value, tls.timeout_ns);
}

bool ReadRateLimit(OptionScope& scope, const std::string&, const ConfigValue& value,
                   TlsOptions& tls) {
  if (!value.AsInteger()) {
    return End(scope, value, "error parsing tls config, 'connection_rate_limit' wrong type");
  }
  tls.connection_rate_limit = *value.AsInteger();
  return true;
}

bool ReadPins(OptionScope& scope, const std::string&, const ConfigValue& value, TlsOptions& tls) {
  constexpr std::string_view kKind = "hex-encoded sha256 of DER encoded SubjectPublicKeyInfo";
  const auto* pins = value.AsArray();
  if (pins == nullptr) {
    return WrongKind(scope, value, "pinned_certs", Cat("a list of ", kKind));
  }
  for (const auto& element : *pins) {
    scope.LookAt(element);
    std::string pin;
    if (!scope.Get(element, pin)) {
      return false;
    }
    pin = ToLower(pin);
    if (pin.size() != 64 || pin.find_first_not_of("0123456789abcdef") != std::string::npos) {
      return End(
          scope, element,
          Cat("error parsing tls config, 'pinned_certs' key ", pin, " does not look like ", kKind));
    }
    tls.pinned_certs.push_back(std::move(pin));
  }
  return true;
}

bool ReadHandshakeFirst(OptionScope& scope, const std::string& key, const ConfigValue& value,
                        TlsOptions& tls) {
  if (auto on = value.AsBool()) {
    tls.handshake_first = *on;
  } else if (const auto* text = value.AsString()) {
    auto duration = ParseDuration(*text);
    if (NamesField("auto|auto_fallback", *text)) {
      tls.handshake_first = true;
      tls.handshake_first_fallback_ns = kAutoFallbackNs;
    } else if (NamesField("true|on", *text) || NamesField("false|off", *text)) {
      tls.handshake_first = NamesField("true|on", *text);
    } else if (duration) {
      tls.handshake_first = true;
      tls.handshake_first_fallback_ns = *duration;
    } else {
      return End(scope, value,
                 Cat("field ", Quoted(key), "'s value ", Quoted(*text), " is invalid"));
    }
  } else {
    return End(
        scope, value,
        Cat("field ", Quoted(key), " should be a boolean or a string, got ", value.TypeName()));
  }
  return true;
}

bool ReadCertificate(OptionScope& scope, const ConfigValue& value, TlsOptions& tls) {
  const auto* map = value.AsMap();
  auto unsupported = [&scope](const ConfigValue& at) {
    return End(scope, at,
               Cat("error parsing certificates config: unsupported type ", at.TypeName()));
  };
  if (map == nullptr) {
    return unsupported(value);
  }
  TlsCertificate certificate;
  const ConfigValue* last = &value;
  for (const auto& [key, file] : map->entries()) {
    last = &file;
    if (file.AsString() == nullptr) {
      return unsupported(file);
    }
    if (key == "cert_file") {
      certificate.cert_file = *file.AsString();
    } else if (key == "key_file") {
      certificate.key_file = *file.AsString();
    } else {
      return End(scope, file, Cat("error parsing tls certs config, unknown field ", Quoted(key)));
    }
  }
  if (certificate.cert_file.empty() || certificate.key_file.empty()) {
    return End(scope, *last,
               "error parsing certificates config: both 'cert_file' and 'cert_key' "
               "options are required");
  }
  tls.certificates.push_back(std::move(certificate));
  return true;
}

bool ReadCertificates(OptionScope& scope, const std::string&, const ConfigValue& value,
                      TlsOptions& tls) {
  const auto* array = value.AsArray();
  if (array == nullptr) {
    // The reference names the type of the whole block here.
    return End(scope, value,
               "error parsing certificates config: unsupported type map[string]interface {}");
  }
  for (const auto& element : *array) {
    if (!ReadCertificate(scope, element, tls)) {
      return false;
    }
  }
  return true;
}

bool ReadMinVersion(OptionScope& scope, const std::string&, const ConfigValue& value,
                    TlsOptions& tls) {
  constexpr std::string_view kError = "error parsing tls config: ";
  const auto* text = value.AsString();
  if (text == nullptr) {
    return End(scope, value, Cat(kError, "'min_version' wrong type: ", value.Print()));
  }
  if (*text == "1.0" || *text == "1.1") {
    return End(scope, value, Cat(kError, "unsupported TLS version: TLS ", *text));
  }
  if (*text != "1.2" && *text != "1.3") {
    return End(scope, value, Cat(kError, "unknown version: ", *text));
  }
  tls.min_version = *text == "1.2" ? 12 : 13;
  return true;
}

bool RefuseOcspPeer(OptionScope& scope, const std::string&, const ConfigValue& value, TlsOptions&) {
  if (value.AsBool() != false) {
    scope.problems().Uses(Feature::kTlsOcspPeer, value);
  }
  return true;
}

bool RefuseStore(OptionScope& scope, const std::string&, const ConfigValue& value, TlsOptions&) {
  scope.problems().Uses(Feature::kTlsCertStore, value);
  return true;
}

constexpr Field kFields[] = {
    {"cert_file|key_file|ca_file", ReadFile},
    {"insecure|verify|verify_and_map|verify_cert_and_check_known_urls|"
     "allow_insecure_cipher_suites",
     ReadSwitch},
    {"cipher_suites", ReadCiphers},
    {"curve_preferences", ReadCurves},
    {"timeout", ReadTlsTimeout},
    {"connection_rate_limit", ReadRateLimit},
    {"pinned_certs", ReadPins},
    {"handshake_first|first|immediate", ReadHandshakeFirst},
    {"certs|certificates", ReadCertificates},
    {"min_version", ReadMinVersion},
    {"ocsp_peer", RefuseOcspPeer},
    {"cert_store|cert_match_by|cert_match|ca_certs_match|cert_match_skip_invalid", RefuseStore},
};

// The whole file, with the reference's words when it cannot be read.
StatusOr<std::string> Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::string reason = std::strerror(errno);
    reason[0] = ToLower(reason.substr(0, 1))[0];
    return NotFound(Cat("open ", path, ": ", reason));
  }
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

struct OpensslFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Openssl = std::unique_ptr<T, OpensslFree>;

Openssl<BIO> Reader(const std::string& text) {
  return Openssl<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Status CheckPair(const TlsCertificate& pair) {
  WEIR_ASSIGN_OR_RETURN(std::string certificate_text, Load(pair.cert_file));
  WEIR_ASSIGN_OR_RETURN(std::string key_text, Load(pair.key_file));
  Openssl<X509> certificate(
      PEM_read_bio_X509(Reader(certificate_text).get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) {
    return InvalidArgument("tls: failed to find any PEM data in certificate input");
  }
  Openssl<EVP_PKEY> key(PEM_read_bio_PrivateKey(Reader(key_text).get(), nullptr, nullptr, nullptr));
  if (key == nullptr) {
    return InvalidArgument("tls: failed to find any PEM data in key input");
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return InvalidArgument("tls: private key does not match public key");
  }
  return OkStatus();
}

Status CheckAuthority(const std::string& path) {
  WEIR_ASSIGN_OR_RETURN(std::string text, Load(path));
  Openssl<X509> certificate(PEM_read_bio_X509(Reader(text).get(), nullptr, nullptr, nullptr));
  return certificate != nullptr ? OkStatus()
                                : InvalidArgument("failed to parse root ca certificate");
}

Status CheckInsecureCiphers(const TlsOptions& tls) {
  std::string insecure;
  for (const auto& name : tls.cipher_suites) {
    if (Contains(kInsecureCipherSuites, name)) {
      CatTo(insecure, insecure.empty() ? "" : ", ", name);
    }
  }
  if (insecure.empty() || tls.allow_insecure_cipher_suites) {
    return OkStatus();
  }
  return InvalidArgument(
      Cat("insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: ",
          insecure));
}

}  // namespace

bool ReadTls(OptionProblems& problems, const ConfigValue& value, TlsOptions& out) {
  OptionScope scope(problems, value);
  const ConfigMap* map = nullptr;
  if (!scope.Get(value, map)) {
    return false;
  }
  out.enabled = true;
  for (const auto& [key, field] : map->entries()) {
    scope.LookAt(field);
    const auto* row = FindField(kFields, key);
    if (row == nullptr) {
      return End(scope, field, Cat("error parsing tls config, unknown field ", Quoted(key)));
    }
    if (!row->read(scope, key, field, out)) {
      return false;
    }
  }
  if (!out.certificates.empty() && !out.cert_file.empty()) {
    return End(scope, value,
               "error parsing tls config, cannot combine 'cert_file' option with "
               "'certs' option");
  }
  if (auto status = CheckInsecureCiphers(out); !status.ok()) {
    return End(scope, value, Message(status));
  }
  return true;
}

Status CheckTlsFiles(const TlsOptions& tls) {
  if (!tls.cert_file.empty() && tls.key_file.empty()) {
    return InvalidArgument("missing 'key_file' in TLS configuration");
  }
  if (tls.cert_file.empty() && !tls.key_file.empty()) {
    return InvalidArgument("missing 'cert_file' in TLS configuration");
  }
  if (!tls.cert_file.empty()) {
    WEIR_RETURN_IF_ERROR(Annotate(CheckPair({tls.cert_file, tls.key_file}),
                                  "error parsing X509 certificate/key pair"));
  }
  for (size_t i = 0; i < tls.certificates.size(); ++i) {
    WEIR_RETURN_IF_ERROR(Annotate(
        CheckPair(tls.certificates[i]),
        Cat("error parsing X509 certificate/key pair ", i + 1, "/", tls.certificates.size())));
  }
  return tls.ca_file.empty() ? OkStatus() : CheckAuthority(tls.ca_file);
}

}  // namespace weir::server

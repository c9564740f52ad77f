#include "server/tls_peer.h"

#include <array>
#include <iterator>
#include <memory>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

// The reference writes the attributes of a subject in this order, those of one type joined.
constexpr int kSubjectOrder[] = {
    NID_serialNumber,           NID_commonName,          NID_postalCode,
    NID_streetAddress,          NID_stateOrProvinceName, NID_localityName,
    NID_organizationalUnitName, NID_organizationName,    NID_countryName,
};

std::string Escaped(std::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    char c = value[i];
    bool special = std::string_view(",+\"\\<>;").find(c) != std::string_view::npos;
    special |= i == 0 && (c == '#' || c == ' ');
    special |= i + 1 == value.size() && c == ' ';
    if (special) {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  return out;
}

// "OU=a+OU=b", empty when there is none.
std::string AttributesOf(const X509_NAME* subject, int nid) {
  std::string out;
  for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, nid, i)) >= 0;) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    CatTo(out, out.empty() ? "" : "+", AttributeTypeName(X509_NAME_ENTRY_get_object(entry)), "=",
          Escaped(AttributeText(X509_NAME_ENTRY_get_data(entry))));
  }
  return out;
}

std::string SubjectText(const X509_NAME* subject) {
  std::string out;
  for (int nid : kSubjectOrder) {
    std::string attributes = AttributesOf(subject, nid);
    if (!attributes.empty()) {
      CatTo(out, out.empty() ? "" : ",", attributes);
    }
  }
  return out;
}

std::string DomainText(const X509_NAME* subject) {
  std::string out;
  for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_domainComponent, i)) >= 0;) {
    CatTo(out, ",DC=", AttributeText(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i))));
  }
  return out;
}

std::vector<std::string> AlternativeNames(const X509* certificate) {
  std::vector<std::string> out;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int kind : {GEN_EMAIL, GEN_DNS, GEN_URI}) {
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
      if (name->type == kind) {
        out.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.ia5)),
                         static_cast<size_t>(ASN1_STRING_length(name->d.ia5)));
      }
    }
  }
  GENERAL_NAMES_free(names);
  return out;
}

std::string Hex(const unsigned char* bytes, size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < size; ++i) {
    out.push_back(kDigits[bytes[i] >> 4]);
    out.push_back(kDigits[bytes[i] & 15]);
  }
  return out;
}

std::string Sha256(unsigned char* der, int size) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (size > 0) {
    EVP_Digest(der, static_cast<size_t>(size), digest.data(), &length, EVP_sha256(), nullptr);
  }
  OPENSSL_free(der);
  return Hex(digest.data(), length);
}

void ReadCertificate(X509* certificate, TlsPeer& out) {
  out.has_certificate = true;
  out.names = AlternativeNames(certificate);
  const X509_NAME* subject = X509_get_subject_name(certificate);
  out.subject = SubjectText(subject);
  std::string domain = DomainText(subject);
  out.subject_with_domain = domain.empty() ? std::string() : Cat(out.subject, domain);
  out.distinguished_name = DistinguishedName::FromSubject(subject);
  unsigned char* der = nullptr;
  int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  out.key_sha256 = Sha256(der, size);
  der = nullptr;
  size = i2d_X509(certificate, &der);
  out.certificate_sha256 = Sha256(der, size);
}

}  // namespace

TlsPeer TlsPeer::Of(const SSL* session) {
  TlsPeer out;
  out.version = SSL_version(session) == TLS1_3_VERSION ? "1.3" : "1.2";
  const char* suite = SSL_CIPHER_standard_name(SSL_get_current_cipher(session));
  out.cipher_suite = suite == nullptr ? "" : suite;
  if (X509* certificate = SSL_get0_peer_certificate(session)) {
    ReadCertificate(certificate, out);
  }
  return out;
}

}  // namespace weir::server

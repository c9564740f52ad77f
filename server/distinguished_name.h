#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/x509.h>

namespace weir::server {

// A distinguished name as RFC 4514 writes it ("CN=www.example.com,OU=ops,O=Example"): relative
// names, the most specific one first, of one attribute each or of several joined with "+".
class DistinguishedName {
 public:
  struct Attribute {
    std::string type;  // "CN"; its case does not matter
    std::string value;
  };
  using Relative = std::vector<Attribute>;  // in any order

  // nullopt when the text is no such name.
  static std::optional<DistinguishedName> Parse(std::string_view text);
  // nullopt when the certificate uses an attribute type that RFC 4514 has no name for.
  static std::optional<DistinguishedName> FromSubject(const X509_NAME* subject);

  const std::vector<Relative>& relatives() const { return relatives_; }
  // The same relative names in the same order.
  bool Equals(const DistinguishedName& other) const;
  // ... in any order.
  bool Matches(const DistinguishedName& other) const;

 private:
  std::vector<Relative> relatives_;
};

// The short name of an attribute's type ("CN"), empty when it has none.
std::string_view AttributeTypeName(const ASN1_OBJECT* type);

// The text of an attribute in UTF-8.
std::string AttributeText(const ASN1_STRING* value);

}  // namespace weir::server

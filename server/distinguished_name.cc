#include "server/distinguished_name.h"

#include <algorithm>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

struct TypeName {
  int nid;
  std::string_view name;
};
constexpr TypeName kTypeNames[] = {
    {NID_commonName, "CN"},      {NID_serialNumber, "SERIALNUMBER"}, {NID_countryName, "C"},
    {NID_localityName, "L"},     {NID_stateOrProvinceName, "ST"},    {NID_streetAddress, "STREET"},
    {NID_organizationName, "O"}, {NID_organizationalUnitName, "OU"}, {NID_postalCode, "POSTALCODE"},
    {NID_domainComponent, "DC"},
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Reads one name or value up to one of the `ends`, which is left in place. Blanks around it do not
// count unless they are escaped. nullopt: a broken escape.
std::optional<std::string> ReadPart(std::string_view& text, std::string_view ends) {
  std::string out;
  size_t kept = 0;  // length without trailing blanks
  size_t at = 0;
  for (; at < text.size() && ends.find(text[at]) == std::string_view::npos; ++at) {
    char c = text[at];
    if (c == '\\') {
      if (++at == text.size()) {
        return std::nullopt;
      }
      c = text[at];
      if (std::string_view(" \"#+,;<=>\\").find(c) == std::string_view::npos) {
        int high = HexDigit(c);
        int low = ++at < text.size() ? HexDigit(text[at]) : -1;
        if (high < 0 || low < 0) {
          return std::nullopt;
        }
        c = static_cast<char>(high * 16 + low);
      }
      out.push_back(c);
      kept = out.size();
      continue;
    }
    if (c == ' ' && out.empty()) {
      continue;
    }
    out.push_back(c);
    kept = c == ' ' ? kept : out.size();
  }
  text.remove_prefix(at);
  out.resize(kept);
  return out;
}

bool SameAttribute(const DistinguishedName::Attribute& a, const DistinguishedName::Attribute& b) {
  return EqualsIgnoreCase(a.type, b.type) && a.value == b.value;
}

bool Includes(const DistinguishedName::Relative& a, const DistinguishedName::Relative& b) {
  return std::all_of(b.begin(), b.end(), [&a](const auto& wanted) {
    return std::any_of(a.begin(), a.end(),
                       [&wanted](const auto& each) { return SameAttribute(each, wanted); });
  });
}

bool SameRelative(const DistinguishedName::Relative& a, const DistinguishedName::Relative& b) {
  return a.size() == b.size() && Includes(a, b) && Includes(b, a);
}

}  // namespace

std::string_view AttributeTypeName(const ASN1_OBJECT* type) {
  int nid = OBJ_obj2nid(type);
  for (const TypeName& row : kTypeNames) {
    if (row.nid == nid) {
      return row.name;
    }
  }
  return {};
}

std::string AttributeText(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  int length = ASN1_STRING_to_UTF8(&utf8, value);
  std::string out;
  if (length > 0) {
    out.assign(reinterpret_cast<const char*>(utf8), static_cast<size_t>(length));
  }
  OPENSSL_free(utf8);
  return out;
}

std::optional<DistinguishedName> DistinguishedName::Parse(std::string_view text) {
  DistinguishedName name;
  Relative relative;
  while (!text.empty()) {
    auto type = ReadPart(text, "=,+");
    if (!type || type->empty() || text.empty() || text.front() != '=') {
      return std::nullopt;
    }
    text.remove_prefix(1);
    if (text.starts_with('#')) {
      return std::nullopt;  // a value in BER
    }
    auto value = ReadPart(text, ",+");
    if (!value) {
      return std::nullopt;
    }
    relative.push_back({*std::move(type), *std::move(value)});
    bool joined = text.starts_with('+');
    if (!joined) {
      name.relatives_.push_back(std::exchange(relative, {}));
    }
    if (!text.empty()) {
      text.remove_prefix(1);
      if (text.empty()) {
        return std::nullopt;
      }
    }
  }
  return name;
}

std::optional<DistinguishedName> DistinguishedName::FromSubject(const X509_NAME* subject) {
  DistinguishedName name;
  int last_set = -1;
  for (int i = X509_NAME_entry_count(subject) - 1; i >= 0; --i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    std::string_view type = AttributeTypeName(X509_NAME_ENTRY_get_object(entry));
    if (type.empty()) {
      return std::nullopt;
    }
    int set = X509_NAME_ENTRY_set(entry);
    if (name.relatives_.empty() || set != last_set) {
      name.relatives_.emplace_back();
    }
    last_set = set;
    name.relatives_.back().push_back(
        {std::string(type), AttributeText(X509_NAME_ENTRY_get_data(entry))});
  }
  return name;
}

bool DistinguishedName::Equals(const DistinguishedName& other) const {
  return std::equal(relatives_.begin(), relatives_.end(), other.relatives_.begin(),
                    other.relatives_.end(), SameRelative);
}

bool DistinguishedName::Matches(const DistinguishedName& other) const {
  return relatives_.size() == other.relatives_.size() &&
         std::is_permutation(relatives_.begin(), relatives_.end(), other.relatives_.begin(),
                             SameRelative);
}

}  // namespace weir::server

#pragma once

// Addresses of sources and sinks, `scheme://user:password@host:port/path?key=value`, with
// placeholders, and how they are shown.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/status.h"

namespace weir::ingest {

// Gives a variable's value; nullopt: not set.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;
// The environment of this process.
std::optional<std::string> EnvironmentVariable(std::string_view name);

// Replaces {VAR}, ${VAR} and ${file:/path} (the file's contents without a trailing newline). A
// variable without a value is an error that names it. "{{" and "}}" are not special; a brace that
// encloses no variable name stays.
StatusOr<std::string> ExpandPlaceholders(std::string_view text, const VariableLookup& lookup);

// The same for an address that stays one text: values in the user info and in the query are
// percent-encoded, so that a secret may hold any character.
StatusOr<std::string> ExpandAddress(std::string_view text, const VariableLookup& lookup);

struct Address {
  std::string scheme;  // lower case
  std::string user;
  std::string password;
  bool has_password = false;  // "user:@": an empty one
  std::string host;
  uint16_t port = 0;  // 0: none given
  std::string path;   // with its leading slash, percent-decoded
  std::vector<std::pair<std::string, std::string>> query;

  // nullptr when absent.
  const std::string* Find(std::string_view key) const;
};

// Splits first and expands placeholders inside the parts afterwards, so that a secret may hold
// any character; percent-escapes of the text itself are decoded.
StatusOr<Address> ParseAddress(std::string_view text, const VariableLookup& lookup);
StatusOr<Address> ParseAddress(std::string_view text);  // no placeholders

std::string PercentEncode(std::string_view text);

// The address with *** for the password, a bare token, and query values whose key says secret.
// Works on any text, also on what ParseAddress refuses.
std::string MaskAddress(std::string_view text);

// The file that a sqlite address names. `sqlite:////abs` is absolute; `sqlite:///a/b` is absolute
// when the directory /a exists and relative otherwise; `sqlite:///b`, `sqlite://./b` and `sqlite:b`
// are relative to `base`.
StatusOr<std::string> SqlitePath(std::string_view address, std::string_view base);

}  // namespace weir::ingest

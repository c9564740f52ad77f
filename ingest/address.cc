#include "ingest/address.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

constexpr std::string_view kMask = "***";

bool IsNameCharacter(char c, bool first) {
  bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  return letter || (!first && c >= '0' && c <= '9');
}

bool IsVariableName(std::string_view name) {
  for (size_t i = 0; i < name.size(); ++i) {
    if (!IsNameCharacter(name[i], i == 0)) {
      return false;
    }
  }
  return !name.empty();
}

// A placeholder at the front of `text`: its length and what stands between the braces.
struct Placeholder {
  size_t length;
  std::string_view inside;
};
std::optional<Placeholder> PlaceholderAt(std::string_view text) {
  size_t open = text.starts_with("${") ? 1 : 0;
  if (open >= text.size() || text[open] != '{') {
    return std::nullopt;
  }
  size_t close = text.find('}', open);
  if (close == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view inside = text.substr(open + 1, close - open - 1);
  if (!IsVariableName(inside) && !(open == 1 && inside.starts_with("file:"))) {
    return std::nullopt;
  }
  return Placeholder{close + 1, inside};
}

StatusOr<std::string> ValueOf(std::string_view inside, const VariableLookup& lookup) {
  if (inside.starts_with("file:")) {
    std::string path(inside.substr(5));
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      return InvalidArgument(Cat("cannot read the file ", path, " of a placeholder"));
    }
    std::string value{std::istreambuf_iterator<char>(file), {}};
    while (value.ends_with('\n') || value.ends_with('\r')) {
      value.pop_back();
    }
    return value;
  }
  std::optional<std::string> value = lookup(inside);
  if (!value) {
    return InvalidArgument(Cat("the variable ", inside, " is not set"));
  }
  return *std::move(value);
}

// Text up to the first of `stops` that is not inside a placeholder.
size_t FindOutside(std::string_view text, std::string_view stops) {
  for (size_t i = 0; i < text.size();) {
    if (auto placeholder = PlaceholderAt(text.substr(i))) {
      i += placeholder->length;
      continue;
    }
    if (stops.find(text[i]) != std::string_view::npos) {
      return i;
    }
    ++i;
  }
  return std::string_view::npos;
}

StatusOr<std::string> PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    unsigned value = 0;
    std::string_view digits = text.substr(i + 1, 2);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) {
      return InvalidArgument("a '%' without two hexadecimal digits");
    }
    out.push_back(static_cast<char>(value));
    i += 2;
  }
  return out;
}

// One part of an address: its escapes decoded, then its placeholders filled in.
StatusOr<std::string> Part(std::string_view text, const VariableLookup& lookup) {
  std::string out;
  while (!text.empty()) {
    size_t plain = 0;
    std::optional<Placeholder> placeholder;
    while (plain < text.size() && !(placeholder = PlaceholderAt(text.substr(plain)))) {
      ++plain;
    }
    WEIR_ASSIGN_OR_RETURN(std::string decoded, PercentDecode(text.substr(0, plain)));
    out.append(decoded);
    text.remove_prefix(plain);
    if (placeholder) {
      WEIR_ASSIGN_OR_RETURN(std::string value, ValueOf(placeholder->inside, lookup));
      out.append(value);
      text.remove_prefix(placeholder->length);
    }
  }
  return out;
}

Status ReadUserInfo(std::string_view text, const VariableLookup& lookup, Address& out) {
  size_t colon = FindOutside(text, ":");
  WEIR_ASSIGN_OR_RETURN(out.user, Part(text.substr(0, colon), lookup));
  if (colon != std::string_view::npos) {
    out.has_password = true;
    WEIR_ASSIGN_OR_RETURN(out.password, Part(text.substr(colon + 1), lookup));
  }
  return OkStatus();
}

Status ReadHost(std::string_view text, const VariableLookup& lookup, Address& out) {
  std::string_view port;
  if (text.starts_with('[')) {
    size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return InvalidArgument("a '[' without its ']' in the host");
    }
    out.host = std::string(text.substr(1, close - 1));
    text.remove_prefix(close + 1);
    if (!text.empty() && text[0] != ':') {
      return InvalidArgument("unexpected text behind ']' in the host");
    }
    port = text.empty() ? text : text.substr(1);
  } else {
    size_t colon = FindOutside(text, ":");
    WEIR_ASSIGN_OR_RETURN(out.host, Part(text.substr(0, colon), lookup));
    port = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  }
  if (port.empty()) {
    return OkStatus();
  }
  WEIR_ASSIGN_OR_RETURN(std::string digits, Part(port, lookup));
  auto number = ParseNumber<uint16_t>(digits);
  if (!number || *number == 0) {
    return InvalidArgument(Cat("the port ", Quoted(digits), " is not a number from 1 to 65535"));
  }
  out.port = *number;
  return OkStatus();
}

Status ReadQuery(std::string_view text, const VariableLookup& lookup, Address& out) {
  while (!text.empty()) {
    size_t end = FindOutside(text, "&");
    std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty()) {
      continue;
    }
    size_t equals = FindOutside(pair, "=");
    WEIR_ASSIGN_OR_RETURN(std::string key, Part(pair.substr(0, equals), lookup));
    std::string value;
    if (equals != std::string_view::npos) {
      WEIR_ASSIGN_OR_RETURN(value, Part(pair.substr(equals + 1), lookup));
    }
    out.query.emplace_back(std::move(key), std::move(value));
  }
  return OkStatus();
}

bool IsSecretKey(std::string_view key) {
  std::string lower = ToLower(key);
  for (std::string_view word : {"token", "password", "passwd", "secret", "seed", "key", "creds"}) {
    if (lower.find(word) != std::string::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<std::string> EnvironmentVariable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

StatusOr<std::string> ExpandPlaceholders(std::string_view text, const VariableLookup& lookup) {
  std::string out;
  while (!text.empty()) {
    if (auto placeholder = PlaceholderAt(text)) {
      WEIR_ASSIGN_OR_RETURN(std::string value, ValueOf(placeholder->inside, lookup));
      out.append(value);
      text.remove_prefix(placeholder->length);
      continue;
    }
    out.push_back(text[0]);
    text.remove_prefix(1);
  }
  return out;
}

StatusOr<std::string> ExpandAddress(std::string_view text, const VariableLookup& lookup) {
  if (PlaceholderAt(text) || text.starts_with("sqlite:")) {
    return ExpandPlaceholders(text, lookup);
  }
  size_t at = text.rfind('@');
  size_t user_end = at == std::string_view::npos ? 0 : at;
  size_t query_at = FindOutside(text, "?");
  std::string out;
  for (size_t i = 0; i < text.size();) {
    auto placeholder = PlaceholderAt(text.substr(i));
    if (!placeholder) {
      out.push_back(text[i++]);
      continue;
    }
    WEIR_ASSIGN_OR_RETURN(std::string value, ValueOf(placeholder->inside, lookup));
    out.append(i < user_end || i > query_at ? PercentEncode(value) : value);
    i += placeholder->length;
  }
  return out;
}

const std::string* Address::Find(std::string_view key) const {
  for (const auto& [name, value] : query) {
    if (name == key) {
      return &value;
    }
  }
  return nullptr;
}

StatusOr<Address> ParseAddress(std::string_view text, const VariableLookup& lookup) {
  std::string whole;
  if (PlaceholderAt(text)) {
    // The scheme itself comes from a variable: so does the structure.
    WEIR_ASSIGN_OR_RETURN(whole, ExpandPlaceholders(text, lookup));
    text = whole;
  }
  size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos || scheme_end == 0) {
    return InvalidArgument(
        Cat("the address ", Quoted(MaskAddress(text)), " has no scheme (\"scheme://…\")"));
  }
  Address out;
  out.scheme = ToLower(text.substr(0, scheme_end));
  std::string_view rest = text.substr(scheme_end + 3);
  size_t authority_end = FindOutside(rest, "/?#");
  std::string_view authority = rest.substr(0, authority_end);
  rest = authority_end == std::string_view::npos ? std::string_view{} : rest.substr(authority_end);

  auto read = [&]() -> Status {
    size_t at = std::string_view::npos;
    for (size_t from = 0; from <= authority.size();) {
      size_t next = FindOutside(authority.substr(from), "@");
      if (next == std::string_view::npos) {
        break;
      }
      at = from + next;  // the last one: a password may hold others
      from = at + 1;
    }
    if (at != std::string_view::npos) {
      WEIR_RETURN_IF_ERROR(ReadUserInfo(authority.substr(0, at), lookup, out));
      authority.remove_prefix(at + 1);
    }
    WEIR_RETURN_IF_ERROR(ReadHost(authority, lookup, out));
    size_t path_end = FindOutside(rest, "?#");
    WEIR_ASSIGN_OR_RETURN(out.path, Part(rest.substr(0, path_end), lookup));
    if (path_end != std::string_view::npos && rest[path_end] == '?') {
      std::string_view query = rest.substr(path_end + 1);
      WEIR_RETURN_IF_ERROR(ReadQuery(query.substr(0, FindOutside(query, "#")), lookup, out));
    }
    return OkStatus();
  };
  if (Status status = read(); !status.ok()) {
    return Annotate(status, Cat("the address ", Quoted(MaskAddress(text))));
  }
  return out;
}

StatusOr<Address> ParseAddress(std::string_view text) {
  return ParseAddress(text, [](std::string_view name) { return Cat("{", name, "}"); });
}

std::string PercentEncode(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = IsNameCharacter(c, false) || c == '-' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.append("%").append(HexEncode(std::string_view(&c, 1)));
    }
  }
  return out;
}

std::string MaskAddress(std::string_view text) {
  size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) {
    return std::string(text);
  }
  std::string out(text.substr(0, scheme_end + 3));
  std::string_view rest = text.substr(scheme_end + 3);
  size_t query_at = rest.find('?');
  std::string_view front = rest.substr(0, query_at);
  // A password may hold '/', '?' or '@' unescaped: everything up to the last '@' is user info.
  size_t at = rest.rfind('@');
  if (at != std::string_view::npos && (query_at == std::string_view::npos || at < query_at ||
                                       rest.substr(query_at).find('=') > at - query_at)) {
    std::string_view user = rest.substr(0, at);
    size_t colon = user.find(':');
    if (colon != std::string_view::npos) {
      out.append(user.substr(0, colon)).append(":");
    }
    out.append(kMask).append("@");
    rest.remove_prefix(at + 1);
    query_at = rest.find('?');
    front = rest.substr(0, query_at);
  }
  out.append(front);
  if (query_at == std::string_view::npos) {
    return out;
  }
  char separator = '?';
  for (std::string_view pair : Split(rest.substr(query_at + 1), '&')) {
    size_t equals = pair.find('=');
    std::string_view key = pair.substr(0, equals);
    out.push_back(separator);
    separator = '&';
    if (equals != std::string_view::npos && IsSecretKey(key)) {
      out.append(key).append("=").append(kMask);
    } else {
      out.append(pair);
    }
  }
  return out;
}

StatusOr<std::string> SqlitePath(std::string_view address, std::string_view base) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!address.starts_with(kScheme)) {
    return InvalidArgument(Cat("not a sqlite address: ", MaskAddress(address)));
  }
  std::string_view path = address.substr(kScheme.size());
  path = path.substr(0, path.find('?'));
  bool absolute = false;
  if (path.starts_with("////")) {
    path.remove_prefix(3);
    absolute = true;
  } else if (path.starts_with("///")) {
    path.remove_prefix(2);
    std::error_code error;
    size_t slash = path.find('/', 1);
    absolute = slash != std::string_view::npos &&
               std::filesystem::is_directory(std::string(path.substr(0, slash)), error);
    if (!absolute) {
      path.remove_prefix(1);
    }
  } else if (path.starts_with("//")) {
    path.remove_prefix(2);
  } else {
    absolute = path.starts_with("/");
  }
  WEIR_ASSIGN_OR_RETURN(std::string decoded, PercentDecode(path));
  if (std::string_view(decoded).find_first_not_of("/") == std::string_view::npos) {
    return InvalidArgument(Cat("the address ", Quoted(address), " names no database file"));
  }
  if (absolute) {
    return decoded;
  }
  return (std::filesystem::path(base) / decoded).lexically_normal().string();
}

}  // namespace weir::ingest

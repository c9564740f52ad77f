#include "server/http_query.h"

#include <charconv>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') {
    return lower - 'a' + 10;
  }
  return std::nullopt;
}

template <typename T>
StatusOr<T> ReadNumber(std::string_view name, std::string_view text, std::string_view type,
                       std::string_view function) {
  std::string_view digits = text;
  if (std::is_signed_v<T> && digits.size() > 1 && digits.front() == '+') {
    digits.remove_prefix(1);
  }
  T value{};
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc{} && end == digits.data() + digits.size()) {
    return value;
  }
  bool too_large = error == std::errc::result_out_of_range && end == digits.data() + digits.size();
  return InvalidArgument(Cat("Error decoding ", type, " for '", name, "': strconv.", function,
                             ": parsing ", Quoted(text), ": ",
                             too_large ? "value out of range" : "invalid syntax"));
}

}  // namespace

std::optional<std::string> DecodeUrlPart(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
      continue;
    }
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) {
      return std::nullopt;
    }
    auto high = HexDigit(text[i + 1]);
    auto low = HexDigit(text[i + 2]);
    if (!high || !low) {
      return std::nullopt;
    }
    out.push_back(static_cast<char>(*high << 4 | *low));
    i += 2;
  }
  return out;
}

std::string CleanPath(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::string_view part : Split(path, '/')) {
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (!part.empty() && part != "." && part != "..") {
      parts.push_back(part);
    }
  }
  std::string out;
  for (std::string_view part : parts) {
    CatTo(out, '/', part);
  }
  return out.empty() ? "/" : out;
}

HttpQuery::HttpQuery(std::string_view text) {
  for (std::string_view pair : Split(text, '&')) {
    if (pair.empty() || pair.find(';') != std::string_view::npos) {
      continue;
    }
    size_t equals = pair.find('=');
    auto name = DecodeUrlPart(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::string()
                                                  : DecodeUrlPart(pair.substr(equals + 1), true);
    if (name && value) {
      pairs_.emplace_back(*std::move(name), *std::move(value));
    }
  }
}

std::string_view HttpQuery::Get(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (key == name) {
      return value;
    }
  }
  return {};
}

StatusOr<bool> HttpQuery::GetBool(std::string_view name) const {
  std::string_view text = Get(name);
  for (std::string_view no : {"", "0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) {
      return false;
    }
  }
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) {
      return true;
    }
  }
  return InvalidArgument(Cat("Error decoding boolean for '", name, "': strconv.ParseBool: parsing ",
                             Quoted(text), ": invalid syntax"));
}

StatusOr<int64_t> HttpQuery::GetInt(std::string_view name) const {
  std::string_view text = Get(name);
  if (text.empty()) {
    return 0;
  }
  return ReadNumber<int64_t>(name, text, "int", "Atoi");
}

StatusOr<uint64_t> HttpQuery::GetUint(std::string_view name) const {
  std::string_view text = Get(name);
  if (text.empty()) {
    return 0;
  }
  return ReadNumber<uint64_t>(name, text, "uint64", "ParseUint");
}

}  // namespace weir::server

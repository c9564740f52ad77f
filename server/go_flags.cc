#include "server/go_flags.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

std::optional<bool> ParseGoBool(std::string_view text) {
  for (auto word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) {
      return true;
    }
  }
  for (auto word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) {
      return false;
    }
  }
  return std::nullopt;
}

// Go's strconv.ParseInt with base 0: 0x, 0o, 0b and a leading zero choose the base; underscores may
// separate digits.
enum class IntegerError : uint8_t { kNone, kSyntax, kRange };
IntegerError ParseGoNumber(std::string_view text, int64_t& out) {
  std::string digits;
  std::string_view rest = text;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    digits = rest.front() == '-' ? "-" : "";
    rest.remove_prefix(1);
  }
  int base = 10;
  bool prefixed = rest.size() > 1 && rest.front() == '0';
  if (prefixed) {
    char letter = ToLower(rest.substr(1, 1))[0];
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    rest.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  bool underscore = false;
  for (char c : rest) {
    if (c == '_' && prefixed && !underscore) {
      underscore = true;
      continue;
    }
    underscore = false;
    digits += c;
  }
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  if (underscore || end != digits.data() + digits.size() || rest.empty() || rest.front() == '-') {
    return IntegerError::kSyntax;
  }
  return error == std::errc::result_out_of_range ? IntegerError::kRange
         : error == std::errc{}                  ? IntegerError::kNone
                                                 : IntegerError::kSyntax;
}

Status SetValue(GivenFlag& flag, std::string_view value) {
  flag.text = value;
  if (flag.kind == FlagKind::kBool) {
    auto on = ParseGoBool(value);
    if (!on) {
      return InvalidArgument(
          Cat("invalid boolean value ", Quoted(value), " for -", flag.name, ": parse error"));
    }
    flag.on = *on;
  } else if (flag.kind == FlagKind::kInteger) {
    auto error = ParseGoNumber(value, flag.integer);
    if (error != IntegerError::kNone) {
      return InvalidArgument(
          Cat("invalid value ", Quoted(value), " for flag -", flag.name, ": ",
              error == IntegerError::kRange ? "value out of range" : "parse error"));
    }
  }
  return OkStatus();
}

}  // namespace

StatusOr<GivenFlags> ParseGoFlags(std::span<const std::string> arguments,
                                  std::span<const FlagSpec> known) {
  GivenFlags given;
  size_t at = 0;
  while (at < arguments.size()) {
    std::string_view argument = arguments[at];
    if (argument.size() < 2 || argument.front() != '-') {
      break;
    }
    ++at;
    if (argument == "--") {
      break;
    }
    std::string_view name = argument.substr(argument[1] == '-' ? 2 : 1);
    if (name.empty() || name.front() == '-' || name.front() == '=') {
      return InvalidArgument(Cat("bad flag syntax: ", argument));
    }
    size_t equals = name.find('=');
    auto bare = name.substr(0, equals);
    const auto* spec = std::find_if(known.data(), known.data() + known.size(),
                                    [bare](const FlagSpec& one) { return one.name == bare; });
    if (spec == known.data() + known.size()) {
      return InvalidArgument(Cat("flag provided but not defined: -", bare));
    }
    GivenFlag flag;
    flag.name = bare;
    flag.kind = spec->kind;
    std::string_view value = "true";
    if (equals != std::string_view::npos) {
      value = name.substr(equals + 1);
    } else if (flag.kind != FlagKind::kBool) {
      if (at == arguments.size()) {
        return InvalidArgument(Cat("flag needs an argument: -", bare));
      }
      value = arguments[at++];
    }
    WEIR_RETURN_IF_ERROR(SetValue(flag, value));
    given.flags.push_back(std::move(flag));
  }
  given.rest.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
  return given;
}

}  // namespace weir::server

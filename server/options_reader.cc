#include "server/options_reader.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "protocol/base/strings.h"

namespace weir::server {

void OptionProblems::Add(const ConfigValue& at, std::string_view reason) {
  errors_.push_back(Cat(at.Where(), ": ", reason));
}

void OptionProblems::AddUnknown(const ConfigValue& at, std::string_view field) {
  if (!at.used_as_variable()) {
    Add(at, Cat("unknown field ", Quoted(field)));
  }
}

void OptionProblems::AddUnknown(const ConfigValue& at, std::string_view field,
                                std::string_view parsing) {
  if (!at.used_as_variable()) {
    Add(at, Cat("Unknown field ", Quoted(field), " parsing ", parsing));
  }
}

void OptionProblems::Warn(const ConfigValue& at, std::string_view field, std::string_view reason) {
  warnings_.push_back(Cat(at.Where(), ": invalid use of field ", Quoted(field), ": ", reason));
}

void OptionProblems::Uses(Feature feature, const ConfigValue& at) {
  if (const auto* text = FindUnsupported(feature)) {
    unsupported_.push_back({at.Where(), std::string(text->what), text->refused});
  }
}

bool OptionScope::WrongType(const ConfigValue& value, std::string_view expected) {
  problems_.Add(
      *last_, Cat("interface conversion: interface {} is ", value.TypeName(), ", not ", expected));
  return false;
}

bool OptionScope::Get(const ConfigValue& value, bool& out) {
  auto found = value.AsBool();
  if (!found) {
    return WrongType(value, "bool");
  }
  out = *found;
  return true;
}

bool OptionScope::Get(const ConfigValue& value, int64_t& out) {
  auto found = value.AsInteger();
  if (!found) {
    return WrongType(value, "int64");
  }
  out = *found;
  return true;
}

bool OptionScope::Get(const ConfigValue& value, int& out) {
  int64_t wide = 0;
  if (!Get(value, wide)) {
    return false;
  }
  out = static_cast<int>(wide);
  return true;
}

bool OptionScope::Get(const ConfigValue& value, std::string& out) {
  const auto* found = value.AsString();
  if (found == nullptr) {
    return WrongType(value, "string");
  }
  out = *found;
  return true;
}

bool OptionScope::Get(const ConfigValue& value, const ConfigMap*& out) {
  out = value.AsMap();
  return out != nullptr || WrongType(value, "map[string]interface {}");
}

bool OptionScope::Get(const ConfigValue& value, const ConfigValue::Array*& out) {
  out = value.AsArray();
  return out != nullptr || WrongType(value, "[]interface {}");
}

bool NamesField(std::string_view names, std::string_view key) {
  for (auto name : Split(names, '|')) {
    if (EqualsIgnoreCase(name, key)) {
      return true;
    }
  }
  return false;
}

bool IsPublicNkey(char type, std::string_view text) {
  constexpr size_t kKeyBytes = 35;  // letter, 32 of key, CRC-16/XMODEM with the low byte first
  auto bytes = Base32Decode(text);
  if (!bytes || bytes->size() != kKeyBytes || text.front() != type) {
    return false;
  }
  uint32_t checksum = 0;
  for (size_t i = 0; i < kKeyBytes - 2; ++i) {
    checksum ^= static_cast<uint32_t>(static_cast<uint8_t>((*bytes)[i])) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      checksum = (checksum & 0x8000) != 0 ? (checksum << 1) ^ 0x1021 : checksum << 1;
    }
  }
  auto byte = [&bytes](size_t i) {
    return static_cast<uint32_t>(static_cast<uint8_t>((*bytes)[i]));
  };
  return (checksum & 0xffff) == (byte(kKeyBytes - 2) | byte(kKeyBytes - 1) << 8);
}

StatusOr<int64_t> ParseGoDuration(std::string_view text) {
  if (auto parsed = ParseDuration(text)) {
    return *parsed;
  }
  // Which of Go's three complaints: walk the numbers and units until one is wrong.
  auto rest = text;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    rest.remove_prefix(1);
  }
  while (!rest.empty()) {
    size_t number = rest.find_first_not_of("0123456789.");
    bool digits = rest.substr(0, number).find_first_of("0123456789") != std::string_view::npos;
    bool one_point = rest.find('.') == rest.substr(0, number).rfind('.') ||
                     rest.substr(0, number).find('.') == std::string_view::npos;
    if (!digits || !one_point) {
      break;
    }
    if (number == std::string_view::npos) {
      return InvalidArgument(Cat("time: missing unit in duration ", Quoted(text)));
    }
    size_t end = rest.find_first_of("0123456789.", number);
    auto unit = rest.substr(number, end - number);
    if (!ParseDuration(Cat("1", unit))) {
      return InvalidArgument(
          Cat("time: unknown unit ", Quoted(unit), " in duration ", Quoted(text)));
    }
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  }
  return InvalidArgument(Cat("time: invalid duration ", Quoted(text)));
}

StatusOr<int64_t> ParseGoInteger(std::string_view function, std::string_view text) {
  auto digits = text;
  if (digits.starts_with('+') && !digits.starts_with("+-")) {
    digits.remove_prefix(1);
  }
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  bool whole = end == digits.data() + digits.size();
  if (error == std::errc{} && whole) {
    return value;
  }
  bool range = error == std::errc::result_out_of_range && whole;
  return InvalidArgument(Cat("strconv.", function, ": parsing ", Quoted(text), ": ",
                             range ? "value out of range" : "invalid syntax"));
}

bool ReadDuration(OptionScope& scope, std::string_view field, const ConfigValue& value,
                  int64_t& out_ns) {
  if (const auto* text = value.AsString()) {
    auto parsed = ParseGoDuration(*text);
    if (!parsed.ok()) {
      scope.problems().Add(value, Cat("error parsing ", field, ": ", Message(parsed.status())));
      return true;
    }
    out_ns = *parsed;
    return true;
  }
  scope.problems().Warn(value, field, Cat(field, " should be converted to a duration"));
  int64_t seconds = 0;
  if (!scope.Get(value, seconds)) {
    return false;
  }
  out_ns = seconds * kSecondNs;
  return true;
}

bool ReadTimeout(OptionProblems& problems, std::string_view block, const ConfigValue& value,
                 int64_t& out_ns) {
  double seconds = 0;
  if (auto whole = value.AsInteger()) {
    seconds = static_cast<double>(*whole);
  } else if (auto number = value.AsFloat()) {
    seconds = *number;
  } else if (const auto* text = value.AsString()) {
    auto parsed = ParseGoDuration(*text);
    if (!parsed.ok()) {
      problems.Add(value,
                   Cat("error parsing ", block, " config, 'timeout' ", Message(parsed.status())));
      return false;
    }
    out_ns = *parsed;
    return true;
  } else {
    problems.Add(value, Cat("error parsing ", block, " config, 'timeout' wrong type"));
    return false;
  }
  constexpr double kLongest = 292.0 * 365 * 86400;
  out_ns = std::fabs(seconds) > kLongest ? std::numeric_limits<int64_t>::max()
                                         : std::llround(seconds * 1e9);
  return true;
}

namespace {

// Go's net.SplitHostPort: "host:port", "[v6]:port", ":port".
bool SplitHostPort(std::string_view text, std::string_view& host, std::string_view& port) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return false;
  }
  host = text.substr(0, colon);
  port = text.substr(colon + 1);
  if (host.starts_with('[')) {
    size_t end = text.find(']');
    if (end == std::string_view::npos || end + 1 != colon) {
      return false;
    }
    host = text.substr(1, end - 1);
    return host.find('[') == std::string_view::npos;
  }
  return host.find_first_of(":[]") == std::string_view::npos &&
         port.find_first_of("[]") == std::string_view::npos;
}

}  // namespace

bool ReadEndpoint(OptionProblems& problems, const ConfigValue& value, Endpoint& out) {
  if (auto port = value.AsInteger()) {
    out = {"", static_cast<int>(*port)};
    return true;
  }
  const auto* text = value.AsString();
  if (text == nullptr) {
    problems.Add(value, Cat("expected port or host:port, got ", value.TypeName()));
    return false;
  }
  std::string_view host;
  std::string_view port;
  if (!SplitHostPort(*text, host, port)) {
    problems.Add(value, Cat("could not parse address string ", Quoted(*text)));
    return false;
  }
  auto number = ParseGoInteger("Atoi", port);
  if (!number.ok()) {
    problems.Add(value, Cat("could not parse port ", Quoted(port)));
    return false;
  }
  out = {std::string(host), static_cast<int>(*number)};
  return true;
}

StatusOr<int64_t> ReadStorageSize(const ConfigValue& value) {
  if (auto number = value.AsInteger()) {
    return *number;
  }
  const auto* text = value.AsString();
  if (text == nullptr) {
    return InvalidArgument("must be int64 or string");
  }
  if (text->empty()) {
    return 0;
  }
  auto number = ParseGoInteger("ParseInt", std::string_view(*text).substr(0, text->size() - 1));
  WEIR_RETURN_IF_ERROR(number.status());
  size_t unit = std::string_view("KMGT").find(text->back());
  if (unit == std::string_view::npos) {
    return InvalidArgument("sizes defined as strings must end in K, M, G, T");
  }
  return static_cast<int64_t>(static_cast<uint64_t>(*number) << (10 * (unit + 1)));
}

bool ReadTexts(OptionProblems& problems, std::string_view what, const ConfigValue& value,
               std::vector<std::string>& out) {
  if (const auto* text = value.AsString()) {
    out = {*text};
    return true;
  }
  const auto* array = value.AsArray();
  if (array == nullptr) {
    problems.Add(value, Cat("error parsing ", what, ": unsupported type ", value.TypeName()));
    return false;
  }
  out.clear();
  for (const auto& element : *array) {
    if (const auto* text = element.AsString()) {
      out.push_back(*text);
    } else {
      problems.Add(element,
                   Cat("error parsing ", what, ": unsupported type in array ", element.TypeName()));
    }
  }
  return true;
}

}  // namespace weir::server

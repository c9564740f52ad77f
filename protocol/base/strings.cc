#include "protocol/base/strings.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "protocol/base/utf8.h"

namespace weir {

CatPiece::CatPiece(double number) {
  int n = std::snprintf(buffer_, sizeof buffer_, "%g", number);
  view_ = {buffer_, static_cast<size_t>(n)};
}

void AppendPieces(std::string& out, std::initializer_list<std::string_view> pieces) {
  size_t size = out.size();
  for (auto piece : pieces) {
    size += piece.size();
  }
  if (size > out.capacity()) {
    out.reserve(out.empty() ? size : std::max(size, 2 * out.capacity()));
  }
  for (auto piece : pieces) {
    out.append(piece);
  }
}

namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// Groups of `bits` bits, most significant first, as letters of the alphabet.
std::string EncodeBits(std::string_view bytes, std::string_view alphabet, int bits) {
  std::string out;
  out.reserve((bytes.size() * 8 + static_cast<size_t>(bits) - 1) / static_cast<size_t>(bits) + 4);
  uint32_t window = 0;
  int have = 0;
  for (char c : bytes) {
    window = (window << 8) | static_cast<uint8_t>(c);
    have += 8;
    while (have >= bits) {
      have -= bits;
      out.push_back(alphabet[(window >> have) & ((1U << bits) - 1)]);
    }
  }
  if (have > 0) {
    out.push_back(alphabet[(window << (bits - have)) & ((1U << bits) - 1)]);
  }
  return out;
}

std::optional<std::string> DecodeBits(std::string_view text, int (*value_of)(char), int bits) {
  while (!text.empty() && text.back() == '=') {
    text.remove_suffix(1);
  }
  std::string out;
  out.reserve(text.size() * static_cast<size_t>(bits) / 8);
  uint32_t window = 0;
  int have = 0;
  for (char c : text) {
    int value = value_of(c);
    if (value < 0) {
      return std::nullopt;
    }
    window = (window << bits) | static_cast<uint32_t>(value);
    have += bits;
    if (have >= 8) {
      have -= 8;
      out.push_back(static_cast<char>((window >> have) & 0xff));
    }
  }
  return out;
}

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') {
    return c - 'A';
  }
  if (c >= 'a' && c <= 'z') {
    return c - 'a' + 26;
  }
  if (c >= '0' && c <= '9') {
    return c - '0' + 52;
  }
  if (c == '+' || c == '-') {
    return 62;
  }
  return c == '/' || c == '_' ? 63 : -1;
}

int Base32Value(char c) {
  if (c >= 'A' && c <= 'Z') {
    return c - 'A';
  }
  return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

constexpr int64_t kSecond = 1'000'000'000;

void AppendFraction(std::string& out, int64_t value, int digits) {
  char text[16];
  std::snprintf(text, sizeof text, "%0*lld", digits, static_cast<long long>(value));
  std::string_view fraction(text);
  while (!fraction.empty() && fraction.back() == '0') {
    fraction.remove_suffix(1);
  }
  if (!fraction.empty()) {
    out.push_back('.');
    out.append(fraction);
  }
}

// Civil-date arithmetic of the proleptic Gregorian calendar; years are shifted to start in March so
// that the leap day is the last day.
int64_t DaysFromCivil(int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

struct Civil {
  int64_t year;
  int month;
  int day;
};

Civil CivilFromDays(int64_t days) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t doe = days - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  int day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  int month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  return {yoe + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

// Reads exactly `digits` decimal digits at the front of `text`.
std::optional<int> TakeDigits(std::string_view& text, size_t digits) {
  if (text.size() < digits) {
    return std::nullopt;
  }
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') {
      return std::nullopt;
    }
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool TakeChar(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

std::optional<int64_t> TakeFraction(std::string_view& text) {
  int64_t ns = 0;
  int64_t unit = kSecond / 10;
  size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    ns += unit * (text.front() - '0');
    unit /= 10;
    text.remove_prefix(1);
    ++digits;
  }
  if (digits == 0) {
    return std::nullopt;
  }
  return ns;
}

std::optional<int64_t> TakeZone(std::string_view text) {
  if (text == "Z") {
    return 0;
  }
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
    return std::nullopt;
  }
  int64_t sign = text[0] == '-' ? -1 : 1;
  auto hours_text = text.substr(1, 2);
  auto minutes_text = text.substr(4, 2);
  auto hours = TakeDigits(hours_text, 2);
  auto minutes = TakeDigits(minutes_text, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) {
    return std::nullopt;
  }
  return sign * (*hours * 3600 + *minutes * 60);
}

std::optional<int64_t> DurationUnit(std::string_view unit) {
  if (unit == "ns") {
    return 1;
  }
  if (unit == "us" || unit == "\xc2\xb5s" || unit == "\xce\xbcs") {
    return 1'000;
  }
  if (unit == "ms") {
    return 1'000'000;
  }
  if (unit == "s") {
    return kSecond;
  }
  if (unit == "m") {
    return 60 * kSecond;
  }
  if (unit == "h") {
    return 3600 * kSecond;
  }
  return std::nullopt;
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) {
      return false;
    }
  }
  return true;
}

std::string ToLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = Lower(c);
  }
  return out;
}

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && IsSpace(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(at + 1);
  }
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& part : parts) {
    if (&part != &parts.front()) {
      out.append(separator);
    }
    out.append(part);
  }
  return out;
}

std::string HexEncode(std::string_view bytes) {
  return EncodeBits(bytes, "0123456789abcdef", 4);
}

std::string Base64Encode(std::string_view bytes) {
  std::string out = EncodeBits(bytes, kBase64, 6);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::string Base64UrlEncode(std::string_view bytes) {
  return EncodeBits(bytes, kBase64Url, 6);
}

std::optional<std::string> Base64Decode(std::string_view text) {
  return DecodeBits(text, Base64Value, 6);
}

std::string Base32Encode(std::string_view bytes) {
  return EncodeBits(bytes, kBase32, 5);
}

std::optional<std::string> Base32Decode(std::string_view text) {
  return DecodeBits(text, Base32Value, 5);
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    Utf8Char c = DecodeUtf8(text);
    size_t named =
        c.size == 1 ? std::string_view("\a\b\f\n\r\t\v\"\\").find(text[0]) : std::string_view::npos;
    if (named != std::string_view::npos) {
      out.push_back('\\');
      out.push_back("abfnrtv\"\\"[named]);
    } else if (c.size == 0 || (c.size == 1 && !IsPrintable(c.code))) {
      out.append("\\x").append(HexEncode(text.substr(0, 1)));
    } else if (IsPrintable(c.code)) {
      out.append(text.substr(0, c.size));
    } else {
      char escape[16];
      std::snprintf(escape, sizeof escape, c.code < 0x10000 ? "\\u%04x" : "\\U%08x",
                    static_cast<unsigned>(c.code));
      out.append(escape);
    }
    text.remove_prefix(c.size == 0 ? 1 : c.size);
  }
  out.push_back('"');
  return out;
}

std::string FormatDuration(int64_t nanoseconds) {
  if (nanoseconds == 0) {
    return "0s";
  }
  std::string out;
  uint64_t ns =
      nanoseconds < 0 ? 0 - static_cast<uint64_t>(nanoseconds) : static_cast<uint64_t>(nanoseconds);
  if (nanoseconds < 0) {
    out.push_back('-');
  }
  struct Unit {
    uint64_t size;
    int digits;
    const char* name;
  };
  if (ns < static_cast<uint64_t>(kSecond)) {
    const Unit unit = ns < 1'000       ? Unit{1, 0, "ns"}
                      : ns < 1'000'000 ? Unit{1'000, 3, "\xc2\xb5s"}
                                       : Unit{1'000'000, 6, "ms"};
    CatTo(out, ns / unit.size);
    if (unit.digits > 0) {
      AppendFraction(out, static_cast<int64_t>(ns % unit.size), unit.digits);
    }
    out.append(unit.name);
    return out;
  }
  uint64_t seconds = ns / static_cast<uint64_t>(kSecond);
  if (seconds >= 3600) {
    CatTo(out, seconds / 3600, "h");
  }
  if (seconds >= 60) {
    CatTo(out, seconds / 60 % 60, "m");
  }
  CatTo(out, seconds % 60);
  AppendFraction(out, static_cast<int64_t>(ns % static_cast<uint64_t>(kSecond)), 9);
  out.push_back('s');
  return out;
}

namespace {

// One "<digits>[.<digits>]<unit>" at the front of `text`, in nanoseconds. What is smaller than one
// is cut off, as Go does.
std::optional<uint64_t> TakeDurationPart(std::string_view& text) {
  size_t whole_end = std::min(text.find_first_not_of("0123456789"), text.size());
  size_t number_end = whole_end;
  if (whole_end < text.size() && text[whole_end] == '.') {
    number_end = std::min(text.find_first_not_of("0123456789", whole_end + 1), text.size());
  }
  std::string_view whole_digits = text.substr(0, whole_end);
  std::string_view fraction = number_end > whole_end
                                  ? text.substr(whole_end + 1, number_end - whole_end - 1)
                                  : std::string_view{};
  size_t unit_end = std::min(text.find_first_of(".0123456789", number_end), text.size());
  auto unit = DurationUnit(text.substr(number_end, unit_end - number_end));
  if (!unit || (whole_digits.empty() && fraction.empty())) {
    return std::nullopt;
  }
  text.remove_prefix(unit_end);
  uint64_t total = 0;
  if (!whole_digits.empty()) {
    auto whole = ParseNumber<uint64_t>(whole_digits);
    if (!whole || __builtin_mul_overflow(*whole, static_cast<uint64_t>(*unit), &total)) {
      return std::nullopt;
    }
  }
  // Digits behind the eighteenth are too small to matter for any unit.
  auto parts = ParseNumber<uint64_t>(fraction.substr(0, 18));
  if (parts) {
    double scale = std::pow(10.0, static_cast<double>(std::min<size_t>(fraction.size(), 18)));
    total +=
        static_cast<uint64_t>(static_cast<double>(*parts) * (static_cast<double>(*unit) / scale));
  }
  return total;
}

}  // namespace

std::optional<int64_t> ParseDuration(std::string_view text) {
  bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    text.remove_prefix(1);
  }
  if (text == "0") {
    return 0;
  }
  if (text.empty()) {
    return std::nullopt;
  }
  constexpr uint64_t kLargest = uint64_t{1} << 63;  // only with a minus
  uint64_t total = 0;
  while (!text.empty()) {
    auto part = TakeDurationPart(text);
    if (!part || __builtin_add_overflow(total, *part, &total) || total > kLargest) {
      return std::nullopt;
    }
  }
  if (total == kLargest && !negative) {
    return std::nullopt;
  }
  return static_cast<int64_t>(negative ? 0 - total : total);
}

std::string FormatTime(int64_t unix_ns) {
  if (unix_ns == kZeroTime) {
    return "0001-01-01T00:00:00Z";
  }
  int64_t seconds = unix_ns / kSecond;
  int64_t fraction = unix_ns % kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  int64_t days = seconds / 86400;
  int64_t of_day = seconds % 86400;
  if (of_day < 0) {
    of_day += 86400;
    --days;
  }
  Civil civil = CivilFromDays(days);
  char text[48];
  std::snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02d",
                static_cast<long long>(civil.year), civil.month, civil.day,
                static_cast<int>(of_day / 3600), static_cast<int>(of_day / 60 % 60),
                static_cast<int>(of_day % 60));
  std::string out(text);
  AppendFraction(out, fraction, 9);
  out.push_back('Z');
  return out;
}

std::optional<int64_t> ParseTime(std::string_view text) {
  auto year = TakeDigits(text, 4);
  if (!year || !TakeChar(text, '-')) {
    return std::nullopt;
  }
  auto month = TakeDigits(text, 2);
  if (!month || !TakeChar(text, '-')) {
    return std::nullopt;
  }
  auto day = TakeDigits(text, 2);
  if (!day || !TakeChar(text, 'T')) {
    return std::nullopt;
  }
  auto hour = TakeDigits(text, 2);
  if (!hour || !TakeChar(text, ':')) {
    return std::nullopt;
  }
  auto minute = TakeDigits(text, 2);
  if (!minute || !TakeChar(text, ':')) {
    return std::nullopt;
  }
  auto second = TakeDigits(text, 2);
  if (!second || *month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 ||
      *second > 59) {
    return std::nullopt;
  }
  int64_t fraction = 0;
  if (TakeChar(text, '.')) {
    auto ns = TakeFraction(text);
    if (!ns) {
      return std::nullopt;
    }
    fraction = *ns;
  }
  auto zone = TakeZone(text);
  if (!zone) {
    return std::nullopt;
  }
  Civil round_trip = CivilFromDays(DaysFromCivil(*year, *month, *day));
  if (round_trip.day != *day) {
    return std::nullopt;  // the month has no such day
  }
  if (*year == 1 && *month == 1 && *day == 1 && *hour == 0 && *minute == 0 && *second == 0) {
    return kZeroTime;
  }
  int64_t seconds =
      DaysFromCivil(*year, *month, *day) * 86400 + *hour * 3600 + *minute * 60 + *second - *zone;
  int64_t ns = 0;
  if (__builtin_mul_overflow(seconds, kSecond, &ns) || __builtin_add_overflow(ns, fraction, &ns)) {
    return std::nullopt;  // outside of what int64 nanoseconds can say (1678..2262)
  }
  return ns;
}

}  // namespace weir

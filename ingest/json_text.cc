#include "ingest/json_text.h"

#include <charconv>
#include <cmath>
#include <vector>

#include <simdjson.h>

#include "protocol/base/json.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Reads over a JSON text without building anything.
class Checker {
 public:
  explicit Checker(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool Check() {
    SkipBlanks();
    if (!Value()) {
      return false;
    }
    while (!open_.empty()) {
      if (!Continue()) {
        return false;
      }
    }
    SkipBlanks();
    return at_ == end_;
  }

 private:
  void SkipBlanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) {
      ++at_;
    }
  }
  bool Take(char c) {
    if (at_ == end_ || *at_ != c) {
      return false;
    }
    ++at_;
    return true;
  }
  bool Literal(std::string_view word) {
    if (std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) {
      at_ += word.size();
      return true;
    }
    return false;
  }

  // A scalar, or the opening of a container with its first member's key. Containers stay open.
  bool Value() {
    if (at_ == end_) {
      return false;
    }
    switch (*at_) {
      case '{':
        ++at_;
        SkipBlanks();
        if (Take('}')) {
          return true;
        }
        open_.push_back('}');
        return KeyAndValue();
      case '[':
        ++at_;
        SkipBlanks();
        if (Take(']')) {
          return true;
        }
        open_.push_back(']');
        return Nested();
      case '"':
        return String();
      case 't':
        return Literal("true");
      case 'f':
        return Literal("false");
      case 'n':
        return Literal("null");
      default:
        return Number();
    }
  }

  // Marks that a value is to be read next; the loop in Continue() reads it, so that depth costs
  // memory and no stack.
  bool Nested() {
    pending_value_ = true;
    return true;
  }
  bool KeyAndValue() {
    SkipBlanks();
    if (!String()) {
      return false;
    }
    SkipBlanks();
    return Take(':') && Nested();
  }

  bool Continue() {
    SkipBlanks();
    if (pending_value_) {
      pending_value_ = false;
      return Value();
    }
    if (Take(',')) {
      if (open_.back() == '}') {
        return KeyAndValue();
      }
      return Nested();
    }
    if (!Take(open_.back())) {
      return false;
    }
    open_.pop_back();
    return true;
  }

  bool String() {
    if (!Take('"')) {
      return false;
    }
    while (at_ != end_) {
      char c = *at_++;
      if (c == '"') {
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) {
        return false;
      }
      if (c == '\\' && !Escape()) {
        return false;
      }
    }
    return false;
  }
  bool Escape() {
    if (at_ == end_) {
      return false;
    }
    char c = *at_++;
    if (c != 'u') {
      return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
    }
    for (int i = 0; i < 4; ++i) {
      if (at_ == end_ || std::isxdigit(static_cast<unsigned char>(*at_)) == 0) {
        return false;
      }
      ++at_;
    }
    return true;
  }

  bool Digits() {
    const char* start = at_;
    while (at_ != end_ && IsDigit(*at_)) {
      ++at_;
    }
    return at_ != start;
  }
  bool Number() {
    Take('-');
    if (!Take('0') && !Digits()) {
      return false;
    }
    if (Take('.') && !Digits()) {
      return false;
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (!Take('+')) {
        Take('-');
      }
      return Digits();
    }
    return true;
  }

  const char* at_;
  const char* end_;
  std::vector<char> open_;  // closing brackets still to come
  bool pending_value_ = false;
};

// Integers of up to 18 digits cannot overflow; this is the common case by far.
bool ParseShortInteger(std::string_view token, int64_t& out) {
  const char* at = token.data();
  const char* end = at + token.size();
  bool negative = *at == '-';
  at += negative ? 1 : 0;
  size_t digits = static_cast<size_t>(end - at);
  if (digits == 0 || digits > 18 || (*at == '0' && digits > 1)) {
    return false;
  }
  int64_t value = 0;
  for (; at != end; ++at) {
    if (!IsDigit(*at)) {
      return false;
    }
    value = value * 10 + (*at - '0');
  }
  out = negative ? -value : value;
  return true;
}

}  // namespace

bool IsJsonValue(std::string_view text) {
  return Checker(text).Check();
}

Cell ParseJsonNumber(std::string_view token) {
  if (token.empty() || !(token[0] == '-' || IsDigit(token[0]))) {
    return Cell{};
  }
  int64_t integer = 0;
  if (ParseShortInteger(token, integer)) {
    return Cell::Integer(integer);
  }
  if (!IsJsonValue(token)) {
    return Cell{};
  }
  if (token.find_first_of(".eE") == std::string_view::npos) {
    if (auto value = ParseNumber<int64_t>(token)) {
      return Cell::Integer(*value);
    }
    return Cell::Bytes(token, CellKind::kDecimal);
  }
  double real = 0;
  auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), real);
  if (error != std::errc{} || !std::isfinite(real)) {
    return Cell::Bytes(token, CellKind::kDecimal);
  }
  return Cell::Real(real);
}

std::string CellAsText(const Cell& cell) {
  switch (cell.kind) {
    case CellKind::kNull:
      return {};
    case CellKind::kBool:
      return cell.integer != 0 ? "true" : "false";
    case CellKind::kInt64:
    case CellKind::kTimestamp:
      return Cat(cell.integer);
    case CellKind::kDouble: {
      char buffer[40];
      auto end = std::to_chars(buffer, buffer + sizeof buffer, cell.real).ptr;
      return {buffer, end};
    }
    case CellKind::kDecimal:
    case CellKind::kText:
    case CellKind::kJson:
    case CellKind::kBinary:
      return std::string(cell.text());
  }
  return {};
}

std::string CellAsJson(const Cell& cell) {
  if (cell.kind == CellKind::kNull) {
    return "null";
  }
  if (cell.kind != CellKind::kText) {
    return CellAsText(cell);
  }
  std::string out;
  AppendJsonString(out, cell.text());
  return out;
}

bool IsUtf8(std::string_view bytes) {
  return simdjson::validate_utf8(bytes.data(), bytes.size());
}

}  // namespace weir::ingest

#include "protocol/base/json_syntax.h"

#include "protocol/base/strings.h"
#include "protocol/base/utf8.h"

namespace weir {

namespace {

// A byte as Go shows it: taken for a code point of its own.
std::string DescribeByte(char c) {
  auto byte = static_cast<uint8_t>(c);
  if (c == '\'') {
    return R"('\'')";
  }
  if (c == '"') {
    return R"('"')";
  }
  std::string text;
  AppendUtf8(text, byte);
  std::string quoted = Quoted(text);
  return Cat("'", std::string_view(quoted).substr(1, quoted.size() - 2), "'");
}

// Walks a text by the grammar and stops at the first byte that does not fit.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::string Describe() {
    SkipBlanks();
    while (at_ < text_.size() && Value(0)) {
      SkipBlanks();
    }
    return error_;
  }

 private:
  static constexpr int kMaxDepth = 1000;  // of the recursion

  bool Fail(std::string_view where) {
    error_ = at_ >= text_.size() ? std::string("unexpected EOF")
                                 : Cat("invalid character ", DescribeByte(text_[at_]), " ", where,
                                       " at offset ", at_ + 1);
    return false;
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool At(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool AtDigit() const { return Peek() >= '0' && Peek() <= '9'; }
  void SkipBlanks() {
    while (At(' ') || At('\t') || At('\r') || At('\n')) {
      ++at_;
    }
  }

  bool Value(int depth) {
    SkipBlanks();
    switch (Peek()) {
      case '{':
        return Object(depth + 1);
      case '[':
        return Array(depth + 1);
      case '"':
        return String();
      case 't':
        return Literal("true");
      case 'f':
        return Literal("false");
      case 'n':
        return Literal("null");
      default:
        return At('-') || AtDigit() ? Number() : Fail("looking for beginning of value");
    }
  }

  bool TooDeep(int depth) {
    if (depth > kMaxDepth) {
      error_ = Cat("exceeded max depth at offset ", at_ + 1);
    }
    return depth > kMaxDepth;
  }

  bool Object(int depth) {
    if (TooDeep(depth)) {
      return false;
    }
    ++at_;
    SkipBlanks();
    if (At('}')) {
      ++at_;
      return true;
    }
    while (true) {
      SkipBlanks();
      if (!At('"')) {
        return Fail("looking for beginning of object key string");
      }
      if (!String()) {
        return false;
      }
      SkipBlanks();
      if (!At(':')) {
        return Fail("after object key");
      }
      ++at_;
      if (!Value(depth)) {
        return false;
      }
      SkipBlanks();
      if (At('}')) {
        ++at_;
        return true;
      }
      if (!At(',')) {
        return Fail("after object key:value pair");
      }
      ++at_;
    }
  }

  bool Array(int depth) {
    if (TooDeep(depth)) {
      return false;
    }
    ++at_;
    SkipBlanks();
    if (At(']')) {
      ++at_;
      return true;
    }
    while (true) {
      if (!Value(depth)) {
        return false;
      }
      SkipBlanks();
      if (At(']')) {
        ++at_;
        return true;
      }
      if (!At(',')) {
        return Fail("after array element");
      }
      ++at_;
    }
  }

  bool String() {
    ++at_;
    while (true) {
      if (at_ >= text_.size() || static_cast<uint8_t>(text_[at_]) < 0x20) {
        return Fail("in string literal");
      }
      char c = text_[at_++];
      if (c == '"') {
        return true;
      }
      if (c == '\\' && !Escape()) {
        return false;
      }
    }
  }

  bool Escape() {
    if (at_ >= text_.size() ||
        std::string_view("\"\\/bfnrtu").find(text_[at_]) == std::string_view::npos) {
      return Fail("in string escape code");
    }
    if (text_[at_++] != 'u') {
      return true;
    }
    for (int i = 0; i < 4; ++i, ++at_) {
      char c = Peek();
      if (!AtDigit() && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) {
        return Fail("in \\u hexadecimal character escape");
      }
    }
    return true;
  }

  bool Literal(std::string_view word) {
    for (char c : word) {
      if (!At(c)) {
        return Fail(Cat("in literal ", word, " (expecting ", DescribeByte(c), ")"));
      }
      ++at_;
    }
    return true;
  }

  bool Digits(std::string_view where) {
    if (!AtDigit()) {
      return Fail(where);
    }
    while (AtDigit()) {
      ++at_;
    }
    return true;
  }

  bool Number() {
    if (At('-')) {
      ++at_;
    }
    if (At('0')) {
      ++at_;  // no digit may follow
    } else if (!Digits("in numeric literal")) {
      return false;
    }
    if (At('.')) {
      ++at_;
      if (!Digits("after decimal point in numeric literal")) {
        return false;
      }
    }
    if (At('e') || At('E')) {
      ++at_;
      if (At('+') || At('-')) {
        ++at_;
      }
      return Digits("in exponent of numeric literal");
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string error_;
};

}  // namespace

std::string DescribeJsonError(std::string_view text) {
  return Scanner(text).Describe();
}

std::string WithoutJsonOffset(std::string_view problem) {
  if (problem == "unexpected EOF") {
    return "unexpected end of JSON input";
  }
  return std::string(problem.substr(0, problem.rfind(" at offset ")));
}

}  // namespace weir

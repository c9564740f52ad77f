#include "protocol/subject.h"

#include <algorithm>

namespace weir::protocol {

size_t TokenCount(std::string_view subject) {
  return subject.empty() ? 0
                         : static_cast<size_t>(std::count(subject.begin(), subject.end(), '.')) + 1;
}

std::string_view TokenAt(std::string_view subject, size_t index) {
  TokenCursor cursor(subject);
  for (size_t i = 0; cursor.Next(); ++i) {
    if (i == index) {
      return cursor.token();
    }
  }
  return {};
}

bool IsValidPattern(std::string_view pattern) {
  for (TokenCursor cursor(pattern); cursor.Next();) {
    if (cursor.token().empty() || (cursor.token() == ">" && !cursor.last())) {
      return false;
    }
  }
  return !pattern.empty();
}

bool IsValidConfigPattern(std::string_view pattern) {
  return pattern.find_first_of(" \t\r\n\f") == std::string_view::npos && IsValidPattern(pattern);
}

bool IsValidLiteral(std::string_view subject) {
  return IsValidPattern(subject) && !HasWildcard(subject);
}

bool HasWildcard(std::string_view pattern) {
  if (pattern.find_first_of("*>") == std::string_view::npos) {
    return false;
  }
  for (TokenCursor cursor(pattern); cursor.Next();) {
    if (cursor.token() == "*" || cursor.token() == ">") {
      return true;
    }
  }
  return false;
}

bool Matches(std::string_view subject, std::string_view pattern) {
  TokenCursor have(subject);
  TokenCursor want(pattern);
  while (want.Next()) {
    if (!have.Next()) {
      return false;
    }
    if (want.token() == ">" && want.last()) {
      return !have.token().empty();
    }
    if (want.token() == "*" ? have.token().empty() : want.token() != have.token()) {
      return false;
    }
  }
  return !have.Next();
}

bool Overlap(std::string_view a, std::string_view b) {
  TokenCursor left(a);
  TokenCursor right(b);
  while (true) {
    bool more_left = left.Next();
    bool more_right = right.Next();
    if (!more_left || !more_right) {
      return more_left == more_right;
    }
    if (left.token() == ">" || right.token() == ">") {
      return true;
    }
    if (left.token() != right.token() && left.token() != "*" && right.token() != "*") {
      return false;
    }
  }
}

bool IsSubset(std::string_view inner, std::string_view outer) {
  TokenCursor in(inner);
  TokenCursor out(outer);
  while (true) {
    bool more_in = in.Next();
    bool more_out = out.Next();
    if (!more_in || !more_out) {
      return more_in == more_out;
    }
    if (out.token() == ">") {
      return true;
    }
    if (in.token() == ">" || (in.token() == "*" && out.token() != "*")) {
      return false;
    }
    if (out.token() != "*" && in.token() != out.token()) {
      return false;
    }
  }
}

}  // namespace weir::protocol

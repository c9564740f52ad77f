#pragma once

// Subjects and subject patterns (protocol.md 8), on views, without allocation.

#include <cstddef>
#include <string_view>

namespace weir::protocol {

// Walks the tokens of a subject: for (TokenCursor t(subject); t.Next();) use(t.token()).
class TokenCursor {
 public:
  explicit TokenCursor(std::string_view subject) : rest_(subject) {}

  bool Next() {
    if (done_) {
      return false;
    }
    size_t dot = rest_.find('.');
    token_ = rest_.substr(0, dot);
    if (dot == std::string_view::npos) {
      done_ = true;
      rest_ = {};
    } else {
      rest_.remove_prefix(dot + 1);
    }
    return true;
  }
  std::string_view token() const { return token_; }
  // What follows the current token and its dot; empty at the last token.
  std::string_view rest() const { return rest_; }
  bool last() const { return done_; }

 private:
  std::string_view rest_;
  std::string_view token_;
  bool done_ = false;
};

size_t TokenCount(std::string_view subject);
// 0-based; empty when there are fewer tokens.
std::string_view TokenAt(std::string_view subject, size_t index);

// No empty token, nothing behind ">", at least one token. Wildcards are allowed.
bool IsValidPattern(std::string_view pattern);
// The same and no blank, tab, CR, LF, FF: what configuration and API accept.
bool IsValidConfigPattern(std::string_view pattern);
// A valid pattern without wildcards: a subject that can be published to. A wildcard character
// counts only as a whole token.
bool IsValidLiteral(std::string_view subject);
bool HasWildcard(std::string_view pattern);

// Does the pattern cover this literal subject?
bool Matches(std::string_view subject, std::string_view pattern);
// Could one literal subject match both patterns?
bool Overlap(std::string_view a, std::string_view b);
// Does `outer` cover everything that `inner` (possibly a pattern itself) covers?
bool IsSubset(std::string_view inner, std::string_view outer);

}  // namespace weir::protocol

#include "protocol/pattern_matcher.h"

#include <utility>

#include "protocol/subject.h"

namespace weir::protocol {

namespace {

// `count` tokens, none of them empty.
bool HasTokens(std::string_view text, size_t count) {
  bool in_token = false;
  for (char c : text) {
    if (c != '.') {
      in_token = true;
    } else if (!in_token || --count == 0) {
      return false;
    } else {
      in_token = false;
    }
  }
  return in_token && count == 1;
}

}  // namespace

PatternMatcher::PatternMatcher(std::string pattern) : pattern_(std::move(pattern)) {
  size_t wildcards = 0;
  size_t begin = 0;   // of the first wildcard
  size_t end = 0;     // behind the last one
  size_t tokens = 0;  // from the first wildcard to the last
  size_t since = 0;
  bool any = false;
  for (TokenCursor cursor(pattern_); cursor.Next();) {
    const auto at = static_cast<size_t>(cursor.token().data() - pattern_.data());
    const bool tail = cursor.token() == ">" && cursor.last();
    since += wildcards > 0 ? 1 : 0;
    if (tail || cursor.token() == "*") {
      begin = wildcards == 0 ? at : begin;
      end = at + 1;
      ++wildcards;
      tokens += wildcards == 1 ? 1 : since;
      since = 0;
      any = tail;
    }
  }
  if (wildcards == 0) {
    head_ = least_ = pattern_.size();
    return;
  }
  head_ = begin;
  tail_ = pattern_.size() - end;
  least_ = head_ + tail_ + 1;
  stars_ = wildcards;
  middle_ = any                ? (wildcards == 1 ? Middle::kAny : Middle::kMixed)
            : tokens == stars_ ? Middle::kStars
                               : Middle::kMixed;
}

bool PatternMatcher::MatchRest(std::string_view subject) const {
  const std::string_view pattern = pattern_;
  switch (middle_) {
    case Middle::kNone:
      return subject == pattern;
    case Middle::kAny:
      return subject[head_] != '.' && subject.substr(0, head_) == pattern.substr(0, head_);
    case Middle::kStars:
      return subject.substr(subject.size() - tail_) == pattern.substr(pattern.size() - tail_) &&
             subject.substr(0, head_) == pattern.substr(0, head_) &&
             HasTokens(subject.substr(head_, subject.size() - head_ - tail_), stars_);
    case Middle::kMixed:
      return Matches(subject, pattern);
  }
  return false;
}

}  // namespace weir::protocol

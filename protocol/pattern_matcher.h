#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::protocol {

// A subject pattern made ready for comparing it with very many subjects: the same answers as
// Matches(), most of them from the tokens before the first and behind the last wildcard.
class PatternMatcher {
 public:
  explicit PatternMatcher(std::string pattern);

  const std::string& pattern() const { return pattern_; }

  bool Match(std::string_view subject) const {
    if (subject.size() < least_) {
      return false;
    }
    // One character tells most subjects apart, without a call.
    if (tail_ > 0 && subject.back() != pattern_.back()) {
      return false;
    }
    if (head_ > 1 && subject[head_ - 2] != pattern_[head_ - 2]) {
      return false;
    }
    return MatchRest(subject);
  }

 private:
  enum class Middle : unsigned char {
    kNone,   // no wildcard at all
    kStars,  // so many "*", side by side
    kAny,    // one ">"
    kMixed,
  };

  bool MatchRest(std::string_view subject) const;

  std::string pattern_;
  size_t head_ = 0;  // up to and with the dot before the first wildcard
  size_t tail_ = 0;  // from the dot behind the last one
  size_t least_ = 0;
  size_t stars_ = 0;
  Middle middle_ = Middle::kNone;
};

}  // namespace weir::protocol

#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/strings.h"
#include "protocol/pattern_matcher.h"
#include "protocol/subject_tree.h"

namespace weir::protocol {

// The filters of a reader: a list of subject patterns, made once and asked for many messages. An
// empty list, or ">" in it, covers everything. A question costs about the same with one filter and
// with ten thousand. Does not change once it is made; not copyable beyond a move.
class SubjectFilters {
 public:
  SubjectFilters() = default;
  SubjectFilters(std::vector<std::string> patterns);  // NOLINT(google-explicit-constructor): a list
  SubjectFilters(std::initializer_list<std::string> patterns)
      : SubjectFilters(std::vector<std::string>(patterns)) {}

  // As given; empty when they cover everything.
  const std::vector<std::string>& patterns() const { return patterns_; }
  bool covers_all() const { return patterns_.empty(); }
  // None of them has a wildcard.
  bool literal() const { return literal_; }
  size_t size() const { return patterns_.size(); }

  // Does one of them cover this literal subject?
  bool Match(std::string_view subject) const;

 private:
  std::vector<std::string> patterns_;
  bool literal_ = true;
  std::vector<PatternMatcher> matchers_;  // of short lists
  // Of long lists only: what has no wildcard, and what has one.
  StringSet literals_;
  std::unique_ptr<SubjectTree<uint32_t>> wildcards_;
};

}  // namespace weir::protocol

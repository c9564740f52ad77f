#include "protocol/subject_filters.h"

#include <algorithm>
#include <utility>

#include "protocol/subject.h"

namespace weir::protocol {

namespace {

// Up to here comparing with each is faster than hashing the subject.
constexpr size_t kShortList = 4;

}  // namespace

SubjectFilters::SubjectFilters(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {
  bool all = std::any_of(patterns_.begin(), patterns_.end(),
                         [](const auto& p) { return p.empty() || p == ">"; });
  if (all) {
    patterns_.clear();
  }
  literal_ = std::none_of(patterns_.begin(), patterns_.end(),
                          [](const auto& p) { return HasWildcard(p); });
  if (patterns_.size() <= kShortList) {
    for (const std::string& pattern : patterns_) {
      matchers_.emplace_back(pattern);
    }
    return;
  }
  for (uint32_t i = 0; i < patterns_.size(); ++i) {
    if (!HasWildcard(patterns_[i])) {
      literals_.insert(patterns_[i]);
      continue;
    }
    if (wildcards_ == nullptr) {
      wildcards_ = std::make_unique<SubjectTree<uint32_t>>();
    }
    wildcards_->Insert(patterns_[i], i);
  }
}

bool SubjectFilters::Match(std::string_view subject) const {
  if (patterns_.size() <= kShortList) {
    return patterns_.empty() ||
           std::any_of(matchers_.begin(), matchers_.end(), [subject](const PatternMatcher& each) {
             return subject == each.pattern() || each.Match(subject);
           });
  }
  if (literals_.contains(subject)) {
    return true;
  }
  bool found = false;
  if (wildcards_ != nullptr) {
    wildcards_->Match(subject, [&found](uint32_t) { found = true; });
  }
  return found;
}

}  // namespace weir::protocol

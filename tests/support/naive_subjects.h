#pragma once

// A matcher so plain that it can be believed, and random subjects to compare others with it.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/nuid.h"
#include "protocol/base/strings.h"

namespace weir::testing_support {

// `subject` has no empty token; `pattern` is valid.
inline bool NaiveMatches(std::string_view subject, std::string_view pattern) {
  std::vector<std::string_view> have = Split(subject, '.');
  std::vector<std::string_view> want = Split(pattern, '.');
  for (size_t i = 0; i < want.size(); ++i) {
    if (i >= have.size()) {
      return false;
    }
    if (want[i] == ">" && i + 1 == want.size()) {
      return true;
    }
    if (want[i] != "*" && want[i] != have[i]) {
      return false;
    }
  }
  return have.size() == want.size();
}

// One to `max_tokens` tokens out of the first `letters` letters.
inline std::string RandomSubject(Random& random, size_t max_tokens = 4, size_t letters = 3) {
  std::string out;
  for (size_t n = 1 + random.Below(max_tokens); n > 0; --n) {
    out.append(out.empty() ? "" : ".");
    out.push_back(static_cast<char>('a' + random.Below(letters)));
  }
  return out;
}

// The same with wildcards.
inline std::string RandomPattern(Random& random, size_t max_tokens = 4, size_t letters = 3) {
  std::string out;
  size_t tokens = 1 + random.Below(max_tokens);
  for (size_t i = 0; i < tokens; ++i) {
    out.append(out.empty() ? "" : ".");
    switch (random.Below(5)) {
      case 0:
        out.push_back('*');
        break;
      case 1:
        if (i + 1 == tokens) {
          out.push_back('>');
          break;
        }
        [[fallthrough]];
      default:
        out.push_back(static_cast<char>('a' + random.Below(letters)));
    }
  }
  return out;
}

}  // namespace weir::testing_support

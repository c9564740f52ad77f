#pragma once

// Reads tests/data/config/*.cases: configurations with what a real nats-server -t says of them. The
// format is described in tests/conformance/config/cases.py.

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tests {

struct ConfigCase {
  std::string group;
  std::string name;
  std::map<std::string, std::string> files{{"case.conf", ""}};
  std::vector<std::string> refused;
  std::string verdict;  // "ok", "warn" or "fail"
  std::string digest;
  std::vector<std::string> lines;  // sorted
};

inline std::vector<ConfigCase> ReadConfigCases(const std::string& path, const std::string& group) {
  std::vector<ConfigCase> cases;
  std::ifstream file(path, std::ios::binary);
  std::string target;
  for (std::string line; std::getline(file, line);) {
    std::string_view view = line;
    if (view.starts_with("### ")) {
      cases.emplace_back();
      cases.back().group = group;
      cases.back().name = line.substr(4);
      target = "case.conf";
    } else if (view.starts_with("%% file ")) {
      target = line.substr(8);
    } else if (view.starts_with("%% refused ")) {
      std::string_view rest = view.substr(11);
      for (size_t at = 0; at != std::string_view::npos;) {
        size_t end = rest.find("; ", at);
        cases.back().refused.emplace_back(rest.substr(at, end - at));
        at = end == std::string_view::npos ? end : end + 2;
      }
      target.clear();
    } else if (view.starts_with("%% ")) {
      size_t blank = line.find(' ', 3);
      cases.back().verdict = line.substr(3, blank - 3);
      cases.back().digest = blank == std::string::npos ? "" : line.substr(blank + 1);
      target.clear();
    } else if (!target.empty()) {
      cases.back().files[target] += line + "\n";
    } else {
      cases.back().lines.push_back(line);
    }
  }
  return cases;
}

inline std::vector<ConfigCase> AllConfigCases() {
  std::vector<ConfigCase> all;
  for (const char* group : {"language", "top_level", "blocks", "accounts"}) {
    auto cases =
        ReadConfigCases(std::string(WEIR_TEST_DATA) + "/config/" + group + ".cases", group);
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

}  // namespace weir::tests

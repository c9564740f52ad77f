#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/config_file.h"
#include "server/options_reader.h"

namespace weir::tests {

struct ReadResult {
  server::Options options;
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
  std::vector<std::string> refused;  // "position: what"
};

// What the readers make of a configuration, which is called "f" in messages.
inline ReadResult ReadOptions(std::string_view text) {
  ReadResult result;
  auto parsed = server::ParseConfigText(
      text, "f", [](const std::string&) -> std::optional<std::string> { return std::nullopt; });
  EXPECT_TRUE(parsed.ok()) << Message(parsed.status());
  if (!parsed.ok()) {
    return result;
  }
  server::OptionProblems problems;
  server::ReadTopLevel(parsed->values, problems, result.options);
  result.errors = problems.errors();
  result.warnings = problems.warnings();
  for (const auto& feature : problems.unsupported()) {
    result.refused.push_back(feature.position + ": " + feature.what);
  }
  return result;
}

}  // namespace weir::tests

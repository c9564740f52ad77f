#pragma once

#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "server/config_file.h"

namespace weir::tests {

using Variables = std::map<std::string, std::string>;

inline StatusOr<server::ParsedConfig> ParseConfig(std::string_view text,
                                                  const Variables& variables = {}) {
  return server::ParseConfigText(text, "f", [&](const std::string& name) {
    auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

// The values as JSON, or the error.
inline std::string ConfigJson(std::string_view text, const Variables& variables = {}) {
  auto parsed = ParseConfig(text, variables);
  if (!parsed.ok()) {
    return std::string(Message(parsed.status()));
  }
  std::string json;
  parsed->values.AppendJson(json);
  return json;
}

}  // namespace weir::tests

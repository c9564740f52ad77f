#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "protocol/base/status.h"

namespace weir::ingest {

// Where in which file: "flow.yaml:12:7: what".
Status YamlError(std::string_view file, const YAML::Mark& mark, std::string_view what);

// One map of a YAML document, read key by key. Keys match in kebab and snake case and regardless of
// letter case (logLevel); a key that nobody asked for can be reported at the end. The first error
// wins. Call inside a handler for YAML::Exception.
class YamlMap {
 public:
  // `where` is for messages: "source.options".
  YamlMap(std::string_view file, std::string where, const YAML::Node& node);

  // Undefined when absent or null. Counts as asked for.
  YAML::Node Find(std::string_view key);
  std::string Text(std::string_view key);
  bool Flag(std::string_view key, bool otherwise);
  std::optional<uint64_t> Number(std::string_view key);
  // A list of texts, or one text with commas.
  std::vector<std::string> List(std::string_view key);
  std::vector<std::pair<std::string, std::string>> Pairs(std::string_view key);
  // An inner map, required.
  YAML::Node Required(std::string_view key);

  bool Has(std::string_view key) { return Find(key).IsDefined(); }
  // The place of a key, or of the map when it is absent.
  YAML::Mark MarkOf(std::string_view key) const;
  void Fail(std::string_view key, std::string_view what);
  void Keep(const Status& status);
  // An error that knows no place gets the key's.
  void KeepAt(std::string_view key, const Status& status);

  // Keys that were not asked for.
  std::vector<std::string> Unread() const;
  // The first error; unread keys count as errors.
  Status Finish();
  const Status& status() const { return status_; }

 private:
  const std::string_view file_;
  const std::string where_;
  const YAML::Node node_;
  std::vector<std::string> known_;  // normalised
  Status status_;
};

}  // namespace weir::ingest

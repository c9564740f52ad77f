#pragma once

// The nats-server configuration language (server-config.md 1): text to a tree of values, each of
// which knows where it stands, so that whoever gives it a meaning can point at it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include "protocol/base/status.h"

namespace weir::server {

class ConfigMap;

// One value. Inside a map its position is that of its key; inside an array, its own (of a map or an
// array: where it ends). Columns are counted as the reference counts them: in bytes, from 0 on the
// first line and from 1 on every later one.
class ConfigValue {
 public:
  enum class Kind : uint8_t { kBool, kInteger, kFloat, kString, kTime, kArray, kMap };
  using Array = std::vector<ConfigValue>;

  struct Position {
    std::shared_ptr<const std::string> file;
    int line = 0;
    int column = 0;
  };

  explicit ConfigValue(bool value);
  explicit ConfigValue(int64_t value);
  explicit ConfigValue(double value);
  explicit ConfigValue(std::string value);
  explicit ConfigValue(Array value);
  explicit ConfigValue(ConfigMap value);
  static ConfigValue Time(std::string zulu);

  // A map is shared between copies: what a variable stands for is not copied.
  ConfigValue(const ConfigValue&) = default;
  ConfigValue(ConfigValue&&) = default;
  ConfigValue& operator=(const ConfigValue&) = default;
  ConfigValue& operator=(ConfigValue&&) = default;
  ~ConfigValue() = default;

  Kind kind() const { return kind_; }
  // nullptr (nullopt) when the value is of another kind.
  std::optional<bool> AsBool() const;
  std::optional<int64_t> AsInteger() const;
  std::optional<double> AsFloat() const;
  const std::string* AsString() const;
  const Array* AsArray() const;
  const ConfigMap* AsMap() const;

  const Position& position() const { return position_; }
  void set_position(Position position) { position_ = std::move(position); }
  // "file:line:column".
  std::string Where() const;

  // The key was looked up as a variable, so that nobody else needs to know it.
  bool used_as_variable() const { return used_as_variable_; }
  void set_used_as_variable() { used_as_variable_ = true; }
  void clear_used_as_variable() { used_as_variable_ = false; }

  // The reference's name of the type ("int64", "map[string]interface {}"), and how it prints the
  // value in messages.
  std::string_view TypeName() const;
  std::string Print() const;

  // The value as the reference encodes it in JSON: keys sorted, no blanks.
  void AppendJson(std::string& out) const;
  boost::json::value ToJson() const;

 private:
  Kind kind_ = Kind::kBool;
  bool used_as_variable_ = false;
  bool bool_ = false;
  int64_t integer_ = 0;
  double float_ = 0;
  std::shared_ptr<const std::string> text_;
  std::shared_ptr<const Array> array_;
  std::shared_ptr<const ConfigMap> map_;
  Position position_;
};

// Keys in the order of the text, each once: a later value replaces an earlier one.
class ConfigMap {
 public:
  using Entry = std::pair<std::string, ConfigValue>;

  void Set(std::string_view key, ConfigValue value);
  const ConfigValue* Find(std::string_view key) const;
  ConfigValue* Find(std::string_view key);

  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

  void AppendJson(std::string& out) const;

 private:
  std::vector<Entry> entries_;
};

// Where variables come from that the text does not define; nullopt: not set. By default the
// process's environment.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string&)>;
EnvironmentLookup ProcessEnvironment();

struct ParsedConfig {
  ConfigMap values;
  std::string digest;  // "sha256:<hex>" of the values: the same for every spelling of them
};

// Reads `path` and what it includes. The error text is the reference's: "Parse error on line 3:
// '...'", "config is invalid (file:line:column)", "open x: no such file or directory".
StatusOr<ParsedConfig> ParseConfigFile(const std::string& path,
                                       const EnvironmentLookup& environment = ProcessEnvironment());

// The same from memory; `path` is for messages and for what relative includes are relative to.
StatusOr<ParsedConfig> ParseConfigText(std::string_view text, const std::string& path,
                                       const EnvironmentLookup& environment);

}  // namespace weir::server

#pragma once

// The inside of options: what the readers of the single blocks have in common.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"
#include "server/config_file.h"
#include "server/options.h"
#include "server/options_support.h"

namespace weir::server {

// What has been found wrong so far, each with its position.
class OptionProblems {
 public:
  // "file:line:column: reason".
  void Add(const ConfigValue& at, std::string_view reason);
  void AddWithoutPosition(std::string_view reason) { errors_.emplace_back(reason); }
  // A field that nobody knows, unless it was written to be used as a variable.
  void AddUnknown(const ConfigValue& at, std::string_view field);
  // The same with the reference's other wording: "Unknown field "x" parsing ...".
  void AddUnknown(const ConfigValue& at, std::string_view field, std::string_view parsing);
  void Warn(const ConfigValue& at, std::string_view field, std::string_view reason);
  void Warn(std::string_view text) { warnings_.emplace_back(text); }
  // The configuration uses the feature: noted when the server does not enforce it.
  void Uses(Feature feature, const ConfigValue& at);

  const std::vector<std::string>& errors() const { return errors_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<UnsupportedFeature>& unsupported() const { return unsupported_; }

 private:
  std::vector<std::string> errors_;
  std::vector<std::string> warnings_;
  std::vector<UnsupportedFeature> unsupported_;
};

// Typed reading inside one block. A value of the wrong type ends the reading of its block: Get()
// notes it at the last value that the scope has looked at (which is what the reference points at:
// some blocks have a scope of their own, others share the one around them) and returns false, upon
// which the reader returns false too.
class OptionScope {
 public:
  OptionScope(OptionProblems& problems, const ConfigValue& at) : problems_(problems), last_(&at) {}

  void LookAt(const ConfigValue& value) { last_ = &value; }

  bool Get(const ConfigValue& value, bool& out);
  bool Get(const ConfigValue& value, int64_t& out);
  bool Get(const ConfigValue& value, int& out);
  bool Get(const ConfigValue& value, std::string& out);
  bool Get(const ConfigValue& value, const ConfigMap*& out);
  bool Get(const ConfigValue& value, const ConfigValue::Array*& out);

  OptionProblems& problems() { return problems_; }

 private:
  bool WrongType(const ConfigValue& value, std::string_view expected);

  OptionProblems& problems_;
  const ConfigValue* last_;
};

// One row of a block's table: the names of a field and what to do with its value.
// Returns false when the reading of the block ends.
template <typename Target>
struct OptionField {
  using Reader = bool (*)(OptionScope& scope, const std::string& key, const ConfigValue& value,
                          Target& target);

  std::string_view names;  // "max_connections|max_conn"
  Reader read;
};

// True when `key` is one of the names, whose case does not matter.
bool NamesField(std::string_view names, std::string_view key);

// The row of `key`, nullptr when there is none.
template <typename Target, size_t kSize>
const OptionField<Target>* FindField(const OptionField<Target> (&table)[kSize],
                                     std::string_view key) {
  for (const auto& row : table) {
    if (NamesField(row.names, key)) {
      return &row;
    }
  }
  return nullptr;
}

// Reads every entry of a map with the rows of a table; unknown fields are noted. The scope does not
// look at the values: a wrong type is reported where the block stands.
template <typename Target, size_t kSize>
bool ReadFields(OptionScope& scope, const ConfigMap& map, const OptionField<Target> (&table)[kSize],
                Target& target) {
  for (const auto& [key, value] : map.entries()) {
    const auto* field = FindField(table, key);
    if (field == nullptr) {
      scope.problems().AddUnknown(value, key);
    } else if (!field->read(scope, key, value, target)) {
      return false;
    }
  }
  return true;
}

// A duration: text ("2m"), or whole seconds with a warning.
bool ReadDuration(OptionScope& scope, std::string_view field, const ConfigValue& value,
                  int64_t& out_ns);
// A timeout of an authorization or tls block: seconds or text; false after noting an error.
bool ReadTimeout(OptionProblems& problems, std::string_view block, const ConfigValue& value,
                 int64_t& out_ns);
// "host:port" or a port alone.
bool ReadEndpoint(OptionProblems& problems, const ConfigValue& value, Endpoint& out);
// A size: an integer, or text that ends in K, M, G or T.
StatusOr<int64_t> ReadStorageSize(const ConfigValue& value);
// One text or several.
bool ReadTexts(OptionProblems& problems, std::string_view what, const ConfigValue& value,
               std::vector<std::string>& out);

// A public key in NATS's text form whose first letter says what it is of: 'U' a user, 'A' an
// account. Length, letter and checksum are checked.
bool IsPublicNkey(char type, std::string_view text);

// Go's words for a duration that is none: `time: invalid duration "x"`.
StatusOr<int64_t> ParseGoDuration(std::string_view text);
// Go's words for an integer that is none: `strconv.Atoi: parsing "x": invalid syntax`.
StatusOr<int64_t> ParseGoInteger(std::string_view function, std::string_view text);

// The blocks. Each returns false when the reading of the block around it must end, too.
bool ReadAuthorization(OptionScope& outer, const ConfigValue& value, Options& options);
bool ReadAccounts(OptionScope& outer, const ConfigValue& value, Options& options);
bool ReadMappings(OptionProblems& problems, const ConfigValue& value,
                  std::vector<SubjectMapping>& out);
bool ReadJetStream(OptionScope& outer, const ConfigValue& value, Options& options);
bool ReadTls(OptionProblems& problems, const ConfigValue& value, TlsOptions& out);
bool ReadCluster(OptionScope& outer, const ConfigValue& value, Options& options);

// Users and permissions, for authorization and accounts alike.
bool ReadUsers(OptionProblems& problems, const ConfigValue& value, std::vector<UserOptions>& out);
bool ReadPermissions(OptionProblems& problems, const ConfigValue& value, Permissions& out);
// A subject that a permission may name; `with_queue`: also "subject queue".
Status CheckPermissionSubject(std::string_view subject, bool with_queue);
// The reference warns of timeouts above a minute.
void WarnLongTimeout(OptionProblems& problems, std::string_view field, const ConfigValue& value,
                     int64_t timeout_ns);
// Notes a name that a user before it has; true when there is none.
bool CheckDuplicates(OptionProblems& problems, const ConfigValue& at,
                     const std::vector<UserOptions>& known, const std::vector<UserOptions>& added);

// Certificates, keys and authorities can be read and fit together; the text is the reference's.
Status CheckTlsFiles(const TlsOptions& tls);

// Reads all top-level entries.
void ReadTopLevel(const ConfigMap& values, OptionProblems& problems, Options& options);

}  // namespace weir::server

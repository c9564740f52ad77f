#pragma once

// The inside of config_file: nobody else needs it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"
#include "server/config_cursor.h"
#include "server/config_file.h"

namespace weir::server {

// What a file, the files it includes and the variables it reads have in common.
struct ConfigSources {
  const EnvironmentLookup& environment;
  std::vector<std::string> variables_in_progress;
  int include_depth;
};

// The values of one file and of what it includes.
StatusOr<ConfigMap> ParseSource(const std::string& path, ConfigSources& sources);

// How a piece of the text ended.
enum class ConfigStep : uint8_t {
  kMore,
  kEnd,     // the text is over where it may be
  kFailed,  // error_ says why
};

// A recursive descent over the text that builds values as it goes. Its states mirror what the
// language allows after what; the odd corners (a lone slash that separates, numbers that turn into
// strings) are the reference's.
class ConfigParser {
 public:
  ConfigParser(std::string_view text, const std::string& path, ConfigSources& sources)
      : cursor_(text), path_(std::make_shared<const std::string>(path)), sources_(sources) {
    contexts_.emplace_back();
  }

  StatusOr<ConfigMap> Parse();

 private:
  enum class Top : uint8_t { kStart, kAfterValue, kBlockStart, kBlockAfterValue, kBlockEnd };
  struct Key {
    std::string text;
    int line;
    int column;
  };
  // A map or an array that is still open.
  struct Context {
    bool is_array = false;
    ConfigMap map;
    ConfigValue::Array array;
  };

  ConfigStep ParseTop();
  ConfigStep ParseTopItem();
  ConfigStep ParseBlockItem();
  ConfigStep AfterTopValue();
  ConfigStep AfterBlockValue();
  ConfigStep AfterBlock();
  ConfigStep ParseTopKeyAndValue();
  ConfigStep ParseMap();
  ConfigStep ParseMapEntry(bool after_slash);
  ConfigStep AfterMapValue(bool& closed);
  ConfigStep ParseArray();
  ConfigStep AfterArrayValue(bool& closed);

  ConfigStep ReadQuotedKey(char32_t quote, bool in_map);
  ConfigStep ReadBareKey(bool in_map, bool& is_include);
  ConfigStep ReadInclude();
  ConfigStep ReadQuotedInclude(char32_t quote);
  ConfigStep ReadValue();
  ConfigStep ReadSingleQuoted();
  ConfigStep ReadText(bool quoted);
  ConfigStep ReadEscape(std::string& parts);
  ConfigStep ReadBlock();
  ConfigStep ReadNumber();
  ConfigStep ReadNegativeNumber();
  ConfigStep ReadSizeSuffix();
  ConfigStep ReadFraction();
  ConfigStep ReadAddress();
  ConfigStep ReadDate();
  ConfigStep EndOfBareText(const std::string& parts, bool has_parts);

  bool AtComment(char32_t c);  // consumes the comment, or puts back what follows a single slash
  void SkipComment();
  ConfigStep EndOfText(size_t escaped = 0);

  void EmitKey();
  ConfigStep EmitString(const std::string& text);
  ConfigStep EmitInteger();
  ConfigStep EmitFloat();
  ConfigStep EmitDate();
  ConfigStep EmitVariable();
  ConfigStep EmitInclude();
  ConfigStep OpenContext(bool is_array);
  ConfigStep CloseContext();
  ConfigStep SetValue(ConfigValue value, int line, int column);
  ConfigStep Set(ConfigValue value);
  std::optional<ConfigValue> LookUp(const std::string& name, Status& error);

  ConfigStep Fail(std::string_view reason);
  ConfigStep FailPlain(std::string_view text);

  ConfigCursor cursor_;
  std::shared_ptr<const std::string> path_;
  ConfigSources& sources_;
  Top top_ = Top::kStart;
  std::vector<Top> open_blocks_;  // braces around top-level entries
  std::vector<Key> keys_;         // keys that wait for their value
  std::vector<Context> contexts_;
  bool last_was_key_ = false;
  std::string last_key_;
  int end_column_ = 0;
  Status error_;
};

}  // namespace weir::server

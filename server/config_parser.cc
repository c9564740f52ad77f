#include "server/config_parser.h"

#include "protocol/base/strings.h"

namespace weir::server {

ConfigStep ConfigParser::Fail(std::string_view reason) {
  error_ = InvalidArgument(Cat("Parse error on line ", cursor_.line(), ": '", reason, "'"));
  return ConfigStep::kFailed;
}

ConfigStep ConfigParser::FailPlain(std::string_view text) {
  error_ = InvalidArgument(text);
  return ConfigStep::kFailed;
}

StatusOr<ConfigMap> ConfigParser::Parse() {
  if (ParseTop() == ConfigStep::kFailed) {
    return error_;
  }
  // A closing brace as the last key closes a file that is written like JSON.
  if (last_was_key_ && last_key_ != "}") {
    return InvalidArgument(
        Cat("config is invalid (", *path_, ":", cursor_.line(), ":", end_column_, ")"));
  }
  return std::move(contexts_.front().map);
}

ConfigStep ConfigParser::ParseTop() {
  while (true) {
    ConfigStep step = ConfigStep::kMore;
    switch (top_) {
      case Top::kStart:
        step = ParseTopItem();
        break;
      case Top::kAfterValue:
        step = AfterTopValue();
        break;
      case Top::kBlockStart:
        step = ParseBlockItem();
        break;
      case Top::kBlockAfterValue:
        step = AfterBlockValue();
        break;
      case Top::kBlockEnd:
        step = AfterBlock();
        break;
    }
    if (step != ConfigStep::kMore) {
      return step;
    }
  }
}

// The text is over if nothing of an item has been taken yet; a zero byte or a lone slash has.
ConfigStep ConfigParser::EndOfText(size_t escaped) {
  if (!cursor_.item_is_empty()) {
    return Fail("Unexpected EOF.");
  }
  end_column_ = cursor_.ColumnOfItem(escaped);
  return ConfigStep::kEnd;
}

bool ConfigParser::AtComment(char32_t c) {
  if (c == U'#') {
    SkipComment();
    return true;
  }
  if (c != U'/') {
    return false;
  }
  if (cursor_.Next() == U'/') {
    SkipComment();
    return true;
  }
  cursor_.Backup();
  return false;
}

void ConfigParser::SkipComment() {
  cursor_.StartItem();
  while (true) {
    char32_t c = cursor_.Peek();
    if (IsNewline(c) || c == 0) {
      break;
    }
    cursor_.Next();
  }
  cursor_.StartItem();
  last_was_key_ = false;
}

ConfigStep ConfigParser::ParseTopItem() {
  char32_t c = cursor_.Next();
  if (IsSpace(c)) {
    cursor_.StartItem();
    return ConfigStep::kMore;
  }
  if (c == U'{') {
    open_blocks_.push_back(Top::kStart);
    cursor_.StartItem();
    top_ = Top::kBlockStart;
    return ConfigStep::kMore;
  }
  if (AtComment(c)) {
    return ConfigStep::kMore;
  }
  if (c == U'/' || c == 0) {
    return EndOfText();
  }
  cursor_.Backup();
  top_ = Top::kAfterValue;
  return ParseTopKeyAndValue();
}

ConfigStep ConfigParser::AfterTopValue() {
  char32_t c = cursor_.Next();
  if (AtComment(c)) {
    top_ = Top::kStart;
    return ConfigStep::kMore;
  }
  if (IsBlank(c) || c == U'/') {
    return ConfigStep::kMore;
  }
  if (IsNewline(c) || c == 0 || c == U';' || c == U',' || c == U'}') {
    cursor_.StartItem();
    top_ = Top::kStart;
    return ConfigStep::kMore;
  }
  return Fail(Cat("Expected a top-level value to end with a new line, comment or EOF, but got '",
                  ShowCharacter(c), "' instead."));
}

ConfigStep ConfigParser::ParseBlockItem() {
  char32_t c = cursor_.Next();
  if (IsSpace(c)) {
    cursor_.StartItem();
    return ConfigStep::kMore;
  }
  if (c == U'{') {
    open_blocks_.push_back(Top::kBlockEnd);
    cursor_.StartItem();
    return ConfigStep::kMore;
  }
  if (c == U'}') {
    cursor_.StartItem();
    top_ = open_blocks_.back();
    open_blocks_.pop_back();
    return ConfigStep::kMore;
  }
  if (AtComment(c)) {
    return ConfigStep::kMore;
  }
  if (c == U'/' || c == 0) {
    return EndOfText();
  }
  cursor_.Backup();
  top_ = Top::kBlockAfterValue;
  return ParseTopKeyAndValue();
}

ConfigStep ConfigParser::AfterBlockValue() {
  char32_t c = cursor_.Next();
  if (AtComment(c) || IsBlank(c) || c == U'/') {
    return ConfigStep::kMore;
  }
  if (IsNewline(c) || c == U';' || c == U',') {
    cursor_.StartItem();
    top_ = Top::kBlockStart;
    return ConfigStep::kMore;
  }
  if (c == U'}') {
    cursor_.Backup();
    top_ = Top::kBlockEnd;
    return ConfigStep::kMore;
  }
  return Fail(Cat("Expected a block-level value to end with a new line, comment or EOF, but got '",
                  ShowCharacter(c), "' instead."));
}

ConfigStep ConfigParser::AfterBlock() {
  char32_t c = cursor_.Next();
  if (AtComment(c)) {
    top_ = Top::kBlockStart;
    return ConfigStep::kMore;
  }
  if (IsNewline(c) || IsBlank(c) || c == U'/') {
    return ConfigStep::kMore;
  }
  if (c == U';' || c == U',') {
    cursor_.StartItem();
    top_ = Top::kBlockStart;
    return ConfigStep::kMore;
  }
  if (c == U'}') {
    cursor_.StartItem();
    top_ = open_blocks_.back();
    open_blocks_.pop_back();
    return ConfigStep::kMore;
  }
  return Fail(
      Cat("Expected a block-level to end with a '}', but got '", ShowCharacter(c), "' instead."));
}

ConfigStep ConfigParser::ParseTopKeyAndValue() {
  char32_t c = cursor_.Peek();
  if (IsKeySeparator(c)) {
    return Fail(Cat("Unexpected key separator '", ShowCharacter(c), "'"));
  }
  if (c == U'"' || c == U'\'') {
    cursor_.Next();
    cursor_.StartItem();
    if (ConfigStep step = ReadQuotedKey(c, /*in_map=*/false); step != ConfigStep::kMore) {
      return step;
    }
  } else {
    bool is_include = false;
    if (ConfigStep step = ReadBareKey(/*in_map=*/false, is_include);
        step != ConfigStep::kMore || is_include) {
      return step;
    }
  }
  while (true) {
    c = cursor_.Next();
    if (IsSpace(c)) {
      cursor_.StartItem();
    } else if (IsKeySeparator(c)) {
      cursor_.StartItem();
      return ReadValue();
    } else if (c == 0) {
      end_column_ = cursor_.ColumnOfItem(cursor_.item().size());
      return ConfigStep::kEnd;
    } else {
      cursor_.Backup();
      return ReadValue();
    }
  }
}

ConfigStep ConfigParser::ReadQuotedKey(char32_t quote, bool in_map) {
  while (true) {
    char32_t c = cursor_.Peek();
    if (c == quote) {
      EmitKey();
      cursor_.Next();
      cursor_.StartItem();
      return ConfigStep::kMore;
    }
    if (c == 0 && in_map) {
      return Fail(quote == U'"' ? "Unexpected EOF processing double quoted map key."
                                : "Unexpected EOF processing quoted map key.");
    }
    if (c == 0) {
      return EndOfText();
    }
    cursor_.Next();
  }
}

ConfigStep ConfigParser::ReadBareKey(bool in_map, bool& is_include) {
  cursor_.StartItem();
  cursor_.Next();
  while (true) {
    char32_t c = cursor_.Peek();
    if (c == 0 && in_map) {
      return Fail("Unexpected EOF processing map key.");
    }
    if (IsSpace(c) && EqualsIgnoreCase(cursor_.item(), "include")) {
      cursor_.StartItem();
      is_include = true;
      return ReadInclude();
    }
    if (IsSpace(c) || IsKeySeparator(c) || c == 0) {
      EmitKey();
      return ConfigStep::kMore;
    }
    cursor_.Next();
  }
}

ConfigStep ConfigParser::ReadInclude() {
  while (IsBlank(cursor_.Next())) {
    cursor_.StartItem();
  }
  cursor_.Backup();
  char32_t c = cursor_.Next();
  auto unexpected = [this](std::string_view what) {
    return Fail(Cat("Expected include value but found ", what));
  };
  if (c == U'\'' || c == U'"') {
    cursor_.StartItem();
    return ReadQuotedInclude(c);
  }
  if (c == U'[') {
    return unexpected("start of an array");
  }
  if (c == U'{') {
    return unexpected("start of a map");
  }
  if (c == U'(') {
    return unexpected("start of a block");
  }
  if (IsDigit(c) || c == U'-') {
    return unexpected("start of a number");
  }
  if (c == U'\\') {
    return unexpected("escape sequence");
  }
  if (IsNewline(c)) {
    return unexpected("new line");
  }
  cursor_.Backup();
  while (true) {
    c = cursor_.Next();
    if (IsNewline(c) || c == 0 || c == U';' || c == U'}' || IsBlank(c)) {
      cursor_.Backup();
      return EmitInclude();
    }
    if (c == U'\'') {
      cursor_.Backup();
      ConfigStep step = EmitInclude();
      cursor_.Next();
      cursor_.StartItem();
      return step;
    }
  }
}

ConfigStep ConfigParser::ReadQuotedInclude(char32_t quote) {
  while (true) {
    char32_t c = cursor_.Next();
    if (c == quote) {
      cursor_.Backup();
      ConfigStep step = EmitInclude();
      cursor_.Next();
      cursor_.StartItem();
      return step;
    }
    if (c == 0) {
      return Fail(quote == U'"' ? "Unexpected EOF in double quoted include"
                                : "Unexpected EOF in quoted include");
    }
  }
}

ConfigStep ConfigParser::ReadValue() {
  char32_t c = cursor_.Next();
  while (IsBlank(c)) {
    cursor_.StartItem();
    c = cursor_.Next();
  }
  switch (c) {
    case U'[':
      cursor_.StartItem();
      return ParseArray();
    case U'{':
      cursor_.StartItem();
      return ParseMap();
    case U'\'':
      cursor_.StartItem();
      return ReadSingleQuoted();
    case U'"':
      cursor_.StartItem();
      return ReadText(/*quoted=*/true);
    case U'-':
      return ReadNegativeNumber();
    case U'(':
      cursor_.StartItem();
      return ReadBlock();
    case U'.':
      return Fail("Floats must start with a digit");
    default:
      break;
  }
  if (IsDigit(c)) {
    return ReadNumber();
  }
  if (IsNewline(c)) {
    return Fail("Expected value but found new line");
  }
  cursor_.Backup();
  return ReadText(/*quoted=*/false);
}

ConfigStep ConfigParser::ParseArray() {
  if (ConfigStep step = OpenContext(/*is_array=*/true); step != ConfigStep::kMore) {
    return step;
  }
  while (true) {
    char32_t c = cursor_.Next();
    if (IsSpace(c)) {
      cursor_.StartItem();
      continue;
    }
    if (AtComment(c)) {
      continue;
    }
    if (c == U'/' || c == U',') {
      return Fail("Unexpected array value terminator ','.");
    }
    if (c == U']') {
      return CloseContext();
    }
    cursor_.Backup();
    if (ConfigStep step = ReadValue(); step != ConfigStep::kMore) {
      return step;
    }
    bool closed = false;
    if (ConfigStep step = AfterArrayValue(closed); step != ConfigStep::kMore) {
      return step;
    }
    if (closed) {
      return CloseContext();
    }
  }
}

ConfigStep ConfigParser::AfterArrayValue(bool& closed) {
  while (true) {
    char32_t c = cursor_.Next();
    if (IsBlank(c)) {
      cursor_.StartItem();
      continue;
    }
    if (AtComment(c)) {
      continue;
    }
    if (c == U'/' || c == U',' || IsNewline(c)) {
      cursor_.StartItem();
      return ConfigStep::kMore;
    }
    if (c == U']') {
      closed = true;
      return ConfigStep::kMore;
    }
    return Fail(
        Cat("Expected an array value terminator \",\" or an array terminator \"]\", but got '",
            ShowCharacter(c), "' instead."));
  }
}

ConfigStep ConfigParser::ParseMap() {
  if (ConfigStep step = OpenContext(/*is_array=*/false); step != ConfigStep::kMore) {
    return step;
  }
  while (true) {
    char32_t c = cursor_.Peek();
    if (IsKeySeparator(c)) {
      return Fail(Cat("Unexpected key separator '", ShowCharacter(c), "'."));
    }
    if (c == U']') {
      return Fail("Unexpected array end ']' processing map.");
    }
    if (c == 0) {
      return Fail("Unexpected EOF processing map.");
    }
    if (IsSpace(c)) {
      cursor_.Next();
      cursor_.StartItem();
      continue;
    }
    if (c == U'}') {
      cursor_.Next();
      return CloseContext();
    }
    if (c == U'#' || c == U'/') {
      cursor_.Next();
      if (AtComment(c)) {
        continue;
      }
    }
    size_t open = contexts_.size();
    if (ConfigStep step = ParseMapEntry(/*after_slash=*/c == U'/'); step != ConfigStep::kMore) {
      return step;
    }
    if (contexts_.size() < open) {
      return ConfigStep::kMore;  // a key without a value: its place took the closing brace
    }
    bool closed = false;
    if (ConfigStep step = AfterMapValue(closed); step != ConfigStep::kMore) {
      return step;
    }
    if (closed) {
      return CloseContext();
    }
  }
}

ConfigStep ConfigParser::ParseMapEntry(bool after_slash) {
  char32_t c = cursor_.Peek();
  if (!after_slash && (c == U'"' || c == U'\'')) {
    cursor_.Next();
    cursor_.StartItem();
    if (ConfigStep step = ReadQuotedKey(c, /*in_map=*/true); step != ConfigStep::kMore) {
      return step;
    }
  } else {
    bool is_include = false;
    if (ConfigStep step = ReadBareKey(/*in_map=*/true, is_include);
        step != ConfigStep::kMore || is_include) {
      return step;
    }
  }
  bool separated = false;
  while (true) {
    c = cursor_.Next();
    if (IsSpace(c)) {
      cursor_.StartItem();
    } else if (IsKeySeparator(c) && !separated) {
      cursor_.StartItem();
      separated = true;
    } else if (c == U',') {
      return Fail("Unexpected map value terminator \",\".");
    } else if (c == U'}') {
      return CloseContext();
    } else {
      cursor_.Backup();
      return ReadValue();
    }
  }
}

ConfigStep ConfigParser::AfterMapValue(bool& closed) {
  while (true) {
    char32_t c = cursor_.Next();
    if (IsBlank(c)) {
      cursor_.StartItem();
      continue;
    }
    if (AtComment(c)) {
      continue;
    }
    if (c == U'/' || c == U';' || c == U',' || IsNewline(c)) {
      cursor_.StartItem();
      return ConfigStep::kMore;
    }
    if (c == U'}') {
      closed = true;
      return ConfigStep::kMore;
    }
    return Fail(Cat("Expected a map value terminator \",\" or a map terminator \"}\", but got '",
                    ShowCharacter(c), "' instead."));
  }
}

}  // namespace weir::server

#include <charconv>
#include <cstring>

#include "protocol/base/strings.h"
#include "server/config_parser.h"

namespace weir::server {

ConfigStep ConfigParser::ReadSingleQuoted() {
  while (true) {
    char32_t c = cursor_.Next();
    if (c == U'\'') {
      cursor_.Backup();
      ConfigStep step = EmitString(std::string(cursor_.item()));
      cursor_.Next();
      cursor_.StartItem();
      return step;
    }
    if (c == 0) {
      return EndOfText();
    }
  }
}

// Text in double quotes, or bare text; both know escapes.
ConfigStep ConfigParser::ReadText(bool quoted) {
  std::string parts;
  bool has_parts = false;
  while (true) {
    char32_t c = cursor_.Next();
    if (c == U'\\') {
      auto part = cursor_.item();
      part.remove_suffix(1);
      parts += part;
      has_parts = true;
      cursor_.StartItemPart();
      if (ConfigStep step = ReadEscape(parts); step != ConfigStep::kMore) {
        return step;
      }
      continue;
    }
    if (quoted && c == 0) {
      return EndOfText(parts.size());
    }
    if (c == (quoted ? U'"' : U'\'')) {
      cursor_.Backup();
      ConfigStep step = EmitString(parts.append(cursor_.item()));
      cursor_.Next();
      cursor_.StartItem();
      return step;
    }
    if (!quoted && (IsNewline(c) || IsBlank(c) || c == 0 || c == U';' || c == U',' || c == U']' ||
                    c == U'}')) {
      cursor_.Backup();
      return EndOfBareText(parts, has_parts);
    }
  }
}

ConfigStep ConfigParser::EndOfBareText(const std::string& parts, bool has_parts) {
  if (has_parts) {
    return EmitString(parts + std::string(cursor_.item()));
  }
  auto word = ToLower(cursor_.item());
  if (word == "true" || word == "yes" || word == "on") {
    return Set(ConfigValue(true));
  }
  if (word == "false" || word == "no" || word == "off") {
    return Set(ConfigValue(false));
  }
  if (word.starts_with('$')) {
    return EmitVariable();
  }
  return EmitString(std::string(cursor_.item()));
}

ConfigStep ConfigParser::ReadEscape(std::string& parts) {
  char32_t c = cursor_.Next();
  switch (c) {
    case U't':
      parts += '\t';
      break;
    case U'n':
      parts += '\n';
      break;
    case U'r':
      parts += '\r';
      break;
    case U'"':
      parts += '"';
      break;
    case U'\\':
      parts += '\\';
      break;
    case U'x': {
      for (int i = 0; i < 2; ++i) {
        if (IsNewline(cursor_.Next())) {
          return Fail("Expected two hexadecimal digits after '\\x', but hit end of line");
        }
      }
      auto digits = cursor_.Last(2);
      uint8_t byte = 0;
      auto [end, error] = std::from_chars(digits.data(), digits.data() + 2, byte, 16);
      if (error != std::errc{} || end != digits.data() + 2) {
        return Fail(Cat("Expected two hexadecimal digits after '\\x', but got '", digits, "'"));
      }
      parts += static_cast<char>(byte);
      break;
    }
    default:
      return Fail(Cat("Invalid escape character '", ShowCharacter(c),
                      "'. Only the following escape characters are allowed: \\xXX, \\t, \\n, \\r, "
                      "\\\", \\\\."));
  }
  cursor_.StartItemPart();
  return ConfigStep::kMore;
}

// A block ends with a closing parenthesis alone on its line; the newline before it is part of the
// text.
ConfigStep ConfigParser::ReadBlock() {
  while (true) {
    char32_t c = cursor_.Next();
    if (c == 0) {
      return Fail("Unexpected EOF processing block.");
    }
    if (c != U')') {
      continue;
    }
    cursor_.Backup();
    cursor_.Backup();
    bool line_starts = cursor_.Next() == U'\n';
    cursor_.Next();
    if (!line_starts) {
      continue;
    }
    c = cursor_.Next();
    cursor_.Backup();
    if (c == U'\n' || c == 0) {
      cursor_.Backup();
      ConfigStep step = EmitString(std::string(cursor_.item()));
      cursor_.Next();
      cursor_.StartItem();
      return step;
    }
  }
}

namespace {

bool IsSizeSuffix(char32_t c) {
  return c != 0 && c < 0x80 && std::strchr("kKmMgGtTpPeE", static_cast<char>(c)) != nullptr;
}

bool EndsNumber(char32_t c) {
  return IsNewline(c) || IsBlank(c) || c == 0 || c == U'}' || c == U';' || c == U',';
}

}  // namespace

ConfigStep ConfigParser::ReadNumber() {
  while (true) {
    char32_t c = cursor_.Next();
    if (IsDigit(c)) {
      continue;
    }
    if (c == U'-') {
      return cursor_.item().size() == 5 ? ReadDate()
                                        : Fail("All ISO8601 dates must be in full Zulu form.");
    }
    if (c == U'.') {
      return ReadFraction();
    }
    if (IsSizeSuffix(c)) {
      return ReadSizeSuffix();
    }
    if (EndsNumber(c)) {
      cursor_.Backup();
      return EmitInteger();
    }
    return ReadText(/*quoted=*/false);
  }
}

ConfigStep ConfigParser::ReadNegativeNumber() {
  char32_t c = cursor_.Next();
  if (c == U'.') {
    return Fail("Floats must start with a digit, not '.'.");
  }
  if (!IsDigit(c)) {
    return Fail(Cat("Expected a digit but got '", ShowCharacter(c), "'."));
  }
  while (IsDigit(c)) {
    c = cursor_.Next();
  }
  if (c == U'.') {
    return ReadFraction();
  }
  if (IsSizeSuffix(c)) {
    return ReadSizeSuffix();
  }
  cursor_.Backup();
  return EmitInteger();
}

ConfigStep ConfigParser::ReadSizeSuffix() {
  char32_t c = cursor_.Next();
  while (c == U'b' || c == U'B' || c == U'i' || c == U'I') {
    c = cursor_.Next();
  }
  cursor_.Backup();
  return EndsNumber(c) ? EmitInteger() : ReadText(/*quoted=*/false);
}

ConfigStep ConfigParser::ReadFraction() {
  char32_t c = cursor_.Next();
  if (!IsDigit(c)) {
    return Fail(
        Cat("Floats must have a digit after the '.', but got '", ShowCharacter(c), "' instead."));
  }
  while (IsDigit(c)) {
    c = cursor_.Next();
  }
  if (c == U'.') {
    return ReadAddress();
  }
  cursor_.Backup();
  return EmitFloat();
}

ConfigStep ConfigParser::ReadAddress() {
  char32_t c = cursor_.Next();
  while (IsDigit(c) || c == U'.' || c == U':' || c == U'-') {
    c = cursor_.Next();
  }
  cursor_.Backup();
  return EmitString(std::string(cursor_.item()));
}

ConfigStep ConfigParser::ReadDate() {
  for (char expected : std::string_view("00-00T00:00:00Z")) {
    char32_t c = cursor_.Next();
    if (expected == '0') {
      if (!IsDigit(c)) {
        return Fail(
            Cat("Expected digit in ISO8601 datetime, but found '", ShowCharacter(c), "' instead."));
      }
    } else if (c != static_cast<char32_t>(expected)) {
      return Fail(Cat("Expected '", expected, "' in ISO8601 datetime, but found '",
                      ShowCharacter(c), "' instead."));
    }
  }
  return EmitDate();
}

}  // namespace weir::server

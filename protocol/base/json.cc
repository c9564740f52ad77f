#include "protocol/base/json.h"

#include <algorithm>
#include <cmath>

#include <boost/json/parser.hpp>

#include "protocol/base/json_syntax.h"
#include "protocol/base/utf8.h"

namespace weir {

namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 64;

std::string_view View(const json::string& text) {
  return {text.data(), text.size()};
}
std::string_view View(json::string_view text) {
  return {text.data(), text.size()};
}

// Numbers of the right kind of field but outside of its type are named in the error.
std::string Literal(const json::value& value) {
  JsonWriter text;
  if (const int64_t* whole = value.if_int64()) {
    text.Value(*whole);
  } else if (const uint64_t* large = value.if_uint64()) {
    text.Value(*large);
  } else if (const double* real = value.if_double()) {
    text.Value(*real);
  }
  return text.Take();
}

// Go reads half a surrogate pair in an escape as U+FFFD; Boost.JSON refuses it.
std::string ReplaceHalfSurrogates(std::string_view text) {
  auto unit_at = [text](size_t at) -> int {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') {
      return -1;
    }
    int value = 0;
    auto [end, error] = std::from_chars(text.data() + at + 2, text.data() + at + 6, value, 16);
    return error == std::errc{} && end == text.data() + at + 6 ? value : -1;
  };
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t take = text[at] == '\\' ? 2 : 1;  // an escaped backslash starts no escape
    int unit = unit_at(at);
    if (unit >= 0xd800 && unit <= 0xdbff && unit_at(at + 6) >= 0xdc00 &&
        unit_at(at + 6) <= 0xdfff) {
      take = 12;
    } else if (unit >= 0xd800 && unit <= 0xdfff) {
      out.append("\\ufffd");
      at += 6;
      continue;
    }
    out.append(text.substr(at, take));
    at += take;
  }
  return out;
}

bool ParseWhole(std::string_view text, json::value& out, json::error_code& error) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::parser parser({}, options);
  parser.write(text.data(), text.size(), error);
  if (error) {
    return false;
  }
  out = parser.release();
  return true;
}

// Where Go's time.Parse stops in a text that is not RFC 3339.
std::string TimeError(std::string_view text) {
  constexpr std::string_view kElements[] = {"2006", "-", "01", "-", "02", "T",
                                            "15",   ":", "04", ":", "05"};
  std::string_view rest = text;
  std::string_view wanted = "Z07:00";
  for (std::string_view element : kElements) {
    bool number = element.front() >= '0' && element.front() <= '9';
    bool fits = number ? rest.size() >= element.size() &&
                             std::all_of(rest.begin(), rest.begin() + element.size(),
                                         [](char c) { return c >= '0' && c <= '9'; })
                       : rest.starts_with(element);
    if (!fits) {
      wanted = element;
      break;
    }
    rest.remove_prefix(element.size());
  }
  return Cat("parsing time ", Quoted(text), " as \"2006-01-02T15:04:05Z07:00\": cannot parse ",
             Quoted(rest), " as ", Quoted(wanted));
}

}  // namespace

std::string_view JsonKindName(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "bool";
    case json::kind::string:
      return "string";
    case json::kind::array:
      return "array";
    case json::kind::object:
      return "object";
    default:
      return "number";
  }
}

StatusOr<json::value> ParseJson(std::string_view text) {
  json::value value;
  json::error_code error;
  bool valid = IsValidUtf8(text);
  if (valid ? ParseWhole(text, value, error) : ParseWhole(ReplaceInvalidUtf8(text), value, error)) {
    return value;
  }
  if (error == json::error::too_deep) {
    return InvalidArgument("exceeded max depth");
  }
  std::string problem = DescribeJsonError(text);
  if (!problem.empty()) {
    return InvalidArgument(problem);
  }
  if (ParseWhole(ReplaceHalfSurrogates(ReplaceInvalidUtf8(text)), value, error)) {
    return value;
  }
  return InvalidArgument(TrimSpace(text).empty() ? "unexpected end of JSON input"
                                                 : "more than one top-level value");
}

bool LooksLikeJson(std::string_view text) {
  text = TrimSpace(text);
  return !text.empty() && (text.front() == '{' || text.front() == '[');
}

const json::value* JsonReader::Find(std::string_view name) {
  const json::key_value_pair* found = nullptr;
  auto at = object_.find(json::string_view(name.data(), name.size()));
  if (at != object_.end()) {
    found = &*at;
  } else {
    auto same = std::find_if(object_.begin(), object_.end(), [name](const auto& field) {
      return EqualsIgnoreCase(View(field.key()), name);
    });
    found = same == object_.end() ? nullptr : &*same;
  }
  if (found == nullptr) {
    return nullptr;
  }
  asked_.push_back(found);
  return found->value().is_null() ? nullptr : &found->value();
}

std::string JsonReader::Mistyped(std::string_view name, const json::value& value,
                                 std::string_view type) const {
  bool wants_number =
      type.starts_with("int") || type.starts_with("uint") || type == "time.Duration";
  std::string number = value.is_number() && wants_number ? Cat(" ", Literal(value)) : std::string();
  return Cat("json: cannot unmarshal ", JsonKindName(value), number, " into Go struct field ",
             PathTo(name), " of type ", type);
}

std::string JsonReader::PathTo(std::string_view name) const {
  return Cat(go_struct_, go_struct_.empty() ? "" : ".", name);
}

void JsonReader::FailElement(std::string_view name, size_t index, const json::value& value,
                             std::string_view go_type) {
  Fail(Cat("json: cannot unmarshal ", JsonKindName(value), " into ", PathTo(name), ".", index,
           " of type ", go_type));
}

const json::object* JsonReader::Object(std::string_view name, std::string_view go_type) {
  const auto* value = Find(name);
  if (value != nullptr && !value->is_object()) {
    Fail(Mistyped(name, *value, go_type));
  }
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* JsonReader::Array(std::string_view name, std::string_view go_type) {
  const auto* value = Find(name);
  if (value != nullptr && !value->is_array()) {
    Fail(Mistyped(name, *value, go_type));
  }
  return value == nullptr ? nullptr : value->if_array();
}

void JsonReader::Fail(std::string_view error) {
  if (status_.ok()) {
    status_ = InvalidArgument(error);
  }
}

void JsonReader::Read(std::string_view name, std::string& out) {
  if (const auto* value = Find(name)) {
    if (const auto* text = value->if_string()) {
      out.assign(text->data(), text->size());
    } else {
      Fail(Mistyped(name, *value, "string"));
    }
  }
}

void JsonReader::Read(std::string_view name, bool& out) {
  if (const auto* value = Find(name)) {
    if (const bool* flag = value->if_bool()) {
      out = *flag;
    } else {
      Fail(Mistyped(name, *value, "bool"));
    }
  }
}

void JsonReader::Read(std::string_view name, int64_t& out, std::string_view go_type) {
  if (const auto* value = Find(name)) {
    if (const int64_t* number = value->if_int64()) {
      out = *number;
    } else {
      Fail(Mistyped(name, *value, go_type));
    }
  }
}

void JsonReader::Read(std::string_view name, int32_t& out) {
  if (const auto* value = Find(name)) {
    const int64_t* number = value->if_int64();
    if (number != nullptr && *number >= INT32_MIN && *number <= INT32_MAX) {
      out = static_cast<int32_t>(*number);
    } else {
      Fail(Mistyped(name, *value, "int32"));
    }
  }
}

void JsonReader::Read(std::string_view name, uint64_t& out) {
  if (const auto* value = Find(name)) {
    if (const int64_t* number = value->if_int64(); number != nullptr && *number >= 0) {
      out = static_cast<uint64_t>(*number);
    } else if (const uint64_t* large = value->if_uint64()) {
      out = *large;
    } else {
      Fail(Mistyped(name, *value, "uint64"));
    }
  }
}

void JsonReader::Read(std::string_view name, std::vector<std::string>& out) {
  const auto* array = Array(name, "[]string");
  if (array == nullptr) {
    return;
  }
  out.clear();
  for (const auto& item : *array) {
    const auto* text = item.if_string();
    if (text == nullptr) {
      FailElement(name, out.size(), item, "string");
      return;
    }
    out.emplace_back(text->data(), text->size());
  }
}

void JsonReader::Read(std::string_view name, std::vector<int64_t>& out) {
  const auto* value = Find(name);
  if (value == nullptr) {
    return;
  }
  const auto* array = value->if_array();
  if (array == nullptr) {
    Fail(Mistyped(name, *value, "[]int64"));
    return;
  }
  out.clear();
  for (const auto& item : *array) {
    const int64_t* number = item.if_int64();
    if (number == nullptr) {
      Fail(Mistyped(name, item, "int64"));
      return;
    }
    out.push_back(*number);
  }
}

void JsonReader::Read(std::string_view name, StringMap<std::string>& out) {
  const auto* object = Object(name, "map[string]string");
  if (object == nullptr) {
    return;
  }
  out.clear();
  for (const auto& field : *object) {
    const auto* text = field.value().if_string();
    if (text == nullptr) {
      Fail(Mistyped(Cat(name, ".", View(field.key())), field.value(), "string"));
      return;
    }
    out.insert_or_assign(std::string(View(field.key())), std::string(View(*text)));
  }
}

void JsonReader::ReadTime(std::string_view name, int64_t& out) {
  const auto* value = Find(name);
  if (value == nullptr) {
    return;
  }
  const auto* text = value->if_string();
  if (text == nullptr) {
    Fail(Mistyped(name, *value, "time.Time"));
    return;
  }
  auto time = ParseTime(View(*text));
  if (!time) {
    Fail(TimeError(View(*text)));
    return;
  }
  out = *time;
}

Status JsonReader::Finish(bool strict) {
  if (status_.ok() && strict) {
    for (const auto& field : object_) {
      if (std::find(asked_.begin(), asked_.end(), &field) == asked_.end()) {
        Fail(Cat("json: unknown field ", Quoted(View(field.key()))));
        break;
      }
    }
  }
  return status_;
}

void AppendJsonString(std::string& out, std::string_view text) {
  out.push_back('"');
  size_t plain = 0;
  for (size_t i = 0; i < text.size();) {
    auto byte = static_cast<uint8_t>(text[i]);
    std::string_view escape;
    size_t size = 1;
    switch (byte) {
      case '"':
        escape = "\\\"";
        break;
      case '\\':
        escape = "\\\\";
        break;
      case '\b':
        escape = "\\b";
        break;
      case '\f':
        escape = "\\f";
        break;
      case '\n':
        escape = "\\n";
        break;
      case '\r':
        escape = "\\r";
        break;
      case '\t':
        escape = "\\t";
        break;
      case '<':
        escape = "\\u003c";
        break;
      case '>':
        escape = "\\u003e";
        break;
      case '&':
        escape = "\\u0026";
        break;
      default:
        if (byte >= 0x80) {
          Utf8Char c = DecodeUtf8(text.substr(i));
          // The two line separators end a string in JavaScript, so Go escapes them.
          escape = c.size == 0        ? "\\ufffd"
                   : c.code == 0x2028 ? "\\u2028"
                   : c.code == 0x2029 ? "\\u2029"
                                      : std::string_view{};
          size = std::max<size_t>(c.size, 1);
        }
    }
    if (!escape.empty() || byte < 0x20) {
      out.append(text.substr(plain, i - plain));
      if (escape.empty()) {
        out.append("\\u00").append(HexEncode(text.substr(i, 1)));
      } else {
        out.append(escape);
      }
      plain = i + size;
    }
    i += size;
  }
  out.append(text.substr(plain));
  out.push_back('"');
}

void JsonWriter::Separate() {
  if (needs_comma_) {
    out_.push_back(',');
  }
  needs_comma_ = true;
}

JsonWriter& JsonWriter::OpenObject() {
  Separate();
  out_.push_back('{');
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::CloseObject() {
  out_.push_back('}');
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::OpenArray() {
  Separate();
  out_.push_back('[');
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::CloseArray() {
  out_.push_back(']');
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  AppendJsonString(out_, name);
  out_.push_back(':');
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::Value(std::string_view text) {
  Separate();
  AppendJsonString(out_, text);
  return *this;
}

JsonWriter& JsonWriter::Value(bool value) {
  return Raw(value ? "true" : "false");
}

JsonWriter& JsonWriter::Value(double value) {
  if (!std::isfinite(value)) {
    return Null();
  }
  Separate();
  // Go's rule: plain digits between 1e-6 and 1e21, else an exponent without leading zeros.
  double size = std::abs(value);
  bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
  char text[400];
  auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  auto end = std::to_chars(text, text + sizeof text, value, format).ptr;
  std::string_view digits(text, static_cast<size_t>(end - text));
  if (!plain && digits.size() > 4 && digits[digits.size() - 4] == 'e' &&
      digits[digits.size() - 3] == '-' && digits[digits.size() - 2] == '0') {
    out_.append(digits.substr(0, digits.size() - 2));
    digits.remove_prefix(digits.size() - 1);
  }
  out_.append(digits);
  return *this;
}

JsonWriter& JsonWriter::Null() {
  return Raw("null");
}

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  out_.append(json);
  return *this;
}

JsonWriter& JsonWriter::Strings(std::string_view name, const std::vector<std::string>& values) {
  Key(name).OpenArray();
  for (const auto& value : values) {
    Value(value);
  }
  return CloseArray();
}

}  // namespace weir

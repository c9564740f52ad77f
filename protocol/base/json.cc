#include "protocol/base/json.h"

#include <algorithm>
#include <cmath>

#include <boost/json/parser.hpp>

namespace weir {

namespace {

namespace json = boost::json;

std::string_view View(const json::string& text) {
  return {text.data(), text.size()};
}
std::string_view View(json::string_view text) {
  return {text.data(), text.size()};
}

std::string_view KindName(const json::value& value) {
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

std::string WrongType(std::string_view name, const json::value& value, std::string_view type) {
  return Cat("json: cannot unmarshal ", KindName(value), " into Go struct field ", name,
             " of type ", type);
}

std::string DescribeChar(char c) {
  auto byte = static_cast<uint8_t>(c);
  if (c == '\'') {
    return R"('\'')";
  }
  if (byte < 0x20 || byte >= 0x7f) {
    return Cat("'\\x", HexEncode({&c, 1}), "'");
  }
  return Cat("'", c, "'");
}

}  // namespace

StatusOr<json::value> ParseJson(std::string_view text) {
  json::parse_options options;
  options.max_depth = 64;
  json::parser parser({}, options);
  json::error_code error;
  size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && used == text.size()) {
    // A number at the very end is only complete once the parser is told so; write() does it.
    parser.reset();
    parser.write(text.data(), text.size(), error);
    if (!error) {
      return parser.release();
    }
  }
  if (!error && used < text.size()) {
    return InvalidArgument(Cat("invalid character ", DescribeChar(text[used]),
                               " after top-level value at offset ", used));
  }
  if (error == json::error::incomplete || used >= text.size()) {
    return InvalidArgument(Cat("unexpected end of JSON input at offset ", text.size()));
  }
  if (error == json::error::too_deep) {
    return InvalidArgument(Cat("exceeded max depth at offset ", used));
  }
  return InvalidArgument(Cat("invalid character ", DescribeChar(text[used]),
                             " looking for beginning of value at offset ", used));
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
      Fail(WrongType(name, *value, "string"));
    }
  }
}

void JsonReader::Read(std::string_view name, bool& out) {
  if (const auto* value = Find(name)) {
    if (const bool* flag = value->if_bool()) {
      out = *flag;
    } else {
      Fail(WrongType(name, *value, "bool"));
    }
  }
}

void JsonReader::Read(std::string_view name, int64_t& out) {
  if (const auto* value = Find(name)) {
    if (const int64_t* number = value->if_int64()) {
      out = *number;
    } else {
      Fail(WrongType(name, *value, "int64"));
    }
  }
}

void JsonReader::Read(std::string_view name, int32_t& out) {
  if (const auto* value = Find(name)) {
    const int64_t* number = value->if_int64();
    if (number != nullptr && *number >= INT32_MIN && *number <= INT32_MAX) {
      out = static_cast<int32_t>(*number);
    } else {
      Fail(WrongType(name, *value, "int32"));
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
      Fail(WrongType(name, *value, "uint64"));
    }
  }
}

void JsonReader::Read(std::string_view name, std::vector<std::string>& out) {
  const auto* value = Find(name);
  if (value == nullptr) {
    return;
  }
  const auto* array = value->if_array();
  if (array == nullptr) {
    Fail(WrongType(name, *value, "[]string"));
    return;
  }
  out.clear();
  for (const auto& item : *array) {
    const auto* text = item.if_string();
    if (text == nullptr) {
      Fail(WrongType(name, item, "string"));
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
    Fail(WrongType(name, *value, "[]int64"));
    return;
  }
  out.clear();
  for (const auto& item : *array) {
    const int64_t* number = item.if_int64();
    if (number == nullptr) {
      Fail(WrongType(name, item, "int64"));
      return;
    }
    out.push_back(*number);
  }
}

void JsonReader::Read(std::string_view name, StringMap<std::string>& out) {
  const auto* value = Find(name);
  if (value == nullptr) {
    return;
  }
  const auto* object = value->if_object();
  if (object == nullptr) {
    Fail(WrongType(name, *value, "map[string]string"));
    return;
  }
  out.clear();
  for (const auto& field : *object) {
    const auto* text = field.value().if_string();
    if (text == nullptr) {
      Fail(WrongType(name, field.value(), "string"));
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
  auto time = text == nullptr ? std::nullopt : ParseTime(View(*text));
  if (!time) {
    Fail(Cat("parsing time ", text == nullptr ? std::string("value") : Quoted(View(*text)),
             ": not RFC 3339"));
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
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<uint8_t>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&') {
      continue;
    }
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    switch (byte) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        out.append("\\u00").append(HexEncode(text.substr(i, 1)));
    }
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
  Separate();
  if (std::isfinite(value)) {
    char text[40];
    auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out_.append(text, end);
  } else {
    out_.append("null");
  }
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

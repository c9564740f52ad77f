#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "protocol/base/json.h"
#include "protocol/base/strings.h"
#include "server/config_file.h"

namespace weir::server {

namespace {

// The shortest digits that mean the number, with an exponent below `smallest` and from 1e21 on.
std::string PrintFloat(double value, double smallest) {
  std::array<char, 64> buffer{};
  double size = std::fabs(value);
  bool exponent = value != 0 && (size < smallest || size >= 1e21);
  auto format = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  return {buffer.data(), end};
}

// As in Go's JSON: exponents of one digit are not padded.
std::string JsonFloat(double value) {
  std::string text = PrintFloat(value, 1e-6);
  if (size_t at = text.find("e-0"); at != std::string::npos) {
    text.erase(at + 2, 1);
  }
  return text;
}

}  // namespace

ConfigValue::ConfigValue(bool value) : kind_(Kind::kBool), bool_(value) {}
ConfigValue::ConfigValue(int64_t value) : kind_(Kind::kInteger), integer_(value) {}
ConfigValue::ConfigValue(double value) : kind_(Kind::kFloat), float_(value) {}
ConfigValue::ConfigValue(std::string value)
    : kind_(Kind::kString), text_(std::make_shared<const std::string>(std::move(value))) {}
ConfigValue::ConfigValue(Array value)
    : kind_(Kind::kArray), array_(std::make_shared<const Array>(std::move(value))) {}
ConfigValue::ConfigValue(ConfigMap value)
    : kind_(Kind::kMap), map_(std::make_shared<const ConfigMap>(std::move(value))) {}

ConfigValue ConfigValue::Time(std::string zulu) {
  ConfigValue value(std::move(zulu));
  value.kind_ = Kind::kTime;
  return value;
}

std::optional<bool> ConfigValue::AsBool() const {
  return kind_ == Kind::kBool ? std::optional(bool_) : std::nullopt;
}
std::optional<int64_t> ConfigValue::AsInteger() const {
  return kind_ == Kind::kInteger ? std::optional(integer_) : std::nullopt;
}
std::optional<double> ConfigValue::AsFloat() const {
  return kind_ == Kind::kFloat ? std::optional(float_) : std::nullopt;
}
const std::string* ConfigValue::AsString() const {
  return kind_ == Kind::kString ? text_.get() : nullptr;
}
const ConfigValue::Array* ConfigValue::AsArray() const {
  return kind_ == Kind::kArray ? array_.get() : nullptr;
}
const ConfigMap* ConfigValue::AsMap() const {
  return kind_ == Kind::kMap ? map_.get() : nullptr;
}

std::string ConfigValue::Where() const {
  return Cat(position_.file ? std::string_view(*position_.file) : std::string_view(), ':',
             position_.line, ':', position_.column);
}

std::string_view ConfigValue::TypeName() const {
  switch (kind_) {
    case Kind::kBool:
      return "bool";
    case Kind::kInteger:
      return "int64";
    case Kind::kFloat:
      return "float64";
    case Kind::kString:
      return "string";
    case Kind::kTime:
      return "time.Time";
    case Kind::kArray:
      return "[]interface {}";
    case Kind::kMap:
      return "map[string]interface {}";
  }
  return "";
}

std::string ConfigValue::Print() const {
  switch (kind_) {
    case Kind::kBool:
      return bool_ ? "true" : "false";
    case Kind::kInteger:
      return Cat(integer_);
    case Kind::kFloat:
      return PrintFloat(float_, 1e-4);
    case Kind::kString:
      return *text_;
    case Kind::kTime: {
      std::string text = *text_;
      std::replace(text.begin(), text.end(), 'T', ' ');
      text.pop_back();
      return text + " +0000 UTC";
    }
    case Kind::kArray: {
      std::string text = "[";
      for (const auto& element : *array_) {
        CatTo(text, text.size() > 1 ? " " : "", element.Print());
      }
      return text + "]";
    }
    case Kind::kMap: {
      std::string text = "map[";
      for (const auto& [key, value] : map_->entries()) {
        CatTo(text, text.size() > 4 ? " " : "", key, ":", value.Print());
      }
      return text + "]";
    }
  }
  return "";
}

void ConfigValue::AppendJson(std::string& out) const {
  switch (kind_) {
    case Kind::kBool:
      out += bool_ ? "true" : "false";
      return;
    case Kind::kInteger:
      CatTo(out, integer_);
      return;
    case Kind::kFloat:
      out += JsonFloat(float_);
      return;
    case Kind::kString:
    case Kind::kTime:
      AppendJsonString(out, *text_);
      return;
    case Kind::kArray: {
      out += '[';
      bool first = true;
      for (const auto& element : *array_) {
        if (!first) {
          out += ',';
        }
        first = false;
        element.AppendJson(out);
      }
      out += ']';
      return;
    }
    case Kind::kMap:
      map_->AppendJson(out);
      return;
  }
}

boost::json::value ConfigValue::ToJson() const {
  switch (kind_) {
    case Kind::kBool:
      return boost::json::value(bool_);
    case Kind::kInteger:
      return boost::json::value(integer_);
    case Kind::kFloat:
      return boost::json::value(float_);
    case Kind::kString:
    case Kind::kTime:
      return boost::json::string(*text_);
    case Kind::kArray: {
      boost::json::array array;
      for (const auto& element : *array_) {
        array.push_back(element.ToJson());
      }
      return array;
    }
    case Kind::kMap: {
      boost::json::object object;
      for (const auto& [key, value] : map_->entries()) {
        object[key] = value.ToJson();
      }
      return object;
    }
  }
  return nullptr;
}

void ConfigMap::Set(std::string_view key, ConfigValue value) {
  if (ConfigValue* old = Find(key)) {
    *old = std::move(value);
    return;
  }
  entries_.emplace_back(key, std::move(value));
}

const ConfigValue* ConfigMap::Find(std::string_view key) const {
  auto found = std::find_if(entries_.begin(), entries_.end(),
                            [key](const Entry& entry) { return entry.first == key; });
  return found == entries_.end() ? nullptr : &found->second;
}

ConfigValue* ConfigMap::Find(std::string_view key) {
  return const_cast<ConfigValue*>(std::as_const(*this).Find(key));
}

void ConfigMap::AppendJson(std::string& out) const {
  std::vector<const Entry*> sorted;
  sorted.reserve(entries_.size());
  for (const auto& entry : entries_) {
    sorted.push_back(&entry);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const Entry* a, const Entry* b) { return a->first < b->first; });
  out += '{';
  for (const Entry* entry : sorted) {
    if (out.back() != '{') {
      out += ',';
    }
    AppendJsonString(out, entry->first);
    out += ':';
    entry->second.AppendJson(out);
  }
  out += '}';
}

}  // namespace weir::server

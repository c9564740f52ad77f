#include <charconv>
#include <cstring>
#include <filesystem>

#include "protocol/base/strings.h"
#include "server/config_parser.h"

namespace weir::server {

namespace {

constexpr int kMaxDepth = 1000;        // of nested values
constexpr int kMaxIncludeDepth = 100;  // of files that include each other

}  // namespace

void ConfigParser::EmitKey() {
  auto text = cursor_.item();
  keys_.push_back({std::string(text), cursor_.line(), cursor_.ColumnOfItem(text.size())});
  last_key_ = text;
  last_was_key_ = true;
  cursor_.StartItem();
}

// A value whose text is the item.
ConfigStep ConfigParser::Set(ConfigValue value) {
  int column = cursor_.ColumnOfItem(cursor_.item().size());
  cursor_.StartItem();
  return SetValue(std::move(value), cursor_.line(), column);
}

ConfigStep ConfigParser::EmitString(const std::string& text) {
  int column = cursor_.ColumnOfItem(text.size());
  cursor_.StartItem();
  return SetValue(ConfigValue(text), cursor_.line(), column);
}

ConfigStep ConfigParser::EmitInteger() {
  auto text = cursor_.item();
  size_t digits = text.find_first_not_of("-0123456789");
  auto number = text.substr(0, digits);
  auto suffix = digits == std::string_view::npos ? "" : ToLower(text.substr(digits));
  int64_t value = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc::result_out_of_range) {
    return FailPlain(Cat("integer '", text, "' is out of the range"));
  }
  // Multiplication wraps around, as it does in the reference.
  auto product = static_cast<uint64_t>(value);
  if (!suffix.empty()) {
    bool binary = suffix.size() > 1;
    if (binary && suffix != Cat(suffix.front(), 'b') && suffix != Cat(suffix.front(), 'i') &&
        suffix != Cat(suffix.front(), "ib")) {
      last_was_key_ = false;
      cursor_.StartItem();
      return ConfigStep::kMore;  // no such unit: the reference forgets the value
    }
    for (size_t i = 0; i <= std::string_view("kmgtpe").find(suffix.front()); ++i) {
      product *= binary ? 1024 : 1000;
    }
  }
  return Set(ConfigValue(static_cast<int64_t>(product)));
}

ConfigStep ConfigParser::EmitFloat() {
  auto text = cursor_.item();
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return FailPlain(Cat("float '", text, "' is out of the range"));
  }
  return Set(ConfigValue(value));
}

ConfigStep ConfigParser::EmitDate() {
  std::string text(cursor_.item());
  auto number = [&text](size_t at, size_t size) {
    return ParseNumber<int>(std::string_view(text).substr(at, size)).value_or(0);
  };
  int year = number(0, 4);
  int month = number(5, 2);
  int day = number(8, 2);
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool valid = month >= 1 && month <= 12 && day >= 1 &&
               day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0) && number(11, 2) < 24 &&
               number(14, 2) < 60 && number(17, 2) < 60;
  if (!valid) {
    return FailPlain(Cat("expected Zulu formatted DateTime, but got '", text, "'"));
  }
  return Set(ConfigValue::Time(text));
}

ConfigStep ConfigParser::OpenContext(bool is_array) {
  if (contexts_.size() > kMaxDepth) {
    return Fail("Values are nested too deeply.");
  }
  cursor_.StartItem();
  last_was_key_ = false;
  contexts_.emplace_back();
  contexts_.back().is_array = is_array;
  return ConfigStep::kMore;
}

ConfigStep ConfigParser::CloseContext() {
  cursor_.StartItem();
  Context closed = std::move(contexts_.back());
  contexts_.pop_back();
  auto value =
      closed.is_array ? ConfigValue(std::move(closed.array)) : ConfigValue(std::move(closed.map));
  return Set(std::move(value));
}

ConfigStep ConfigParser::SetValue(ConfigValue value, int line, int column) {
  last_was_key_ = false;
  Context& context = contexts_.back();
  if (context.is_array) {
    value.set_position({path_, line, column});
    context.array.push_back(std::move(value));
    return ConfigStep::kMore;
  }
  if (keys_.empty()) {
    return Fail("Value without a key.");
  }
  Key key = std::move(keys_.back());
  keys_.pop_back();
  value.set_position({path_, key.line, key.column});
  context.map.Set(key.text, std::move(value));
  return ConfigStep::kMore;
}

ConfigStep ConfigParser::EmitVariable() {
  cursor_.SkipItemByte();
  std::string name(cursor_.item());
  int line = cursor_.line();
  int column = cursor_.ColumnOfItem(name.size());
  cursor_.StartItem();
  Status error;
  auto value = LookUp(name, error);
  if (!error.ok()) {
    return FailPlain(Cat("variable reference for '", name, "' on line ", line,
                         " could not be parsed: ", Message(error)));
  }
  if (!value) {
    return FailPlain(
        Cat("variable reference for '", name, "' on line ", line, " can not be found"));
  }
  return SetValue(std::move(*value), line, column);
}

std::optional<ConfigValue> ConfigParser::LookUp(const std::string& name, Status& error) {
  if (name.starts_with("2a$")) {
    return ConfigValue("$" + name);  // a bcrypt hash that nobody quoted
  }
  for (auto context = contexts_.rbegin(); context != contexts_.rend(); ++context) {
    if (ConfigValue* found = context->is_array ? nullptr : context->map.Find(name)) {
      found->set_used_as_variable();
      ConfigValue copy = *found;
      copy.clear_used_as_variable();
      return copy;
    }
  }
  for (const auto& in_progress : sources_.variables_in_progress) {
    if (in_progress == name) {
      error = InvalidArgument(Cat("variable reference cycle for '", name, "'"));
      return std::nullopt;
    }
  }
  auto text = sources_.environment(name);
  if (!text) {
    return std::nullopt;
  }
  // What the environment holds is text: it means what it would mean in the file.
  sources_.variables_in_progress.push_back(name);
  auto parsed = ConfigParser("pk=" + *text, "", sources_).Parse();
  sources_.variables_in_progress.pop_back();
  if (!parsed.ok()) {
    error = parsed.status();
    return std::nullopt;
  }
  const ConfigValue* found = parsed->Find("pk");
  return found != nullptr ? std::optional(*found) : std::nullopt;
}

ConfigStep ConfigParser::EmitInclude() {
  std::string name(cursor_.item());
  cursor_.StartItem();
  last_was_key_ = false;
  auto directory = std::filesystem::path(*path_).parent_path();
  auto path = (directory / ("./" + name)).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  auto failed = [&](const Status& status) {
    return FailPlain(Cat("error parsing include file '", name, "', ", Message(status)));
  };
  if (sources_.include_depth >= kMaxIncludeDepth) {
    return failed(InvalidArgument("files include each other too deeply"));
  }
  ++sources_.include_depth;
  auto included = ParseSource(path, sources_);
  --sources_.include_depth;
  if (!included.ok()) {
    return failed(included.status());
  }
  for (const auto& [key, value] : included->entries()) {
    contexts_.back().map.Set(key, value);
  }
  return ConfigStep::kMore;
}

}  // namespace weir::server

#include "ingest/yaml_reader.h"

#include <algorithm>

#include "ingest/pipeline_config.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

// kebab-case, snake_case and camelCase name the same key.
std::string Normal(std::string_view key) {
  std::string out;
  for (char c : key) {
    if (c >= 'A' && c <= 'Z') {
      if (!out.empty() && out.back() != '_') {
        out.push_back('_');
      }
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else {
      out.push_back(c == '-' ? '_' : c);
    }
  }
  return out;
}

// In the style of the key that was mistyped.
std::string Styled(std::string_view key, std::string_view like) {
  std::string out(key);
  if (like.find('-') != std::string_view::npos || like.find('_') == std::string_view::npos) {
    std::replace(out.begin(), out.end(), '_', '-');
  }
  return out;
}

std::string KeyText(const YAML::Node& key) {
  return key.IsScalar() ? key.Scalar() : std::string("?");
}

}  // namespace

Status YamlError(std::string_view file, const YAML::Mark& mark, std::string_view what) {
  if (mark.is_null()) {
    return InvalidArgument(Cat(file, ": ", what));
  }
  return InvalidArgument(Cat(file, ":", mark.line + 1, ":", mark.column + 1, ": ", what));
}

YamlMap::YamlMap(std::string_view file, std::string where, const YAML::Node& node)
    : file_(file), where_(std::move(where)), node_(node) {
  if (!node_.IsMap()) {
    Keep(YamlError(file_, node_.Mark(), Cat(where_, " must be a map of keys and values")));
  }
}

YAML::Node YamlMap::Find(std::string_view key) {
  known_.push_back(Normal(key));
  if (!node_.IsMap()) {
    return YAML::Node(YAML::NodeType::Undefined);
  }
  for (const auto& entry : node_) {
    if (Normal(KeyText(entry.first)) == known_.back()) {
      return entry.second.IsNull() ? YAML::Node(YAML::NodeType::Undefined) : entry.second;
    }
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

std::string YamlMap::Text(std::string_view key) {
  YAML::Node node = Find(key);
  if (!node.IsDefined()) {
    return {};
  }
  if (!node.IsScalar()) {
    Fail(key, "must be a single value");
    return {};
  }
  return node.Scalar();
}

bool YamlMap::Flag(std::string_view key, bool otherwise) {
  std::string text = Text(key);
  if (text.empty()) {
    return otherwise;
  }
  if (EqualsIgnoreCase(text, "true") || EqualsIgnoreCase(text, "yes")) {
    return true;
  }
  if (!EqualsIgnoreCase(text, "false") && !EqualsIgnoreCase(text, "no")) {
    Fail(key, Cat("must be true or false, not ", Quoted(text)));
  }
  return false;
}

std::optional<uint64_t> YamlMap::Number(std::string_view key) {
  std::string text = Text(key);
  if (text.empty()) {
    return std::nullopt;
  }
  auto number = ParseNumber<uint64_t>(text);
  if (!number) {
    Fail(key, Cat("must be a whole number, not ", Quoted(text)));
  }
  return number;
}

std::vector<std::string> YamlMap::List(std::string_view key) {
  std::vector<std::string> out;
  YAML::Node node = Find(key);
  if (!node.IsDefined()) {
    return out;
  }
  if (node.IsScalar()) {
    for (std::string_view part : Split(node.Scalar(), ',')) {
      if (!TrimSpace(part).empty()) {
        out.emplace_back(TrimSpace(part));
      }
    }
    return out;
  }
  for (const auto& item : node) {
    if (!node.IsSequence() || !item.IsScalar()) {
      Fail(key, "must be a list");
      return {};
    }
    out.push_back(item.Scalar());
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> YamlMap::Pairs(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> out;
  YAML::Node node = Find(key);
  if (!node.IsDefined()) {
    return out;
  }
  if (!node.IsMap()) {
    Fail(key, "must be a map of names and values");
    return out;
  }
  for (const auto& entry : node) {
    if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
      Keep(YamlError(file_, entry.first.Mark(), Cat(where_, ".", key, " must map names to texts")));
      return out;
    }
    out.emplace_back(entry.first.Scalar(), entry.second.Scalar());
  }
  return out;
}

YAML::Node YamlMap::Required(std::string_view key) {
  YAML::Node node = Find(key);
  if (node.IsDefined() || !status_.ok()) {
    return node;
  }
  std::string message = Cat(where_, where_.empty() ? "" : " ", "has no key ", Quoted(key));
  if (where_.empty()) {
    message = Cat("the file has no key ", Quoted(key));
  }
  for (const auto& entry : node_) {
    std::string present = KeyText(entry.first);
    std::string wanted = Normal(key);
    if (!ClosestWord(Normal(present), {std::string_view(wanted)}).empty()) {
      Keep(YamlError(file_, entry.first.Mark(),
                     Cat("unknown key ", Quoted(present), ", did you mean ", Quoted(key), "?")));
      return node;
    }
  }
  Keep(YamlError(file_, node_.Mark(), message));
  return node;
}

YAML::Mark YamlMap::MarkOf(std::string_view key) const {
  if (node_.IsMap()) {
    std::string wanted = Normal(key);
    for (const auto& entry : node_) {
      if (Normal(KeyText(entry.first)) == wanted) {
        return entry.second.IsNull() ? entry.first.Mark() : entry.second.Mark();
      }
    }
  }
  return node_.Mark();
}

void YamlMap::Fail(std::string_view key, std::string_view what) {
  Keep(YamlError(file_, MarkOf(key), Cat(where_, ".", key, " ", what)));
}

void YamlMap::Keep(const Status& status) {
  if (status_.ok()) {
    status_ = status;
  }
}

void YamlMap::KeepAt(std::string_view key, const Status& status) {
  if (status.ok()) {
    return;
  }
  Status placed = YamlError(file_, MarkOf(key), Cat(where_, ".", key, ": ", Message(status)));
  Keep(MakeStatus(status.code(), Message(placed)));
}

std::vector<std::string> YamlMap::Unread() const {
  std::vector<std::string> out;
  if (!node_.IsMap()) {
    return out;
  }
  for (const auto& entry : node_) {
    std::string key = KeyText(entry.first);
    if (std::find(known_.begin(), known_.end(), Normal(key)) == known_.end()) {
      out.push_back(std::move(key));
    }
  }
  return out;
}

Status YamlMap::Finish() {
  if (!status_.ok() || !node_.IsMap()) {
    return status_;
  }
  for (const auto& entry : node_) {
    std::string key = KeyText(entry.first);
    if (std::find(known_.begin(), known_.end(), Normal(key)) != known_.end()) {
      continue;
    }
    std::string message = Cat("unknown key ", Quoted(key), " in ", where_);
    std::vector<std::string_view> known(known_.begin(), known_.end());
    if (std::string_view closest = ClosestWord(Normal(key), known); !closest.empty()) {
      CatTo(message, ", did you mean ", Quoted(Styled(closest, key)), "?");
    }
    return YamlError(file_, entry.first.Mark(), message);
  }
  return OkStatus();
}

}  // namespace weir::ingest

#include <algorithm>

#include "protocol/base/strings.h"
#include "protocol/subject.h"
#include "server/options_reader.h"

namespace weir::server {

namespace {

bool ReadWeight(OptionProblems& problems, const ConfigValue& value, MappingDestination& out) {
  int64_t weight = 0;
  if (auto number = value.AsInteger()) {
    weight = *number;
  } else if (const auto* text = value.AsString()) {
    std::string_view digits = *text;
    if (digits.ends_with('%')) {
      digits.remove_suffix(1);
    }
    auto parsed = ParseGoInteger("Atoi", digits);
    if (!parsed.ok()) {
      problems.Add(value, Cat("Invalid weight ", Quoted(digits), " for mapping destination"));
      return false;
    }
    weight = *parsed;
  } else {
    problems.Add(value, Cat("Unknown entry type for weight of ", value.Print(), "\n"));
    return false;
  }
  if (weight < 0 || weight > 100) {
    problems.Add(value, Cat("Invalid weight ", weight, " for mapping destination"));
    return false;
  }
  out.weight = static_cast<int>(weight);
  return true;
}

enum class Entry : uint8_t { kRead, kSkipped, kWrongType };

// One {destination, weight, cluster}. A wrong type ends the reading of all mappings.
Entry ReadDestination(OptionScope& scope, const ConfigValue& value, MappingDestination& out) {
  auto& problems = scope.problems();
  const auto* map = value.AsMap();
  if (map == nullptr) {
    problems.Add(value, "Expected an entry for the mapping destination");
    return Entry::kSkipped;
  }
  bool weighted = false;
  for (const auto& [key, field] : map->entries()) {
    if (NamesField("dest|destination", key)) {
      if (!scope.Get(field, out.subject)) {
        return Entry::kWrongType;
      }
    } else if (EqualsIgnoreCase(key, "cluster")) {
      if (!scope.Get(field, out.cluster)) {
        return Entry::kWrongType;
      }
    } else if (EqualsIgnoreCase(key, "weight")) {
      if (!ReadWeight(problems, field, out)) {
        return Entry::kSkipped;
      }
      weighted = true;
    } else {
      problems.Add(field, Cat("Unknown field ", Quoted(key), " for mapping destination"));
      return Entry::kSkipped;
    }
  }
  if (!weighted) {
    problems.Add(value, Cat("Missing weight for mapping destination ", Quoted(out.subject)));
    return Entry::kSkipped;
  }
  return Entry::kRead;
}

// The destinations of one source together.
Status CheckDestinations(const std::vector<MappingDestination>& destinations) {
  StringSet seen;
  StringMap<int> total;
  for (const auto& destination : destinations) {
    if (!seen.insert(destination.subject).second) {
      return InvalidArgument(Cat("duplicate entry for ", Quoted(destination.subject)));
    }
    int& sum = total[destination.cluster];
    sum += destination.weight;
    if (sum > 100) {
      return InvalidArgument("total weight needs to be <= 100");
    }
  }
  return OkStatus();
}

bool ReadMapping(OptionScope& scope, const ConfigValue& value, SubjectMapping& mapping) {
  std::vector<const ConfigValue*> entries;
  if (const auto* array = value.AsArray()) {
    for (const auto& element : *array) {
      entries.push_back(&element);
    }
  } else {
    entries.push_back(&value);
  }
  for (const auto* entry : entries) {
    MappingDestination destination;
    switch (ReadDestination(scope, *entry, destination)) {
      case Entry::kRead:
        mapping.destinations.push_back(std::move(destination));
        break;
      case Entry::kSkipped:
        break;
      case Entry::kWrongType:
        return false;
    }
  }
  return true;
}

}  // namespace

bool ReadMappings(OptionProblems& problems, const ConfigValue& value,
                  std::vector<SubjectMapping>& out) {
  OptionScope scope(problems, value);
  const ConfigMap* map = nullptr;
  if (!scope.Get(value, map)) {
    return true;
  }
  for (const auto& [source, entry] : map->entries()) {
    if (!protocol::IsValidConfigPattern(source)) {
      problems.Add(value, Cat("Subject ", Quoted(source), " is not a valid subject"));
      continue;
    }
    scope.LookAt(entry);
    SubjectMapping mapping{source, {}};
    if (const auto* text = entry.AsString()) {
      mapping.destinations.push_back({*text, 100, ""});
    } else if (!ReadMapping(scope, entry, mapping)) {
      return true;
    }
    if (auto status = CheckDestinations(mapping.destinations); !status.ok()) {
      problems.Add(entry, Cat("Error adding mapping for ", Quoted(source), " : ", Message(status)));
      continue;
    }
    out.push_back(std::move(mapping));
  }
  return true;
}

}  // namespace weir::server

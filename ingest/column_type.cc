#include "ingest/column_type.h"

#include <array>

#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

struct NamedType {
  std::string_view name;
  ColumnType type;
};

// The first name of a type is the one that is printed.
constexpr auto kNames = std::to_array<NamedType>({
    {"boolean", ColumnType::kBool},
    {"bool", ColumnType::kBool},
    {"bigint", ColumnType::kInt64},
    {"int", ColumnType::kInt64},
    {"integer", ColumnType::kInt64},
    {"smallint", ColumnType::kInt64},
    {"tinyint", ColumnType::kInt64},
    {"int64", ColumnType::kInt64},
    {"double", ColumnType::kDouble},
    {"float", ColumnType::kDouble},
    {"real", ColumnType::kDouble},
    {"decimal", ColumnType::kDecimal},
    {"numeric", ColumnType::kDecimal},
    {"text", ColumnType::kText},
    {"string", ColumnType::kText},
    {"varchar", ColumnType::kText},
    {"binary", ColumnType::kBinary},
    {"blob", ColumnType::kBinary},
    {"bytes", ColumnType::kBinary},
    {"date", ColumnType::kDate},
    {"time", ColumnType::kTime},
    {"timestamp_ntz", ColumnType::kTimestamp},
    {"timestamp", ColumnType::kTimestampTz},
    {"timestamptz", ColumnType::kTimestampTz},
    {"json", ColumnType::kJson},
    {"uuid", ColumnType::kUuid},
});

}  // namespace

std::string_view ColumnTypeName(ColumnType type) {
  for (const NamedType& named : kNames) {
    if (named.type == type) {
      return named.name;
    }
  }
  return "text";
}

std::optional<ColumnType> ParseColumnType(std::string_view text) {
  std::string name = ToLower(TrimSpace(text));
  size_t bracket = name.find('(');
  if (bracket != std::string::npos) {
    if (name.back() != ')') {
      return std::nullopt;
    }
    name.resize(bracket);
  }
  for (const NamedType& named : kNames) {
    if (named.name == TrimSpace(name)) {
      return named.type;
    }
  }
  return std::nullopt;
}

}  // namespace weir::ingest

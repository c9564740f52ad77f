#pragma once

// The types that columns have, and their names in type hints (export.md 1.5).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::ingest {

enum class ColumnType : uint8_t {
  kBool,
  kInt64,
  kDouble,
  kDecimal,      // exact numbers as decimal text
  kText,         // UTF-8
  kBinary,       // bytes
  kDate,         // YYYY-MM-DD
  kTime,         // HH:MM:SS with up to six digits of fraction
  kTimestamp,    // microseconds, without a zone
  kTimestampTz,  // microseconds since 1970, UTC
  kJson,         // JSON text
  kUuid,
};

// The name used in specs and in output: "bigint", "text", "timestamp" …
std::string_view ColumnTypeName(ColumnType type);

// A hint as users write it: bigint, int, smallint, tinyint, float, double, decimal(p,s), string,
// text, varchar(n), boolean, date, time, timestamp, timestamp_ntz, json, uuid, binary. Precision
// and length are accepted and not enforced. nullopt: no such type.
std::optional<ColumnType> ParseColumnType(std::string_view text);

struct ColumnSpec {
  std::string name;
  ColumnType type = ColumnType::kText;

  bool operator==(const ColumnSpec&) const = default;
};

}  // namespace weir::ingest

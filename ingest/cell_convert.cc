#include <charconv>
#include <cmath>
#include <optional>

#include "ingest/json_text.h"
#include "ingest/table_schema.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

constexpr int64_t kExactInDouble = int64_t{1} << 53;

bool Digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) {
    return false;
  }
  for (size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') {
      return false;
    }
  }
  return true;
}

// "2013-01-31T05:00:00.25Z", with a blank for the T and the zone left out (UTC), or a date alone.
std::optional<int64_t> ParseMicroseconds(std::string_view text) {
  std::string whole(text);
  if (whole.size() == 10) {
    whole.append("T00:00:00");
  }
  if (whole.size() < 19 || !(whole[10] == 'T' || whole[10] == 't' || whole[10] == ' ')) {
    return std::nullopt;
  }
  whole[10] = 'T';
  bool has_zone = whole.back() == 'Z' || whole.back() == 'z' ||
                  whole.find_first_of("+-", 19) != std::string::npos;
  if (!has_zone) {
    whole.push_back('Z');
  } else if (whole.back() == 'z') {
    whole.back() = 'Z';
  }
  auto nanoseconds = ParseTime(whole);
  if (!nanoseconds || *nanoseconds == kZeroTime) {
    return std::nullopt;
  }
  int64_t micros = *nanoseconds / 1000;
  return *nanoseconds % 1000 < 0 ? micros - 1 : micros;
}

// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size: all
// four stay apart for the years 1973 to 5138.
int64_t MicrosecondsFromNumber(int64_t value) {
  uint64_t size = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  if (size < 100'000'000'000) {
    return value * 1'000'000;
  }
  if (size < 100'000'000'000'000) {
    return value * 1'000;
  }
  if (size < 100'000'000'000'000'000) {
    return value;
  }
  return value / 1'000;
}

Cell ToTimestamp(const Cell& cell) {
  if (cell.kind == CellKind::kInt64) {
    return Cell::Integer(MicrosecondsFromNumber(cell.integer), CellKind::kTimestamp);
  }
  if (cell.kind == CellKind::kText) {
    if (auto micros = ParseMicroseconds(cell.text())) {
      return Cell::Integer(*micros, CellKind::kTimestamp);
    }
  }
  return Cell{};
}

Cell ToInt64(const Cell& cell) {
  switch (cell.kind) {
    case CellKind::kBool:
    case CellKind::kInt64:
      return Cell::Integer(cell.integer);
    case CellKind::kDouble:
      if (cell.real == std::trunc(cell.real) &&
          std::abs(cell.real) <= static_cast<double>(kExactInDouble)) {
        return Cell::Integer(static_cast<int64_t>(cell.real));
      }
      return Cell{};
    case CellKind::kText:
      if (auto value = ParseNumber<int64_t>(cell.text())) {
        return Cell::Integer(*value);
      }
      return Cell{};
    default:
      return Cell{};
  }
}

Cell ToDouble(const Cell& cell) {
  switch (cell.kind) {
    case CellKind::kDouble:
      return cell;
    case CellKind::kBool:
    case CellKind::kInt64:
      if (cell.integer >= -kExactInDouble && cell.integer <= kExactInDouble) {
        return Cell::Real(static_cast<double>(cell.integer));
      }
      return Cell{};
    case CellKind::kText: {
      Cell number = ParseJsonNumber(cell.text());
      return number.kind == CellKind::kInt64 || number.kind == CellKind::kDouble ? ToDouble(number)
                                                                                 : Cell{};
    }
    default:
      return Cell{};
  }
}

Cell ToDecimal(const Cell& cell, RowBatch& batch) {
  switch (cell.kind) {
    case CellKind::kDecimal:
      return cell;
    case CellKind::kBool:
      return Cell::Bytes(cell.integer != 0 ? "1" : "0", CellKind::kDecimal);
    case CellKind::kInt64:
    case CellKind::kDouble:
      return Cell::Bytes(batch.Keep(CellAsText(cell)), CellKind::kDecimal);
    case CellKind::kText:
      return ParseJsonNumber(cell.text()).kind == CellKind::kNull
                 ? Cell{}
                 : Cell::Bytes(cell.text(), CellKind::kDecimal);
    default:
      return Cell{};
  }
}

Cell ToBool(const Cell& cell) {
  if (cell.kind == CellKind::kBool) {
    return cell;
  }
  if (cell.kind == CellKind::kInt64 && (cell.integer == 0 || cell.integer == 1)) {
    return Cell::Integer(cell.integer, CellKind::kBool);
  }
  if (cell.kind == CellKind::kText && (cell.text() == "true" || cell.text() == "false")) {
    return Cell::Integer(cell.text() == "true" ? 1 : 0, CellKind::kBool);
  }
  return Cell{};
}

bool IsDate(std::string_view text) {
  return text.size() == 10 && Digits(text, 0, 4) && text[4] == '-' && text[7] == '-' &&
         ParseMicroseconds(text).has_value();
}

bool IsTime(std::string_view text) {
  bool shape = text.size() >= 8 && Digits(text, 0, 2) && text[2] == ':' && Digits(text, 3, 2) &&
               text[5] == ':' && Digits(text, 6, 2);
  bool fraction = text.size() == 8 || (text.size() > 9 && text[8] == '.' &&
                                       Digits(text, 9, text.size() - 9) && text.size() <= 15);
  return shape && fraction && text.substr(0, 2) < "24" && text.substr(3, 2) < "60" &&
         text.substr(6, 2) < "60";
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) {
      return false;
    }
  }
  return true;
}

Cell KeepWhen(bool fits, const Cell& cell) {
  return fits ? cell : Cell{};
}

}  // namespace

Cell ConvertCell(const Cell& cell, ColumnType type, RowBatch& batch) {
  bool is_text = cell.kind == CellKind::kText;
  switch (type) {
    case ColumnType::kBool:
      return ToBool(cell);
    case ColumnType::kInt64:
      return ToInt64(cell);
    case ColumnType::kDouble:
      return ToDouble(cell);
    case ColumnType::kDecimal:
      return ToDecimal(cell, batch);
    case ColumnType::kText:
      return is_text ? cell : Cell::Bytes(batch.Keep(CellAsText(cell)), CellKind::kText);
    case ColumnType::kBinary:
      return Cell::Bytes(
          cell.kind == CellKind::kBinary || is_text ? cell.text() : batch.Keep(CellAsText(cell)),
          CellKind::kBinary);
    case ColumnType::kJson:
      return cell.kind == CellKind::kJson
                 ? cell
                 : Cell::Bytes(batch.Keep(CellAsJson(cell)), CellKind::kJson);
    case ColumnType::kTimestamp:
    case ColumnType::kTimestampTz:
      return ToTimestamp(cell);
    case ColumnType::kDate:
      return KeepWhen(is_text && IsDate(cell.text()), cell);
    case ColumnType::kTime:
      return KeepWhen(is_text && IsTime(cell.text()), cell);
    case ColumnType::kUuid:
      return KeepWhen(is_text && IsUuid(cell.text()), cell);
  }
  return Cell{};
}

}  // namespace weir::ingest

#include "ingest/table_schema.h"

#include <algorithm>

namespace weir::ingest {
namespace {

constexpr int64_t kExactInDouble = int64_t{1} << 53;

constexpr uint32_t Bit(CellKind kind) {
  return 1u << static_cast<uint32_t>(kind);
}

constexpr uint32_t kNumbers =
    Bit(CellKind::kBool) | Bit(CellKind::kInt64) | Bit(CellKind::kDouble) | Bit(CellKind::kDecimal);
constexpr uint32_t kAnything = ~uint32_t{0};

// What a column takes without being changed. Temporal and other checked types take anything: each
// value is converted or its row is bad.
uint32_t KindsOf(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return Bit(CellKind::kBool);
    case ColumnType::kInt64:
      return Bit(CellKind::kBool) | Bit(CellKind::kInt64);
    case ColumnType::kDouble:
      return Bit(CellKind::kBool) | Bit(CellKind::kInt64) | Bit(CellKind::kDouble);
    case ColumnType::kDecimal:
      return kNumbers;
    case ColumnType::kText:
    case ColumnType::kJson:
      return kAnything & ~Bit(CellKind::kBinary);
    default:
      return kAnything;
  }
}

// The kinds that the values already in a column may have.
uint32_t StoredKinds(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return Bit(CellKind::kBool);
    case ColumnType::kInt64:
      return Bit(CellKind::kInt64);
    case ColumnType::kDouble:
      return Bit(CellKind::kDouble);
    case ColumnType::kDecimal:
      return Bit(CellKind::kDecimal);
    case ColumnType::kJson:
      return Bit(CellKind::kJson);
    case ColumnType::kBinary:
      return Bit(CellKind::kBinary);
    default:
      return Bit(CellKind::kText);
  }
}

// The kind that a sink expects of a column's cells.
CellKind NativeKind(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return CellKind::kBool;
    case ColumnType::kInt64:
      return CellKind::kInt64;
    case ColumnType::kDouble:
      return CellKind::kDouble;
    case ColumnType::kDecimal:
      return CellKind::kDecimal;
    case ColumnType::kJson:
      return CellKind::kJson;
    case ColumnType::kBinary:
      return CellKind::kBinary;
    case ColumnType::kTimestamp:
    case ColumnType::kTimestampTz:
      return CellKind::kTimestamp;
    default:
      return CellKind::kText;
  }
}

// Types whose text must be checked even where the kind is right.
bool IsChecked(ColumnType type) {
  return type == ColumnType::kDate || type == ColumnType::kTime || type == ColumnType::kUuid;
}

bool IsMetadata(std::string_view name) {
  return name == kSeqColumn || name == kSubjectColumn || name == kTimeColumn;
}

// What no target takes as a name is replaced; a cut keeps whole UTF-8 characters.
std::string CleanName(std::string_view field, size_t limit) {
  std::string name(field.empty() ? "_" : field);
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      c = '_';
    }
  }
  if (limit > 0 && name.size() > limit) {
    size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) {
      --end;
    }
    name.resize(end);
  }
  return name;
}

}  // namespace

ColumnType InferType(uint32_t kinds, bool large_integers) {
  if ((kinds & Bit(CellKind::kBinary)) != 0) {
    return ColumnType::kBinary;
  }
  if ((kinds & Bit(CellKind::kText)) != 0) {
    return ColumnType::kText;
  }
  if ((kinds & Bit(CellKind::kJson)) != 0) {
    return ColumnType::kJson;
  }
  if ((kinds & Bit(CellKind::kDecimal)) != 0) {
    return ColumnType::kDecimal;
  }
  if ((kinds & Bit(CellKind::kDouble)) != 0) {
    return large_integers ? ColumnType::kDecimal : ColumnType::kDouble;
  }
  return (kinds & Bit(CellKind::kInt64)) != 0 ? ColumnType::kInt64 : ColumnType::kBool;
}

TableSchema::TableSchema(Options options, const SinkTraits& traits, const FieldTable& fields)
    : options_(std::move(options)), traits_(traits), fields_(fields) {
  for (std::string_view name : {kSeqColumn, kSubjectColumn, kTimeColumn}) {
    taken_.emplace(name);
  }
}

void TableSchema::Adopt(const std::vector<ColumnSpec>& columns) {
  table_exists_ = true;
  for (const ColumnSpec& column : columns) {
    if (IsMetadata(column.name)) {
      continue;
    }
    const ColumnSpec* hint = HintFor(column.name, column.name);
    columns_.push_back(hint == nullptr ? column : ColumnSpec{column.name, hint->type});
    bool key = std::find(options_.primary_key.begin(), options_.primary_key.end(), column.name) !=
               options_.primary_key.end();
    fixed_.push_back(hint != nullptr || key ? 1 : 0);
    field_of_.push_back(kUnmapped);
    taken_.insert(traits_.case_insensitive ? ToLower(column.name) : column.name);
  }
}

// A column without a value in the first batch would come later, and somewhere else in the table.
void TableSchema::AddFixedColumns() {
  for (const ColumnSpec& column : options_.fixed_columns) {
    if (FindExact(column.name) == kUnmapped) {
      columns_.push_back(column);
      fixed_.push_back(1);
      field_of_.push_back(kUnmapped);
      taken_.insert(traits_.case_insensitive ? ToLower(column.name) : column.name);
    }
  }
}

const ColumnSpec* TableSchema::HintFor(std::string_view field, std::string_view column) const {
  for (const auto* list : {&options_.hints, &options_.fixed_columns}) {
    for (const ColumnSpec& hint : *list) {
      if (hint.name == field || hint.name == column) {
        return &hint;
      }
    }
  }
  return nullptr;
}

TableSchema::Census TableSchema::Count(const std::vector<Cell>& cells, const RowBatch& batch) {
  Census census;
  for (size_t row = 0; row < cells.size(); ++row) {
    const Cell& cell = cells[row];
    if (batch.excluded(row)) {
      continue;
    }
    census.kinds |= Bit(cell.kind);
    bool large = cell.kind == CellKind::kInt64 &&
                 (cell.integer > kExactInDouble || cell.integer < -kExactInDouble);
    census.large_integers = census.large_integers || large;
  }
  census.kinds &= ~Bit(CellKind::kNull);
  return census;
}

size_t TableSchema::FindExact(std::string_view name) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].name == name) {
      return i;
    }
  }
  return kUnmapped;
}

bool TableSchema::Collides(std::string_view name) const {
  return taken_.contains(traits_.case_insensitive ? ToLower(name) : std::string(name));
}

size_t TableSchema::PickColumn(std::string_view field, bool& is_new, std::string& name) const {
  std::string base = CleanName(field, traits_.max_identifier_bytes);
  for (size_t n = 1;; ++n) {
    std::string suffix = n == 1 ? std::string() : Cat("__", n);
    size_t room =
        traits_.max_identifier_bytes == 0 ? 0 : traits_.max_identifier_bytes - suffix.size();
    name = CleanName(base, room).append(suffix);
    size_t column = IsMetadata(name) ? kUnmapped : FindExact(name);
    if (column != kUnmapped && field_of_[column] == kUnmapped) {
      is_new = false;
      return column;
    }
    if (column == kUnmapped && !Collides(name)) {
      is_new = true;
      return columns_.size();
    }
  }
}

Status TableSchema::MapField(size_t field, const Census& census, RowBatch& batch,
                             SchemaPlan& plan) {
  const std::string& field_name = fields_.name(field);
  bool is_new = false;
  std::string name;
  size_t column = PickColumn(field_name, is_new, name);
  if (!is_new) {
    field_of_[column] = field;
    column_of_[field] = column;
    return OkStatus();
  }
  bool full = columns_.size() >= options_.max_columns;
  bool evolving =
      options_.create_table && !full && (options_.contract == Contract::kEvolve || !table_exists_);
  if (!evolving) {
    if (options_.contract == Contract::kDiscardValue) {
      column_of_[field] = kDiscarded;
      return OkStatus();
    }
    if (options_.contract == Contract::kFreeze) {
      return MakeStatus(StatusCode::kOutOfRange, Cat("the contract is freeze and the field ",
                                                     Quoted(field_name), " is new"));
    }
    for (size_t row = 0; row < batch.rows(); ++row) {
      if (batch.cells(field)[row].kind != CellKind::kNull) {
        batch.Exclude(row, BadRow::kContract,
                      full ? Cat("no room for the field ", Quoted(field_name), ": the table has ",
                                 options_.max_columns, " columns")
                           : Cat("the table has no column for the field ", Quoted(field_name)));
      }
    }
    return OkStatus();
  }
  const ColumnSpec* hint = HintFor(field_name, name);
  ColumnType type = hint != nullptr ? hint->type : InferType(census.kinds, census.large_integers);
  bool key = std::find(options_.primary_key.begin(), options_.primary_key.end(), name) !=
             options_.primary_key.end();
  taken_.insert(traits_.case_insensitive ? ToLower(name) : name);
  columns_.push_back(ColumnSpec{name, type});
  fixed_.push_back(hint != nullptr || key ? 1 : 0);
  field_of_.push_back(field);
  column_of_[field] = column;
  plan.add.push_back(columns_.back());
  return OkStatus();
}

bool TableSchema::Accepts(size_t column, const Census& census) const {
  ColumnType type = columns_[column].type;
  uint32_t taken = KindsOf(type);
  if (type == ColumnType::kInt64 && traits_.mixed_numbers) {
    taken |= Bit(CellKind::kDouble);
  }
  if (type == ColumnType::kDouble && census.large_integers) {
    return false;
  }
  return (census.kinds & ~taken) == 0;
}

Status TableSchema::Widen(size_t field, const Census& census, SchemaPlan& plan) {
  size_t column = column_of_[field];
  ColumnSpec& spec = columns_[column];
  bool widen = options_.contract == Contract::kEvolve && options_.create_table &&
               options_.type_drift == TypeDrift::kWiden && !IsFixed(column);
  if (widen) {
    ColumnType from = spec.type;
    // Integers that are stored already may be of any size.
    bool large = census.large_integers || from == ColumnType::kInt64;
    ColumnType to = InferType(census.kinds | StoredKinds(from), large);
    spec.type = to == ColumnType::kBinary ? ColumnType::kText : to;
    auto added = std::find_if(plan.add.begin(), plan.add.end(), [&](const ColumnSpec& added_spec) {
      return added_spec.name == spec.name;
    });
    if (added != plan.add.end()) {
      added->type = spec.type;
    } else if (spec.type != from) {
      plan.widen.push_back({spec, from});
    }
    return OkStatus();
  }
  if (options_.contract == Contract::kFreeze && !IsFixed(column)) {
    return MakeStatus(StatusCode::kOutOfRange,
                      Cat("the contract is freeze and a value of the field ",
                          Quoted(fields_.name(field)), " is not a ", ColumnTypeName(spec.type)));
  }
  // Convert() decides cell by cell: it converts what can be, and drops the value or the row.
  return OkStatus();
}

bool TableSchema::CellFits(ColumnType type, const Cell& cell) const {
  if (cell.kind == CellKind::kNull) {
    return true;
  }
  if (type == ColumnType::kInt64 && traits_.mixed_numbers && cell.kind == CellKind::kDouble) {
    return true;
  }
  return cell.kind == NativeKind(type) && !IsChecked(type);
}

void TableSchema::Convert(size_t field, RowBatch& batch) {
  size_t column = column_of_[field];
  const ColumnSpec& spec = columns_[column];
  std::vector<Cell>& cells = batch.cells(field);
  for (size_t row = 0; row < cells.size(); ++row) {
    if (CellFits(spec.type, cells[row])) {
      continue;
    }
    Cell converted = ConvertCell(cells[row], spec.type, batch);
    bool lost = converted.kind == CellKind::kNull;
    cells[row] = converted;
    if (lost && !(options_.contract == Contract::kDiscardValue && !IsFixed(column))) {
      batch.Exclude(row, BadRow::kContract,
                    Cat("the value of the field ", Quoted(fields_.name(field)), " is not a ",
                        ColumnTypeName(spec.type)));
    }
  }
}

// A row without its key cannot be merged.
void TableSchema::CheckKeys(RowBatch& batch) {
  for (const std::string& key : options_.primary_key) {
    size_t column = FindExact(key);
    size_t field = column == kUnmapped ? kUnmapped : field_of_[column];
    for (size_t row = 0; row < batch.rows(); ++row) {
      if (field == kUnmapped || field >= batch.field_count() ||
          batch.cells(field)[row].kind == CellKind::kNull) {
        batch.Exclude(row, BadRow::kContract, Cat("no value for the key ", Quoted(key)));
      }
    }
  }
}

StatusOr<SchemaPlan> TableSchema::Settle(RowBatch& batch) {
  SchemaPlan plan;
  column_of_.resize(fields_.size(), kUnmapped);
  size_t field_count = std::min(batch.field_count(), fields_.size());
  std::vector<size_t> used;
  for (size_t field = 0; field < field_count; ++field) {
    Census census = Count(batch.cells(field), batch);
    if (census.kinds == 0 || column_of_[field] == kDiscarded) {
      continue;
    }
    if (column_of_[field] == kUnmapped) {
      WEIR_RETURN_IF_ERROR(MapField(field, census, batch, plan));
      if (column_of_[field] >= kDiscarded) {
        continue;
      }
    }
    if (!Accepts(column_of_[field], census)) {
      WEIR_RETURN_IF_ERROR(Widen(field, census, plan));
    }
    Convert(field, batch);
    used.push_back(field);
  }
  CheckKeys(batch);
  if (!table_exists_) {
    // Batches of nothing but bad rows create no table; the first good row does, with every column
    // known by then.
    plan = SchemaPlan{};
    if (batch.good_rows() > 0) {
      plan.create = true;
      AddFixedColumns();
      plan.add = columns_;
      table_exists_ = true;
    }
  }
  std::vector<OutputColumn> output;
  output.reserve(columns_.size());
  for (size_t column = 0; column < columns_.size(); ++column) {
    size_t field = field_of_[column];
    if (field != kUnmapped && field < batch.field_count()) {
      output.push_back(OutputColumn{columns_[column], field});
    }
  }
  batch.SetOutput(std::move(output));
  return plan;
}

}  // namespace weir::ingest

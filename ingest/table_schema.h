#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/pipeline_config.h"
#include "ingest/row_batch.h"
#include "ingest/sink.h"
#include "protocol/base/status.h"
#include "protocol/base/strings.h"

namespace weir::ingest {

// The columns of an export's table: which field fills which, of what type (export.md 5.6).
//
// Types come from the hints, else from the existing table, else from the first batch in which the
// field has a value. A new field becomes a new column; a value that does not fit widens the column
// without loss (int → decimal or, where the target allows, int beside float; anything → text), or
// makes its row bad, as the contract and the drift rule say. Hinted columns and key columns are
// never changed: a value that cannot be converted makes its row bad.
//
// Names are kept as they are, byte for byte, except for what no target takes (empty names, control
// characters, too long). When two fields collide (`Foo` and `foo` where case does not count, or a
// field called `_js_seq`), the later one gets a suffix: `foo__2`. A column that exists under
// exactly that name is found again after a restart.
//
// One thread at a time. `fields` must outlive the schema.
class TableSchema {
 public:
  struct Options {
    std::vector<ColumnSpec> hints;
    std::vector<ColumnSpec> fixed_columns;  // of a layout that knows its columns beforehand
    std::vector<std::string> primary_key;
    Contract contract = Contract::kEvolve;
    TypeDrift type_drift = TypeDrift::kWiden;
    size_t max_columns = 500;
    bool create_table = true;
  };

  TableSchema(Options options, const SinkTraits& traits, const FieldTable& fields);

  // The table that exists already, with its metadata columns.
  void Adopt(const std::vector<ColumnSpec>& columns);

  // Finds columns for the fields of a padded batch, converts its cells to the columns' types,
  // excludes rows that do not fit and sets the batch's output. The plan is what the table needs
  // first; it is taken for done. Fails with kOutOfRange where the contract is freeze.
  StatusOr<SchemaPlan> Settle(RowBatch& batch);

  // Known columns without the metadata ones.
  const std::vector<ColumnSpec>& columns() const { return columns_; }

 private:
  static constexpr size_t kUnmapped = SIZE_MAX;
  static constexpr size_t kDiscarded = SIZE_MAX - 1;

  // What a column of the batch holds.
  struct Census {
    uint32_t kinds = 0;           // bits of CellKind, without kNull
    bool large_integers = false;  // beyond 2^53
  };
  static Census Count(const std::vector<Cell>& cells, const RowBatch& batch);

  Status MapField(size_t field, const Census& census, RowBatch& batch, SchemaPlan& plan);
  Status Widen(size_t field, const Census& census, SchemaPlan& plan);
  bool Accepts(size_t column, const Census& census) const;
  bool CellFits(ColumnType type, const Cell& cell) const;
  void Convert(size_t field, RowBatch& batch);
  void CheckKeys(RowBatch& batch);
  void AddFixedColumns();
  size_t PickColumn(std::string_view field, bool& is_new, std::string& name) const;
  size_t FindExact(std::string_view name) const;
  bool Collides(std::string_view name) const;
  bool IsFixed(size_t column) const { return fixed_[column] != 0; }
  const ColumnSpec* HintFor(std::string_view field, std::string_view column) const;

  const Options options_;
  const SinkTraits& traits_;
  const FieldTable& fields_;

  bool table_exists_ = false;
  std::vector<ColumnSpec> columns_;
  std::vector<uint8_t> fixed_;     // by column: hinted or part of the key
  std::vector<size_t> field_of_;   // by column; kUnmapped while no field fills it
  std::vector<size_t> column_of_;  // by field; kUnmapped, kDiscarded or a column
  StringSet taken_;                // names in the form in which they collide
};

// The narrowest type that holds all these kinds of values without loss.
ColumnType InferType(uint32_t kinds, bool large_integers);

// `text` as the target type's cell, kept by the batch; kNull kind when it cannot be.
Cell ConvertCell(const Cell& cell, ColumnType type, RowBatch& batch);

}  // namespace weir::ingest

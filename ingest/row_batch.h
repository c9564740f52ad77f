#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/column_type.h"
#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"
#include "protocol/base/strings.h"
#include "storage/stream_store.h"

namespace weir::ingest {

// What one field of one row holds.
enum class CellKind : uint8_t {
  kNull,
  kBool,
  kInt64,
  kDouble,
  kDecimal,    // a number that fits neither of the above, as its text
  kText,       // UTF-8
  kJson,       // a nested value, as its text
  kBinary,     // bytes
  kTimestamp,  // microseconds since 1970
};

struct Cell {
  union {
    int64_t integer = 0;  // kBool, kInt64, kTimestamp
    double real;
    const char* bytes;  // kept alive by the batch
  };
  uint32_t size = 0;
  CellKind kind = CellKind::kNull;

  std::string_view text() const { return {bytes, size}; }

  static Cell Integer(int64_t value, CellKind kind = CellKind::kInt64) {
    Cell cell;
    cell.integer = value;
    cell.kind = kind;
    return cell;
  }
  static Cell Real(double value) {
    Cell cell;
    cell.real = value;
    cell.kind = CellKind::kDouble;
    return cell;
  }
  static Cell Bytes(std::string_view bytes, CellKind kind) {
    Cell cell;
    cell.bytes = bytes.data();
    cell.size = static_cast<uint32_t>(bytes.size());
    cell.kind = kind;
    return cell;
  }
};

// Why a row did not get into the table (export.md 5.5).
enum class BadRow : uint8_t { kDecode, kContract, kUnrepresentable, kSink };
std::string_view BadRowName(BadRow kind);

// A message that becomes no row. The views are kept alive by the batch.
struct RejectedRow {
  storage::MessageView message;
  BadRow kind = BadRow::kDecode;
  std::string reason;
};

// The payload fields seen so far, by name, in the order of their first appearance. Shared by the
// decoder, the batches and the schema of one pipeline; only ever grows.
class FieldTable {
 public:
  static constexpr size_t kNone = SIZE_MAX;

  size_t Find(std::string_view name) const {
    auto at = by_name_.find(name);
    return at == by_name_.end() ? kNone : at->second;
  }
  size_t Add(std::string_view name) {
    names_.emplace_back(name);
    by_name_.emplace(names_.back(), names_.size() - 1);
    return names_.size() - 1;
  }
  const std::string& name(size_t field) const { return names_[field]; }
  size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_;
  StringMap<size_t> by_name_;
};

// A column of the target table and the field that fills it.
struct OutputColumn {
  ColumnSpec spec;
  size_t field = 0;
};

// A columnar buffer of decoded messages: the rows of one closed interval of the stream.
//
// Cells point into the messages' own bytes where possible; the batch pins those bytes and owns an
// arena for the rest. A row is built between BeginRow() and FinishRow() or RejectRow(). Rows that
// turn out to be bad later are excluded: they stay where they are, and sinks skip them.
//
// One thread at a time: the pipeline's reader fills it, then its writer reads it. Reused by Clear.
class RowBatch {
 public:
  RowBatch() = default;
  RowBatch(const RowBatch&) = delete;
  RowBatch& operator=(const RowBatch&) = delete;

  void Clear();

  // ---- building ----
  // Keeps the bytes of a message alive.
  void Pin(const SharedBytes& bytes);
  // A copy that lives as long as the batch's contents.
  std::string_view Keep(std::string_view bytes);
  // Room for `size` bytes, of which the first `used` are given back to Commit.
  char* Reserve(size_t size);
  void CommitReserved(size_t used);

  void BeginRow(const storage::MessageView& message) { rows_.push_back(message); }
  // False when the row has this field already: the last value wins.
  bool Set(size_t field, const Cell& cell);
  void FinishRow() {
    bytes_ += rows_.back().payload.size() + rows_.back().headers.size() +
              rows_.back().subject.size() + kRowOverhead;
  }
  // The open row becomes a rejected one.
  void RejectRow(BadRow kind, std::string reason);

  // ---- after the last row ----
  // Gives every column one cell per row.
  void Pad();
  // Takes a finished row out.
  void Exclude(size_t row, BadRow kind, std::string reason);
  std::vector<Cell>& cells(size_t field) { return columns_[field]; }
  // Which field fills which column; set by the schema.
  void SetOutput(std::vector<OutputColumn> columns) { output_ = std::move(columns); }

  // The interval of the stream that this batch stands for, whatever became of its messages.
  void SetInterval(StreamSeq first, StreamSeq last) {
    first_ = first;
    last_ = last;
  }

  // ---- reading ----
  StreamSeq first() const { return first_; }
  StreamSeq last() const { return last_; }
  size_t rows() const { return rows_.size(); }  // excluded ones included
  size_t good_rows() const { return rows_.size() - excluded_count_; }
  size_t bytes() const { return bytes_; }
  bool empty() const { return rows_.empty() && rejected_.empty(); }
  bool excluded(size_t row) const { return excluded_count_ > 0 && excluded_[row] != 0; }
  const storage::MessageView& message(size_t row) const { return rows_[row]; }
  size_t field_count() const { return columns_.size(); }
  const std::vector<Cell>& cells(size_t field) const { return columns_[field]; }
  const std::vector<OutputColumn>& output() const { return output_; }
  const std::vector<RejectedRow>& rejected() const { return rejected_; }

 private:
  static constexpr size_t kRowOverhead = 64;
  static constexpr size_t kChunkSize = 64 * 1024;

  struct Chunk {
    std::unique_ptr<char[]> data;
    size_t size = 0;
  };

  std::vector<storage::MessageView> rows_;
  std::vector<std::vector<Cell>> columns_;  // by field
  std::vector<OutputColumn> output_;
  std::vector<RejectedRow> rejected_;
  std::vector<uint8_t> excluded_;  // by row; empty while nothing is excluded
  size_t excluded_count_ = 0;
  size_t bytes_ = 0;
  StreamSeq first_ = 0;
  StreamSeq last_ = 0;

  std::vector<SharedBytes> pins_;
  std::vector<Chunk> chunks_;
  size_t chunk_ = 0;  // the open chunk
  size_t used_ = 0;   // of the open chunk
};

}  // namespace weir::ingest

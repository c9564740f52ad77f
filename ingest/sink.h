#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/column_type.h"
#include "ingest/pipeline_config.h"
#include "ingest/row_batch.h"
#include "protocol/base/executor.h"
#include "protocol/base/ids.h"
#include "protocol/base/status.h"

namespace weir::ingest {

// What a target can hold; the schema decides by it.
struct SinkTraits {
  std::string_view name;            // "sqlite"
  bool case_insensitive = false;    // column names that differ only by case collide
  bool mixed_numbers = false;       // an integer column takes a fraction as it is
  size_t max_identifier_bytes = 0;  // 0: no limit
  std::string_view guarantee;       // what `status` prints: "exactly-once: …"
};

// How far an export is, as the target remembers it.
struct SinkPosition {
  std::string stream_identity;  // Source::identity() of the stream that was read
  StreamSeq last_seq = 0;       // everything up to here is in the target
};

// Messages that were gone before they could be exported.
struct Gap {
  StreamSeq from = 0;
  StreamSeq to = 0;
  std::string reason;
};

// Changes of the target table that a batch needs before its rows fit.
struct SchemaPlan {
  struct Widening {
    ColumnSpec to;
    ColumnType from = ColumnType::kText;
  };
  bool create = false;  // a table with the metadata columns and `add`
  std::vector<ColumnSpec> add;
  std::vector<Widening> widen;
  bool empty() const { return !create && add.empty() && widen.empty(); }
};

// One batch on its way out. Referenced things live until Write() returns.
struct BatchWrite {
  const RowBatch& rows;
  const SchemaPlan& plan;
  StreamSeq previous = 0;               // the position must be this one …
  StreamSeq last = 0;                   // … and becomes this one
  const std::vector<Gap>& gaps;         // found in front of or inside this batch
  uint64_t bad_rows_left = UINT64_MAX;  // more rejections by the target than this fail the batch
};

struct WriteResult {
  uint64_t rows = 0;          // stored; for merge: applied or outdated by a newer row
  uint64_t bad_rows = 0;      // refused by the target itself, treated by the bad-row policy
  std::string first_bad_row;  // why, with the sequence
};

// A target of an export, used by one thread at a time.
//
// The idempotence contract: a batch is written, its position moves from `previous` to `last`, and
// both happen or neither. When Write() fails nobody knows which: the pipeline calls Open() again
// and goes on from the position it returns. Open() raises the export's epoch in the target, which
// fences every other writer of the same export: its next Write() fails with kAborted.
//
// Status codes say what to do: kUnavailable is an outage (wait and retry), kAborted means fenced,
// kResourceExhausted too many bad rows, kPermissionDenied a target that cannot be opened or
// written as it is, anything else a mistake that retrying cannot repair.
class Sink {
 public:
  virtual ~Sink() = default;

  virtual const SinkTraits& traits() const = 0;

  // Connects (again), prepares the bookkeeping and takes the export over. nullopt: the target has
  // never heard of this export; its position then is written as `initial`.
  virtual StatusOr<std::optional<SinkPosition>> Open(const SinkPosition& initial) = 0;

  // The columns of the target table, metadata columns included; nullopt when it does not exist.
  virtual StatusOr<std::optional<std::vector<ColumnSpec>>> DescribeTable() = 0;

  virtual StatusOr<WriteResult> Write(const BatchWrite& batch) = 0;

  // The stream was created anew and the export begins again: puts the present table aside under
  // another name, so that rows of two streams never mix, and sets the position to `initial`.
  // Returns the other name, empty when there was no table.
  virtual StatusOr<std::string> StartOver(const SinkPosition& initial) = 0;

  virtual void Close() = 0;

  // Makes a blocked call return soon. Thread-safe.
  virtual void Interrupt() {}
};

// Names of the metadata columns (export.md 5.6).
inline constexpr std::string_view kSeqColumn = "_js_seq";
inline constexpr std::string_view kSubjectColumn = "_js_subject";
inline constexpr std::string_view kTimeColumn = "_js_time";

// Opens nothing yet: picks the implementation by the address's scheme. An unknown scheme is an
// error that lists what this binary has.
StatusOr<std::unique_ptr<Sink>> MakeSink(const ExportSpec& spec, Clock& clock);
// Only that check.
Status CheckSinkKind(std::string_view address);

struct SinkKind {
  std::string_view scheme;
  std::string_view description;
};
const std::vector<SinkKind>& AvailableSinks();

}  // namespace weir::ingest

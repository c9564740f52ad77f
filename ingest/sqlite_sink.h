#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/sink.h"
#include "ingest/sqlite_db.h"

namespace weir::ingest {

// Writes into a table of a SQLite file: WAL, synchronous=FULL, one transaction per batch with the
// position row beside the data, hence exactly-once also when a COMMIT was cut short.
//
// Beside the target table there are `_js_export_state` (one row per export), `_js_export_gaps`, and
// `<table>__rejected` for bad rows under the policy dlq, created when first needed. A schema
// "main." is dropped; another one becomes a prefix: "raw.orders" is the table "raw_orders".
//
// Append: `_js_seq` is the primary key. Merge: the given key is, and a row is replaced only by one
// with a higher sequence.
class SqliteSink : public Sink {
 public:
  // Called between the steps of a batch, for tests; an error stops there as a crash would.
  using Failpoint = std::function<Status(std::string_view step)>;

  SqliteSink(std::string path, const ExportSpec& spec, Clock& clock);
  ~SqliteSink() override;

  void set_failpoint(Failpoint failpoint) { failpoint_ = std::move(failpoint); }

  const SinkTraits& traits() const override;
  StatusOr<std::optional<SinkPosition>> Open(const SinkPosition& initial) override;
  StatusOr<std::optional<std::vector<ColumnSpec>>> DescribeTable() override;
  StatusOr<WriteResult> Write(const BatchWrite& batch) override;
  StatusOr<std::string> StartOver(const SinkPosition& initial) override;
  void Close() override;
  void Interrupt() override { db_.Interrupt(); }

  static std::string TableName(std::string_view table);

 private:
  Status Prepare();
  StatusOr<std::optional<SinkPosition>> TakeOver(const SinkPosition& initial);
  Status WriteInTransaction(const BatchWrite& batch, WriteResult& result);
  Status ApplyPlan(const SchemaPlan& plan);
  Status CreateTable(const std::vector<ColumnSpec>& columns);
  Status AddMissingMetadata();
  Status WidenColumn(const SchemaPlan::Widening& widening);
  Status PrepareInsert(const std::vector<OutputColumn>& output);
  Status InsertRows(const BatchWrite& batch, WriteResult& result);
  Status RowFailed(int code, const storage::MessageView& message, const BatchWrite& batch,
                   WriteResult& result);
  Status InsertRejected(const storage::MessageView& message, std::string_view error_class,
                        std::string_view reason);
  Status InsertGaps(const std::vector<Gap>& gaps);
  Status MovePosition(const BatchWrite& batch);
  Status At(std::string_view step) { return failpoint_ ? failpoint_(step) : OkStatus(); }
  std::string Now() const;
  void DropStatements();

  const std::string path_;
  const ExportSpec spec_;
  Clock& clock_;
  const std::string table_;
  Failpoint failpoint_;

  SqliteDb db_;
  int64_t epoch_ = 0;
  bool rejected_table_ready_ = false;
  // Columns of the target that exist, once known; the metadata ones may be missing in a table that
  // somebody else made.
  bool has_seq_ = false;
  bool has_subject_ = false;
  bool has_time_ = false;

  SqliteStatement insert_;
  std::vector<std::string> insert_columns_;  // what insert_ was prepared for
  SqliteStatement insert_rejected_;
  SqliteStatement move_position_;
};

}  // namespace weir::ingest

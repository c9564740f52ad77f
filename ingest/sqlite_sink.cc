#include "ingest/sqlite_sink.h"

#include <charconv>

#include <sqlite3.h>

#include "ingest/time_text.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

constexpr SinkTraits kTraits{
    .name = "sqlite",
    .case_insensitive = true,
    .mixed_numbers = true,
    .max_identifier_bytes = 0,
    .guarantee = "exactly-once: position and rows commit in one transaction",
};

constexpr int kLane = 0;

// The declared type decides SQLite's affinity: exact numbers and JSON must not become floats, so
// they are TEXT. "JSON TEXT" is TEXT to SQLite and tells us apart that values are JSON.
std::string_view DeclaredType(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
    case ColumnType::kInt64:
      return "INTEGER";
    case ColumnType::kDouble:
      return "REAL";
    case ColumnType::kBinary:
      return "BLOB";
    case ColumnType::kJson:
      return "JSON TEXT";
    default:
      return "TEXT";
  }
}

// SQLite's own rule (affinity by substring), in its order.
ColumnType TypeOfDeclaration(std::string_view declared) {
  std::string lower = ToLower(declared);
  auto has = [&](std::string_view word) {
    return lower.find(word) != std::string::npos;
  };
  if (has("int")) {
    return ColumnType::kInt64;
  }
  if (has("json") && has("text")) {
    return ColumnType::kJson;
  }
  if (has("char") || has("clob") || has("text") || lower.empty()) {
    return ColumnType::kText;
  }
  if (has("blob")) {
    return ColumnType::kBinary;
  }
  if (has("real") || has("floa") || has("doub")) {
    return ColumnType::kDouble;
  }
  if (has("bool")) {
    return ColumnType::kInt64;
  }
  return has("date") || has("time") ? ColumnType::kText : ColumnType::kDecimal;
}

// weir_text(value): the text of a stored number that reads back as the same number; SQLite's own
// CAST keeps 15 digits only.
void ExactText(sqlite3_context* context, int, sqlite3_value** values) {
  if (sqlite3_value_type(values[0]) != SQLITE_FLOAT) {
    sqlite3_result_value(context, values[0]);
    return;
  }
  char buffer[40];
  char* end = std::to_chars(buffer, buffer + sizeof buffer, sqlite3_value_double(values[0])).ptr;
  sqlite3_result_text(context, buffer, static_cast<int>(end - buffer), SQLITE_TRANSIENT);
}

void BindCell(sqlite3_stmt* statement, int parameter, const Cell& cell, TimeText& time) {
  switch (cell.kind) {
    case CellKind::kNull:
      sqlite3_bind_null(statement, parameter);
      return;
    case CellKind::kBool:
    case CellKind::kInt64:
      sqlite3_bind_int64(statement, parameter, cell.integer);
      return;
    case CellKind::kDouble:
      sqlite3_bind_double(statement, parameter, cell.real);
      return;
    case CellKind::kText:
    case CellKind::kJson:
    case CellKind::kDecimal:
      sqlite3_bind_text(statement, parameter, cell.bytes, static_cast<int>(cell.size),
                        SQLITE_STATIC);
      return;
    case CellKind::kBinary:
      sqlite3_bind_blob(statement, parameter, cell.size == 0 ? "" : cell.bytes,
                        static_cast<int>(cell.size), SQLITE_STATIC);
      return;
    case CellKind::kTimestamp: {
      // The text's buffer is shared by the row's other times: SQLite copies it.
      std::string_view text = time.FromMicroseconds(cell.integer);
      sqlite3_bind_text(statement, parameter, text.data(), static_cast<int>(text.size()),
                        SQLITE_TRANSIENT);
      return;
    }
  }
}

}  // namespace

SqliteSink::SqliteSink(std::string path, const ExportSpec& spec, Clock& clock)
    : path_(std::move(path)), spec_(spec), clock_(clock), table_(TableName(spec.table)) {}

SqliteSink::~SqliteSink() {
  Close();
}

std::string SqliteSink::TableName(std::string_view table) {
  size_t dot = table.find('.');
  if (dot == std::string_view::npos) {
    return std::string(table);
  }
  std::string_view schema = table.substr(0, dot);
  std::string_view name = table.substr(dot + 1);
  return EqualsIgnoreCase(schema, "main") ? std::string(name) : Cat(schema, "_", name);
}

const SinkTraits& SqliteSink::traits() const {
  return kTraits;
}

std::string SqliteSink::Now() const {
  TimeText time;
  return std::string(time.FromNanoseconds(clock_.wall_ns()));
}

void SqliteSink::DropStatements() {
  insert_ = SqliteStatement();
  insert_columns_.clear();
  insert_rejected_ = SqliteStatement();
  move_position_ = SqliteStatement();
}

void SqliteSink::Close() {
  DropStatements();
  db_.Close();
}

Status SqliteSink::Prepare() {
  WEIR_RETURN_IF_ERROR(db_.Open(path_));
  WEIR_RETURN_IF_ERROR(db_.Run("PRAGMA journal_mode=WAL"));
  WEIR_RETURN_IF_ERROR(db_.Run("PRAGMA synchronous=FULL"));
  // Checkpoints write every changed page once more: fewer, larger ones for bulk loads.
  WEIR_RETURN_IF_ERROR(db_.Run("PRAGMA wal_autocheckpoint=8192"));
  sqlite3_create_function(db_.get(), "weir_text", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
                          ExactText, nullptr, nullptr);
  return OkStatus();
}

StatusOr<std::optional<SinkPosition>> SqliteSink::Open(const SinkPosition& initial) {
  Close();
  rejected_table_ready_ = false;
  has_seq_ = has_subject_ = has_time_ = false;
  WEIR_RETURN_IF_ERROR(Prepare());
  WEIR_RETURN_IF_ERROR(db_.Run("BEGIN IMMEDIATE"));
  auto position = TakeOver(initial);
  Status committed = position.ok() ? db_.Run("COMMIT") : position.status();
  if (!committed.ok()) {
    Close();
    return committed;
  }
  return position;
}

StatusOr<std::optional<SinkPosition>> SqliteSink::TakeOver(const SinkPosition& initial) {
  WEIR_RETURN_IF_ERROR(
      db_.Run("CREATE TABLE IF NOT EXISTS _js_export_state(export TEXT NOT NULL, lane INTEGER NOT "
              "NULL, stream TEXT NOT NULL, stream_identity TEXT NOT NULL, target TEXT NOT NULL, "
              "epoch INTEGER NOT NULL, last_seq INTEGER NOT NULL, updated TEXT NOT NULL, "
              "PRIMARY KEY(export, lane))"));
  WEIR_RETURN_IF_ERROR(
      db_.Run("CREATE TABLE IF NOT EXISTS _js_export_gaps(export TEXT NOT NULL, from_seq INTEGER "
              "NOT NULL, to_seq INTEGER NOT NULL, reason TEXT NOT NULL, noticed TEXT NOT NULL)"));
  WEIR_ASSIGN_OR_RETURN(SqliteStatement read,
                        db_.Prepare("SELECT stream_identity, last_seq, epoch, target FROM "
                                    "_js_export_state WHERE export=? AND lane=?"));
  read.Bind(1, spec_.name).Bind(2, int64_t{kLane});
  int code = SQLITE_OK;
  if (!read.Next(code)) {
    if (code != SQLITE_DONE) {
      return db_.Error(code, "reading the position");
    }
    WEIR_ASSIGN_OR_RETURN(
        SqliteStatement insert,
        db_.Prepare("INSERT INTO _js_export_state(export, lane, stream, stream_identity, target, "
                    "epoch, last_seq, updated) VALUES(?,?,?,?,?,1,?,?)"));
    std::string now = Now();
    insert.Bind(1, spec_.name).Bind(2, int64_t{kLane}).Bind(3, spec_.stream);
    insert.Bind(4, initial.stream_identity).Bind(5, table_);
    insert.Bind(6, static_cast<int64_t>(initial.last_seq)).Bind(7, now);
    code = insert.Run();
    epoch_ = 1;
    if (code != SQLITE_DONE) {
      return db_.Error(code, "writing the first position");
    }
    return std::optional<SinkPosition>();
  }
  SinkPosition position{read.Text(0), static_cast<StreamSeq>(read.Integer(1))};
  epoch_ = read.Integer(2) + 1;
  std::string target = read.Text(3);
  read.Reset();
  if (target != table_) {
    return FailedPrecondition(Cat("the export ", spec_.name, " has written up to sequence ",
                                  position.last_seq, " into the table ", target, " of ", path_,
                                  ", and its position belongs to that table: give the export "
                                  "into ",
                                  table_, " another name"));
  }
  WEIR_ASSIGN_OR_RETURN(
      SqliteStatement raise,
      db_.Prepare("UPDATE _js_export_state SET epoch=?, stream=? WHERE export=? AND lane=?"));
  raise.Bind(1, epoch_).Bind(2, spec_.stream).Bind(3, spec_.name).Bind(4, int64_t{kLane});
  code = raise.Run();
  if (code != SQLITE_DONE) {
    return db_.Error(code, "taking the export over");
  }
  return std::optional<SinkPosition>(std::move(position));
}

StatusOr<std::optional<std::vector<ColumnSpec>>> SqliteSink::DescribeTable() {
  WEIR_ASSIGN_OR_RETURN(SqliteStatement info,
                        db_.Prepare("SELECT name, type FROM pragma_table_info(?)"));
  info.Bind(1, table_);
  std::vector<ColumnSpec> columns;
  int code = SQLITE_OK;
  has_seq_ = has_subject_ = has_time_ = false;
  while (info.Next(code)) {
    columns.push_back(ColumnSpec{info.Text(0), TypeOfDeclaration(info.Text(1))});
    has_seq_ = has_seq_ || columns.back().name == kSeqColumn;
    has_subject_ = has_subject_ || columns.back().name == kSubjectColumn;
    has_time_ = has_time_ || columns.back().name == kTimeColumn;
  }
  if (code != SQLITE_DONE) {
    return db_.Error(code, Cat("reading the columns of ", table_));
  }
  if (columns.empty()) {
    return std::optional<std::vector<ColumnSpec>>();
  }
  return std::optional(std::move(columns));
}

StatusOr<WriteResult> SqliteSink::Write(const BatchWrite& batch) {
  WriteResult result;
  WEIR_RETURN_IF_ERROR(At("begin"));
  WEIR_RETURN_IF_ERROR(db_.Run("BEGIN IMMEDIATE"));
  Status status = WriteInTransaction(batch, result);
  if (status.ok()) {
    status = db_.Run("COMMIT");
  }
  if (!status.ok()) {
    // Closing rolls back; the pipeline opens again and reads what is true.
    Close();
    return status;
  }
  WEIR_RETURN_IF_ERROR(At("committed"));
  return result;
}

Status SqliteSink::WriteInTransaction(const BatchWrite& batch, WriteResult& result) {
  WEIR_RETURN_IF_ERROR(MovePosition(batch));
  WEIR_RETURN_IF_ERROR(At("position"));
  if (batch.rows.good_rows() > 0 || !batch.plan.empty()) {
    WEIR_RETURN_IF_ERROR(ApplyPlan(batch.plan));
    WEIR_RETURN_IF_ERROR(At("schema"));
    WEIR_RETURN_IF_ERROR(InsertRows(batch, result));
  }
  WEIR_RETURN_IF_ERROR(At("rows"));
  if (spec_.on_bad_row == BadRowPolicy::kDlq) {
    for (const RejectedRow& row : batch.rows.rejected()) {
      WEIR_RETURN_IF_ERROR(InsertRejected(row.message, BadRowName(row.kind), row.reason));
    }
  }
  WEIR_RETURN_IF_ERROR(InsertGaps(batch.gaps));
  return At("commit");
}

// First in the transaction: a fenced writer must fail before it changes a table under the new one.
Status SqliteSink::MovePosition(const BatchWrite& batch) {
  if (!move_position_) {
    WEIR_ASSIGN_OR_RETURN(
        move_position_,
        db_.Prepare("UPDATE _js_export_state SET last_seq=?, updated=? WHERE export=? AND lane=? "
                    "AND epoch=? AND last_seq=?"));
  }
  std::string now = Now();
  move_position_.Bind(1, static_cast<int64_t>(batch.last)).Bind(2, now).Bind(3, spec_.name);
  move_position_.Bind(4, int64_t{kLane}).Bind(5, epoch_);
  move_position_.Bind(6, static_cast<int64_t>(batch.previous));
  int code = move_position_.Run();
  if (code != SQLITE_DONE) {
    return db_.Error(code, "moving the position");
  }
  if (db_.changes() != 1) {
    return MakeStatus(StatusCode::kAborted, Cat("another process has taken over the export ",
                                                spec_.name, " in ", path_, "; this one stops"));
  }
  return OkStatus();
}

Status SqliteSink::ApplyPlan(const SchemaPlan& plan) {
  if (!plan.empty()) {
    insert_ = SqliteStatement();
    insert_columns_.clear();
  }
  if (plan.create) {
    return CreateTable(plan.add);
  }
  WEIR_RETURN_IF_ERROR(AddMissingMetadata());
  std::string table = QuoteIdentifier(table_);
  for (const ColumnSpec& column : plan.add) {
    WEIR_RETURN_IF_ERROR(
        db_.Run(Cat("ALTER TABLE ", table, " ADD COLUMN ", QuoteIdentifier(column.name), " ",
                    DeclaredType(column.type))));
  }
  for (const SchemaPlan::Widening& widening : plan.widen) {
    WEIR_RETURN_IF_ERROR(WidenColumn(widening));
  }
  return OkStatus();
}

Status SqliteSink::CreateTable(const std::vector<ColumnSpec>& columns) {
  bool merge = spec_.strategy == Strategy::kMerge;
  std::string sql = Cat("CREATE TABLE ", QuoteIdentifier(table_), "(", kSeqColumn,
                        merge ? " INTEGER NOT NULL" : " INTEGER PRIMARY KEY", ", ", kSubjectColumn,
                        " TEXT, ", kTimeColumn, " TEXT");
  for (const ColumnSpec& column : columns) {
    CatTo(sql, ", ", QuoteIdentifier(column.name), " ", DeclaredType(column.type));
  }
  if (merge) {
    sql.append(", PRIMARY KEY(");
    for (size_t i = 0; i < spec_.primary_key.size(); ++i) {
      CatTo(sql, i == 0 ? "" : ", ", QuoteIdentifier(spec_.primary_key[i]));
    }
    sql.append(")");
  }
  sql.append(")");
  has_seq_ = has_subject_ = has_time_ = true;
  return db_.Run(sql);
}

Status SqliteSink::AddMissingMetadata() {
  auto add = [&](bool& has, std::string_view column, std::string_view type) -> Status {
    if (has || !spec_.create_table) {
      return OkStatus();
    }
    has = true;
    return db_.Run(Cat("ALTER TABLE ", QuoteIdentifier(table_), " ADD COLUMN ", column, type));
  };
  WEIR_RETURN_IF_ERROR(add(has_seq_, kSeqColumn, " INTEGER"));
  WEIR_RETURN_IF_ERROR(add(has_subject_, kSubjectColumn, " TEXT"));
  return add(has_time_, kTimeColumn, " TEXT");
}

// SQLite cannot change a column's type in place; the values are copied once.
Status SqliteSink::WidenColumn(const SchemaPlan::Widening& widening) {
  std::string table = QuoteIdentifier(table_);
  std::string name = QuoteIdentifier(widening.to.name);
  std::string old = QuoteIdentifier(Cat(widening.to.name, "__narrow"));
  if (DeclaredType(widening.from) == DeclaredType(widening.to.type)) {
    return OkStatus();
  }
  WEIR_RETURN_IF_ERROR(db_.Run(Cat("ALTER TABLE ", table, " RENAME COLUMN ", name, " TO ", old)));
  WEIR_RETURN_IF_ERROR(db_.Run(
      Cat("ALTER TABLE ", table, " ADD COLUMN ", name, " ", DeclaredType(widening.to.type))));
  WEIR_RETURN_IF_ERROR(db_.Run(
      Cat("UPDATE ", table, " SET ", name, "=weir_text(", old, ") WHERE ", old, " IS NOT NULL")));
  return db_.Run(Cat("ALTER TABLE ", table, " DROP COLUMN ", old));
}

Status SqliteSink::PrepareInsert(const std::vector<OutputColumn>& output) {
  bool same = insert_ && insert_columns_.size() == output.size();
  for (size_t i = 0; same && i < output.size(); ++i) {
    same = insert_columns_[i] == output[i].spec.name;
  }
  if (same) {
    return OkStatus();
  }
  std::vector<std::string> names;
  for (auto [has, name] : {std::pair{has_seq_, kSeqColumn}, std::pair{has_subject_, kSubjectColumn},
                           std::pair{has_time_, kTimeColumn}}) {
    if (has) {
      names.emplace_back(name);
    }
  }
  insert_columns_.clear();
  for (const OutputColumn& column : output) {
    names.push_back(QuoteIdentifier(column.spec.name));
    insert_columns_.push_back(column.spec.name);
  }
  std::string marks;
  for (size_t i = 0; i < names.size(); ++i) {
    marks.append(i == 0 ? "?" : ",?");
  }
  std::string table = QuoteIdentifier(table_);
  std::string sql = Cat("INSERT INTO ", table, "(", Join(names, ","), ") VALUES(", marks, ")");
  if (spec_.strategy == Strategy::kMerge) {
    std::vector<std::string> keys;
    for (const std::string& key : spec_.primary_key) {
      keys.push_back(QuoteIdentifier(key));
    }
    CatTo(sql, " ON CONFLICT(", Join(keys, ","), ") DO UPDATE SET ");
    for (size_t i = 0; i < names.size(); ++i) {
      CatTo(sql, i == 0 ? "" : ",", names[i], "=excluded.", names[i]);
    }
    // A replayed or late message never replaces a newer one.
    CatTo(sql, " WHERE excluded._js_seq > ifnull(", table, "._js_seq, -1)");
  }
  WEIR_ASSIGN_OR_RETURN(insert_, db_.Prepare(sql));
  return OkStatus();
}

Status SqliteSink::InsertRows(const BatchWrite& batch, WriteResult& result) {
  const RowBatch& rows = batch.rows;
  WEIR_RETURN_IF_ERROR(PrepareInsert(rows.output()));
  sqlite3_stmt* insert = insert_.get();
  std::vector<const Cell*> columns;
  for (const OutputColumn& column : rows.output()) {
    columns.push_back(rows.cells(column.field).data());
  }
  TimeText message_time;
  TimeText cell_time;
  for (size_t row = 0; row < rows.rows(); ++row) {
    if (rows.excluded(row)) {
      continue;
    }
    const storage::MessageView& message = rows.message(row);
    int parameter = 0;
    if (has_seq_) {
      sqlite3_bind_int64(insert, ++parameter, static_cast<int64_t>(message.seq));
    }
    if (has_subject_) {
      sqlite3_bind_text(insert, ++parameter, message.subject.data(),
                        static_cast<int>(message.subject.size()), SQLITE_STATIC);
    }
    if (has_time_) {
      std::string_view time = message_time.FromNanoseconds(message.time_ns);
      sqlite3_bind_text(insert, ++parameter, time.data(), static_cast<int>(time.size()),
                        SQLITE_STATIC);
    }
    for (const Cell* column : columns) {
      BindCell(insert, ++parameter, column[row], cell_time);
    }
    int code = sqlite3_step(insert);
    sqlite3_reset(insert);
    if (code != SQLITE_DONE) [[unlikely]] {
      WEIR_RETURN_IF_ERROR(RowFailed(code, message, batch, result));
      continue;
    }
    ++result.rows;
  }
  return OkStatus();
}

// The table refuses a row (a constraint, a value that is too large): the statement is undone, the
// transaction goes on without the row.
Status SqliteSink::RowFailed(int code, const storage::MessageView& message, const BatchWrite& batch,
                             WriteResult& result) {
  int primary = code & 0xff;
  if (primary != SQLITE_CONSTRAINT && primary != SQLITE_TOOBIG && primary != SQLITE_MISMATCH) {
    return db_.Error(code, Cat("inserting into ", table_));
  }
  std::string reason = db_.message();
  if (spec_.strategy == Strategy::kAppend &&
      (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID) &&
      reason.find(kSeqColumn) != std::string::npos) {
    return FailedPrecondition(Cat("the table ", table_, " of ", path_,
                                  " already has a row with _js_seq ", message.seq,
                                  ", and it is not of this export: append into another table"));
  }
  ++result.bad_rows;
  if (result.first_bad_row.empty()) {
    result.first_bad_row = Cat("sequence ", message.seq, ": ", reason);
  }
  if (spec_.on_bad_row == BadRowPolicy::kFail || result.bad_rows > batch.bad_rows_left) {
    return ResourceExhausted(Cat("the table ", table_, " refuses a row: ", result.first_bad_row));
  }
  return spec_.on_bad_row == BadRowPolicy::kDlq
             ? InsertRejected(message, BadRowName(BadRow::kSink), reason)
             : OkStatus();
}

Status SqliteSink::InsertRejected(const storage::MessageView& message, std::string_view error_class,
                                  std::string_view reason) {
  std::string table = QuoteIdentifier(Cat(table_, "__rejected"));
  if (!rejected_table_ready_) {
    WEIR_RETURN_IF_ERROR(db_.Run(
        Cat("CREATE TABLE IF NOT EXISTS ", table,
            "(_js_seq INTEGER NOT NULL, _js_subject TEXT NOT NULL, _js_time TEXT NOT NULL, "
            "export TEXT NOT NULL, stream TEXT NOT NULL, error_class TEXT NOT NULL, reason TEXT "
            "NOT NULL, payload BLOB NOT NULL, headers BLOB, rejected_at TEXT NOT NULL)")));
    rejected_table_ready_ = true;
  }
  if (!insert_rejected_) {
    WEIR_ASSIGN_OR_RETURN(insert_rejected_,
                          db_.Prepare(Cat("INSERT INTO ", table, " VALUES(?,?,?,?,?,?,?,?,?,?)")));
  }
  TimeText time;
  std::string now = Now();
  insert_rejected_.Bind(1, static_cast<int64_t>(message.seq)).Bind(2, message.subject);
  insert_rejected_.Bind(3, time.FromNanoseconds(message.time_ns)).Bind(4, spec_.name);
  insert_rejected_.Bind(5, spec_.stream).Bind(6, error_class).Bind(7, reason);
  insert_rejected_.BindBlob(8, message.payload);
  if (message.headers.empty()) {
    insert_rejected_.BindNull(9);
  } else {
    insert_rejected_.BindBlob(9, message.headers);
  }
  insert_rejected_.Bind(10, now);
  int code = insert_rejected_.Run();
  return code == SQLITE_DONE ? OkStatus() : db_.Error(code, "keeping a rejected row");
}

Status SqliteSink::InsertGaps(const std::vector<Gap>& gaps) {
  for (const Gap& gap : gaps) {
    WEIR_ASSIGN_OR_RETURN(SqliteStatement insert,
                          db_.Prepare("INSERT INTO _js_export_gaps VALUES(?,?,?,?,?)"));
    std::string now = Now();
    insert.Bind(1, spec_.name).Bind(2, static_cast<int64_t>(gap.from));
    insert.Bind(3, static_cast<int64_t>(gap.to)).Bind(4, gap.reason).Bind(5, now);
    int code = insert.Run();
    if (code != SQLITE_DONE) {
      return db_.Error(code, "writing down a gap");
    }
  }
  return OkStatus();
}

StatusOr<std::string> SqliteSink::StartOver(const SinkPosition& initial) {
  WEIR_ASSIGN_OR_RETURN(auto columns, DescribeTable());
  DropStatements();
  std::string aside;
  WEIR_RETURN_IF_ERROR(db_.Run("BEGIN IMMEDIATE"));
  auto run = [&]() -> Status {
    if (columns) {
      aside = Cat(table_, "__until_", clock_.wall_ns() / 1'000'000'000);
      WEIR_RETURN_IF_ERROR(db_.Run(
          Cat("ALTER TABLE ", QuoteIdentifier(table_), " RENAME TO ", QuoteIdentifier(aside))));
    }
    WEIR_ASSIGN_OR_RETURN(
        SqliteStatement update,
        db_.Prepare("UPDATE _js_export_state SET stream_identity=?, last_seq=?, updated=? WHERE "
                    "export=? AND lane=? AND epoch=?"));
    std::string now = Now();
    update.Bind(1, initial.stream_identity).Bind(2, static_cast<int64_t>(initial.last_seq));
    update.Bind(3, now).Bind(4, spec_.name).Bind(5, int64_t{kLane}).Bind(6, epoch_);
    int code = update.Run();
    if (code != SQLITE_DONE) {
      return db_.Error(code, "starting over");
    }
    return db_.changes() == 1
               ? OkStatus()
               : MakeStatus(StatusCode::kAborted, "another process has taken over the export");
  };
  Status status = run();
  if (status.ok()) {
    status = db_.Run("COMMIT");
  }
  if (!status.ok()) {
    Close();
    return status;
  }
  return aside;
}

}  // namespace weir::ingest

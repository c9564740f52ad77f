#include "ingest/sqlite_db.h"

#include <filesystem>
#include <utility>

#include <sqlite3.h>

#include "protocol/base/strings.h"

namespace weir::ingest {

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)) {}

SqliteStatement& SqliteStatement::operator=(SqliteStatement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

SqliteStatement::~SqliteStatement() {
  sqlite3_finalize(statement_);
}

SqliteStatement& SqliteStatement::Bind(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_, parameter, value);
  return *this;
}

SqliteStatement& SqliteStatement::Bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL.
  sqlite3_bind_text(statement_, parameter, text.data() == nullptr ? "" : text.data(),
                    static_cast<int>(text.size()), SQLITE_STATIC);
  return *this;
}

SqliteStatement& SqliteStatement::BindBlob(int parameter, std::string_view bytes) {
  sqlite3_bind_blob(statement_, parameter, bytes.data() == nullptr ? "" : bytes.data(),
                    static_cast<int>(bytes.size()), SQLITE_STATIC);
  return *this;
}

SqliteStatement& SqliteStatement::BindNull(int parameter) {
  sqlite3_bind_null(statement_, parameter);
  return *this;
}

int SqliteStatement::Run() {
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) {
    code = sqlite3_step(statement_);
  }
  sqlite3_reset(statement_);
  return code;
}

bool SqliteStatement::Next(int& code) {
  code = sqlite3_step(statement_);
  return code == SQLITE_ROW;
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_);
}

int64_t SqliteStatement::Integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string SqliteStatement::Text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_, column);
  auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text), size);
}

bool SqliteStatement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Status SqliteDb::Open(const std::string& path) {
  Close();
  std::error_code error;
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty() && !std::filesystem::is_directory(parent, error)) {
    return MakeStatus(
        StatusCode::kPermissionDenied,
        Cat("sqlite: cannot open ", path, ": there is no directory ", parent.string()));
  }
  sqlite3* opened = nullptr;
  int code =
      sqlite3_open_v2(path.c_str(), &opened,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    std::string text = opened == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(opened);
    sqlite3_close(opened);
    return MakeStatus(StatusCode::kPermissionDenied, Cat("sqlite: cannot open ", path, ": ", text));
  }
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_timeout(opened, 2000);
  MutexLock lock(close_mu_);
  db_ = opened;
  return OkStatus();
}

void SqliteDb::Close() {
  MutexLock lock(close_mu_);
  sqlite3_close(std::exchange(db_, nullptr));
}

void SqliteDb::Interrupt() {
  MutexLock lock(close_mu_);
  if (db_ != nullptr) {
    sqlite3_interrupt(db_);
  }
}

Status SqliteDb::Run(const std::string& sql) {
  int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? OkStatus() : Error(code, sql.substr(0, sql.find('(')));
}

StatusOr<SqliteStatement> SqliteDb::Prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v3(db_, sql.c_str(), static_cast<int>(sql.size()) + 1,
                                SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) {
    return Error(code, sql.substr(0, sql.find('(')));
  }
  return SqliteStatement(statement);
}

Status SqliteDb::Error(int code, std::string_view what) const {
  std::string text = Cat("sqlite: ", what, ": ", message());
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
      return Unavailable(text);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return MakeStatus(StatusCode::kPermissionDenied, text);
    case SQLITE_INTERRUPT:
      return Cancelled(text);
    default:
      return FailedPrecondition(text);
  }
}

std::string SqliteDb::message() const {
  return db_ == nullptr ? "not open" : sqlite3_errmsg(db_);
}

int64_t SqliteDb::changes() const {
  return sqlite3_changes64(db_);
}

std::string QuoteIdentifier(std::string_view name) {
  std::string out = "\"";
  for (char c : name) {
    out.push_back(c);
    if (c == '"') {
      out.push_back('"');
    }
  }
  out.push_back('"');
  return out;
}

}  // namespace weir::ingest

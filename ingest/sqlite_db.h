#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/mutex.h"
#include "protocol/base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::ingest {

// A prepared statement. Moves; finalised with the object. Parameters and columns count as in
// SQLite: parameters from 1, columns from 0.
class SqliteStatement {
 public:
  SqliteStatement() = default;
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&& other) noexcept;
  ~SqliteStatement();

  sqlite3_stmt* get() const { return statement_; }
  explicit operator bool() const { return statement_ != nullptr; }

  SqliteStatement& Bind(int parameter, int64_t value);
  SqliteStatement& Bind(int parameter, std::string_view text);  // must live until Run() or Next()
  SqliteStatement& BindBlob(int parameter, std::string_view bytes);
  SqliteStatement& BindNull(int parameter);

  // Runs to the end and resets. SQLITE_DONE's code, or the error's (extended).
  int Run();
  // The next row: true, or false at the end (or on an error, see `code`).
  bool Next(int& code);
  void Reset();
  int64_t Integer(int column) const;
  std::string Text(int column) const;
  bool IsNull(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// One SQLite connection with errors as Status. One thread at a time, except Interrupt().
class SqliteDb {
 public:
  SqliteDb() = default;
  ~SqliteDb() { Close(); }
  SqliteDb(const SqliteDb&) = delete;
  SqliteDb& operator=(const SqliteDb&) = delete;

  // Creates the file when it is missing (not its directory).
  Status Open(const std::string& path);
  void Close();  // statements must be gone; an open transaction is rolled back
  bool is_open() const { return db_ != nullptr; }

  Status Run(const std::string& sql);
  StatusOr<SqliteStatement> Prepare(const std::string& sql);
  // What an error code of this connection means for an export (sink.h), with SQLite's text.
  Status Error(int code, std::string_view what) const;
  std::string message() const;
  int64_t changes() const;
  sqlite3* get() const { return db_; }

  // Thread-safe; a running call ends with an error.
  void Interrupt();

 private:
  sqlite3* db_ = nullptr;
  Mutex close_mu_;  // db_ does not go away under Interrupt()
};

// "name" with quotes doubled.
std::string QuoteIdentifier(std::string_view name);

}  // namespace weir::ingest

#include "ingest/sqlite_db.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sqlite_file.h"

namespace weir::ingest {
namespace {

using ::testing::HasSubstr;

class SqliteDbTest : public ::testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_.File("t.db");
};

TEST_F(SqliteDbTest, ValuesGoInAndComeOut) {
  SqliteDb db;
  ASSERT_TRUE(db.Open(path_).ok());
  ASSERT_TRUE(db.Run("CREATE TABLE t(a, b, c, d)").ok());
  auto insert = db.Prepare("INSERT INTO t VALUES(?,?,?,?)");
  ASSERT_TRUE(insert.ok());
  insert->Bind(1, INT64_MIN).Bind(2, std::string_view()).BindBlob(3, {}).BindNull(4);
  insert->Run();
  EXPECT_EQ(db.changes(), 1);

  auto read = db.Prepare("SELECT a, typeof(b), typeof(c), d FROM t");
  int code = 0;
  ASSERT_TRUE(read->Next(code));
  EXPECT_EQ(read->Integer(0), INT64_MIN);
  EXPECT_EQ(read->Text(1), "text");
  EXPECT_EQ(read->Text(2), "blob");
  EXPECT_TRUE(read->IsNull(3));
}

TEST_F(SqliteDbTest, ALockedDatabaseIsAnOutageAndAMistakeIsNot) {
  SqliteDb holder;
  ASSERT_TRUE(holder.Open(path_).ok());
  ASSERT_TRUE(holder.Run("CREATE TABLE t(a)").ok());
  EXPECT_EQ(holder.Run("INSERT INTO nowhere VALUES(1)").code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(holder.Prepare("SELEC 1").status())), HasSubstr("SELEC"));
  ASSERT_TRUE(holder.Run("BEGIN IMMEDIATE").ok());

  SqliteDb other;
  ASSERT_TRUE(other.Open(path_).ok());
  ASSERT_TRUE(other.Run("PRAGMA busy_timeout=0").ok());
  EXPECT_EQ(other.Run("BEGIN IMMEDIATE").code(), StatusCode::kUnavailable);
}

TEST_F(SqliteDbTest, ClosingRollsBack) {
  SqliteDb db;
  ASSERT_TRUE(db.Open(path_).ok());
  ASSERT_TRUE(db.Run("CREATE TABLE t(a)").ok());
  ASSERT_TRUE(db.Run("BEGIN").ok());
  ASSERT_TRUE(db.Run("INSERT INTO t VALUES(1)").ok());
  db.Close();

  EXPECT_TRUE(Query(path_, "SELECT * FROM t").empty());
}

TEST(QuoteIdentifierTest, QuotesAreDoubled) {
  EXPECT_EQ(QuoteIdentifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(QuoteIdentifier(""), "\"\"");
}

}  // namespace
}  // namespace weir::ingest

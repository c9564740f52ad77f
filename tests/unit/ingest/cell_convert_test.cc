#include <string>

#include <gtest/gtest.h>

#include "ingest/json_text.h"
#include "ingest/table_schema.h"

namespace weir::ingest {
namespace {

class ConvertCellTest : public ::testing::Test {
 protected:
  std::string To(ColumnType type, const Cell& cell) {
    Cell out = ConvertCell(cell, type, batch_);
    return out.kind == CellKind::kNull ? "no" : CellAsText(out);
  }
  static Cell Text(std::string_view text) { return Cell::Bytes(text, CellKind::kText); }

  RowBatch batch_;
};

TEST_F(ConvertCellTest, NumbersConvertOnlyWithoutLoss) {
  EXPECT_EQ(To(ColumnType::kInt64, Cell::Real(3)), "3");
  EXPECT_EQ(To(ColumnType::kInt64, Cell::Real(3.5)), "no");
  EXPECT_EQ(To(ColumnType::kInt64, Cell::Real(1e18)), "no");
  EXPECT_EQ(To(ColumnType::kInt64, Text("-17")), "-17");
  EXPECT_EQ(To(ColumnType::kInt64, Text("17 ")), "no");
  EXPECT_EQ(To(ColumnType::kDouble, Cell::Integer(int64_t{1} << 53)), "9007199254740992");
  EXPECT_EQ(To(ColumnType::kDouble, Cell::Integer((int64_t{1} << 53) + 1)), "no");
  EXPECT_EQ(To(ColumnType::kDouble, Text("1e3")), "1000");
  EXPECT_EQ(To(ColumnType::kDecimal, Cell::Real(0.1)), "0.1");
  EXPECT_EQ(To(ColumnType::kDecimal, Text("12.30")), "12.30");
  EXPECT_EQ(To(ColumnType::kDecimal, Text("twelve")), "no");
}

TEST_F(ConvertCellTest, BooleansTakeWhatMeansOne) {
  EXPECT_EQ(To(ColumnType::kBool, Cell::Integer(1)), "true");
  EXPECT_EQ(To(ColumnType::kBool, Text("false")), "false");
  EXPECT_EQ(To(ColumnType::kBool, Cell::Integer(2)), "no");
  EXPECT_EQ(To(ColumnType::kBool, Text("yes")), "no");
}

TEST_F(ConvertCellTest, EverythingHasATextAndAJsonForm) {
  EXPECT_EQ(To(ColumnType::kText, Cell::Integer(1, CellKind::kBool)), "true");
  EXPECT_EQ(To(ColumnType::kText, Cell::Real(0.1)), "0.1");
  EXPECT_EQ(To(ColumnType::kText, Cell::Bytes("[1]", CellKind::kJson)), "[1]");
  EXPECT_EQ(To(ColumnType::kJson, Text("a\"b")), R"("a\"b")");
  EXPECT_EQ(To(ColumnType::kJson, Cell::Integer(5)), "5");
}

TEST_F(ConvertCellTest, TimesInTheirUsualForms) {
  EXPECT_EQ(To(ColumnType::kTimestampTz, Text("1970-01-01T00:00:01Z")), "1000000");
  EXPECT_EQ(To(ColumnType::kTimestampTz, Text("1970-01-01 01:00:01.5+01:00")), "1500000");
  EXPECT_EQ(To(ColumnType::kTimestampTz, Text("1970-01-02")), "86400000000");
  EXPECT_EQ(To(ColumnType::kTimestampTz, Text("1969-12-31T23:59:59.9999999Z")), "-1");
  EXPECT_EQ(To(ColumnType::kTimestampTz, Cell::Integer(1)), "1000000");
  EXPECT_EQ(To(ColumnType::kTimestampTz, Cell::Integer(1'700'000'000'000)), "1700000000000000");
  EXPECT_EQ(To(ColumnType::kTimestampTz, Cell::Integer(1'700'000'000'000'000'123)),
            "1700000000000000");
  EXPECT_EQ(To(ColumnType::kTimestampTz, Text("soon")), "no");
  EXPECT_EQ(To(ColumnType::kTimestampTz, Text("2013-13-01T00:00:00Z")), "no");
  EXPECT_EQ(To(ColumnType::kDate, Text("2013-02-28")), "2013-02-28");
  EXPECT_EQ(To(ColumnType::kDate, Text("2013-02-28T00:00:00Z")), "no");
  EXPECT_EQ(To(ColumnType::kTime, Text("23:59:59.123456")), "23:59:59.123456");
  EXPECT_EQ(To(ColumnType::kTime, Text("24:00:00")), "no");
}

TEST_F(ConvertCellTest, UuidsAreChecked) {
  EXPECT_EQ(To(ColumnType::kUuid, Text("123E4567-e89b-12d3-a456-426614174000")),
            "123E4567-e89b-12d3-a456-426614174000");
  EXPECT_EQ(To(ColumnType::kUuid, Text("123e4567e89b-12d3-a456-4266141740000")), "no");
}

}  // namespace
}  // namespace weir::ingest

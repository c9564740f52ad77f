#include "ingest/column_type.h"

#include <gtest/gtest.h>

namespace weir::ingest {
namespace {

TEST(ColumnTypeTest, HintNamesWithTheirParameters) {
  EXPECT_EQ(ParseColumnType("bigint"), ColumnType::kInt64);
  EXPECT_EQ(ParseColumnType(" Decimal(10,2) "), ColumnType::kDecimal);
  EXPECT_EQ(ParseColumnType("varchar(30)"), ColumnType::kText);
  EXPECT_EQ(ParseColumnType("timestamp_ntz"), ColumnType::kTimestamp);
  EXPECT_EQ(ParseColumnType("varchar(30"), std::nullopt);
  EXPECT_EQ(ParseColumnType("nmber"), std::nullopt);
  EXPECT_EQ(ParseColumnType(""), std::nullopt);
}

TEST(ColumnTypeTest, EveryTypeReadsItsOwnName) {
  for (int i = 0; i <= static_cast<int>(ColumnType::kUuid); ++i) {
    auto type = static_cast<ColumnType>(i);
    EXPECT_EQ(ParseColumnType(ColumnTypeName(type)), type) << ColumnTypeName(type);
  }
}

}  // namespace
}  // namespace weir::ingest

#include "ingest/row_batch.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/fake_source.h"

namespace weir::ingest {
namespace {

TEST(RowBatchTest, MissingCellsAreNull) {
  RowBatch batch;
  batch.BeginRow(MakeMessage(1, "x").view);
  batch.Set(0, Cell::Integer(1));
  batch.FinishRow();
  batch.BeginRow(MakeMessage(2, "x").view);
  batch.Set(2, Cell::Integer(3));
  batch.FinishRow();
  batch.Pad();

  ASSERT_EQ(batch.field_count(), 3u);
  EXPECT_EQ(batch.cells(0)[1].kind, CellKind::kNull);
  EXPECT_EQ(batch.cells(1).size(), 2u);
  EXPECT_EQ(batch.cells(2)[0].kind, CellKind::kNull);
  EXPECT_EQ(batch.cells(2)[1].integer, 3);
}

TEST(RowBatchTest, ASecondValueOfAFieldReplacesTheFirst) {
  RowBatch batch;
  batch.BeginRow(MakeMessage(1, "x").view);

  EXPECT_TRUE(batch.Set(0, Cell::Integer(1)));
  EXPECT_FALSE(batch.Set(0, Cell::Integer(2)));
  EXPECT_EQ(batch.cells(0)[0].integer, 2);
}

TEST(RowBatchTest, ARejectedRowTakesItsCellsAlong) {
  RowBatch batch;
  batch.BeginRow(MakeMessage(1, "x").view);
  batch.Set(0, Cell::Integer(1));
  batch.RejectRow(BadRow::kDecode, "why");
  batch.BeginRow(MakeMessage(2, "x").view);
  batch.Set(0, Cell::Integer(2));
  batch.FinishRow();

  EXPECT_EQ(batch.rows(), 1u);
  EXPECT_EQ(batch.cells(0)[0].integer, 2);
  ASSERT_EQ(batch.rejected().size(), 1u);
  EXPECT_EQ(batch.rejected()[0].message.seq, 1u);
}

TEST(RowBatchTest, ARowIsExcludedOnce) {
  RowBatch batch;
  for (StreamSeq seq = 1; seq <= 3; ++seq) {
    batch.BeginRow(MakeMessage(seq, "x").view);
    batch.FinishRow();
  }
  batch.Exclude(1, BadRow::kContract, "first");
  batch.Exclude(1, BadRow::kContract, "second");

  EXPECT_EQ(batch.good_rows(), 2u);
  EXPECT_TRUE(batch.excluded(1));
  EXPECT_FALSE(batch.excluded(2));
  ASSERT_EQ(batch.rejected().size(), 1u);
  EXPECT_EQ(batch.rejected()[0].reason, "first");
}

TEST(RowBatchTest, KeptBytesStayWhereTheyAre) {
  RowBatch batch;
  std::vector<std::string_view> kept;
  for (int i = 0; i < 5000; ++i) {
    kept.push_back(batch.Keep(Cat("value ", i)));
  }
  std::string large(200'000, 'x');
  std::string_view large_kept = batch.Keep(large);

  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(kept[static_cast<size_t>(i)], Cat("value ", i));
  }
  EXPECT_EQ(large_kept, large);
}

TEST(RowBatchTest, MessagesLiveAsLongAsTheBatchHoldsThem) {
  RowBatch batch;
  {
    storage::StoredMessage message = MakeMessage(1, "payload");
    batch.Pin(message.keep);
    batch.BeginRow(message.view);
    batch.FinishRow();
  }
  EXPECT_EQ(batch.message(0).payload, "payload");

  batch.Clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.bytes(), 0u);
}

}  // namespace
}  // namespace weir::ingest

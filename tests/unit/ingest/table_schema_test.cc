#include "ingest/table_schema.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/decoder.h"
#include "ingest/json_text.h"
#include "tests/support/fake_source.h"

namespace weir::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TableSchemaTest : public ::testing::Test {
 protected:
  void Use(TableSchema::Options options) {
    schema_ = std::make_unique<TableSchema>(std::move(options), traits_, fields_);
  }
  // Decodes and settles one batch; what was planned as text.
  std::string Settle(const std::vector<std::string>& payloads) {
    if (schema_ == nullptr) {
      Use({});
    }
    batch_.Clear();
    for (const std::string& payload : payloads) {
      decoder_.Decode(MakeMessage(batch_.rows() + 1, payload), batch_);
    }
    batch_.Pad();
    auto plan = schema_->Settle(batch_);
    if (!plan.ok()) {
      return std::string(Message(plan.status()));
    }
    std::string out = plan->create ? "create" : "";
    for (const ColumnSpec& column : plan->add) {
      CatTo(out, out.empty() ? "" : " ", column.name, ":", ColumnTypeName(column.type));
    }
    for (const auto& widening : plan->widen) {
      CatTo(out, out.empty() ? "" : " ", "widen ", widening.to.name, ":",
            ColumnTypeName(widening.from), ">", ColumnTypeName(widening.to.type));
    }
    return out;
  }
  std::vector<std::string> Column(std::string_view name) {
    std::vector<std::string> out;
    for (const OutputColumn& column : batch_.output()) {
      if (column.spec.name != name) {
        continue;
      }
      for (size_t row = 0; row < batch_.rows(); ++row) {
        const Cell& cell = batch_.cells(column.field)[row];
        out.push_back(batch_.excluded(row)           ? "bad"
                      : cell.kind == CellKind::kNull ? "null"
                                                     : CellAsText(cell));
      }
    }
    return out;
  }

  SinkTraits traits_{.name = "test",
                     .case_insensitive = true,
                     .mixed_numbers = false,
                     .max_identifier_bytes = 0,
                     .guarantee = ""};
  FieldTable fields_;
  Decoder decoder_{Layout::kColumns, fields_, 500};
  RowBatch batch_;
  std::unique_ptr<TableSchema> schema_;
};

TEST_F(TableSchemaTest, TypesComeFromTheFirstBatch) {
  EXPECT_EQ(Settle({R"({"i":1,"d":1,"s":"x","b":true,"o":{},"big":1e400,"z":null})",
                    R"({"i":2,"d":2.5,"s":"y","b":false,"o":[]})"}),
            "create i:bigint d:double s:text b:boolean o:json big:decimal");
}

TEST_F(TableSchemaTest, AColumnAppearsWithItsFirstValue) {
  EXPECT_EQ(Settle({R"({"a":1,"b":null})"}), "create a:bigint");
  EXPECT_EQ(Settle({R"({"a":2,"b":null})"}), "");
  EXPECT_EQ(Settle({R"({"a":3,"b":"x"})"}), "b:text");
  EXPECT_THAT(Column("b"), ElementsAre("x"));
}

TEST_F(TableSchemaTest, BatchesOfBadRowsCreateNoTable) {
  EXPECT_EQ(Settle({"nonsense"}), "");
  EXPECT_EQ(Settle({R"({"a":1})"}), "create a:bigint");
}

TEST_F(TableSchemaTest, MixedNumbersOfOneBatchMakeADoubleUnlessAnIntegerIsTooLarge) {
  EXPECT_EQ(Settle({R"({"a":1,"b":1})", R"({"a":0.5,"b":9007199254740993})", R"({"b":0.5})"}),
            "create a:double b:decimal");
  EXPECT_THAT(Column("b"), ElementsAre("1", "9007199254740993", "0.5"));
}

TEST_F(TableSchemaTest, ALaterConflictWidensWithoutLoss) {
  EXPECT_EQ(Settle({R"({"a":1,"b":1.5,"c":1,"d":true,"e":"x","f":{}})"}),
            "create a:bigint b:double c:bigint d:boolean e:text f:json");

  EXPECT_EQ(Settle({R"({"a":0.5,"b":2,"c":"x","d":3,"e":{"k":1},"f":"s"})"}),
            "widen a:bigint>decimal widen c:bigint>text widen d:boolean>bigint");

  EXPECT_THAT(Column("a"), ElementsAre("0.5"));
  EXPECT_THAT(Column("c"), ElementsAre("x"));
  EXPECT_THAT(Column("d"), ElementsAre("3"));
  EXPECT_THAT(Column("e"), ElementsAre(R"({"k":1})"));
  EXPECT_THAT(Column("f"), ElementsAre(R"("s")"));
}

TEST_F(TableSchemaTest, ATargetWithMixedNumbersKeepsItsIntegerColumn) {
  traits_.mixed_numbers = true;
  Settle({R"({"a":1})"});

  EXPECT_EQ(Settle({R"({"a":0.5})"}), "");
  EXPECT_THAT(Column("a"), ElementsAre("0.5"));
}

TEST_F(TableSchemaTest, ADoubleColumnMeetsAnIntegerThatNeedsMoreDigits) {
  Settle({R"({"a":0.5})"});

  EXPECT_EQ(Settle({R"({"a":9007199254740993})"}), "widen a:double>decimal");
  EXPECT_THAT(Column("a"), ElementsAre("9007199254740993"));
}

TEST_F(TableSchemaTest, HintsDecideAndValuesThatDoNotFitMakeBadRows) {
  TableSchema::Options options;
  options.hints = {{"t", ColumnType::kTimestampTz},
                   {"n", ColumnType::kInt64},
                   {"d", ColumnType::kDate},
                   {"u", ColumnType::kUuid},
                   {"x", ColumnType::kDecimal}};
  Use(std::move(options));

  EXPECT_EQ(Settle({R"({"t":"2013-01-01T05:00:00.25Z","n":"12","d":"2013-01-31","x":0.1,
                  "u":"123e4567-e89b-12d3-a456-426614174000"})",
                    R"({"t":1357016400,"n":3.0})", R"({"t":"yesterday"})", R"({"n":"x1"})",
                    R"({"d":"2013-02-30"})", R"({"u":"123"})"}),
            "create t:timestamp n:bigint d:date x:decimal u:uuid");

  EXPECT_THAT(Column("t"),
              ElementsAre("1357016400250000", "1357016400000000", "bad", "bad", "bad", "bad"));
  EXPECT_THAT(Column("n"), ElementsAre("12", "3", "bad", "bad", "bad", "bad"));
  EXPECT_THAT(Column("x")[0], "0.1");
  EXPECT_EQ(batch_.rejected().size(), 4u);
  EXPECT_THAT(batch_.rejected()[0].reason, HasSubstr("\"t\" is not a timestamp"));
}

TEST_F(TableSchemaTest, NamesThatDifferByCaseOrClashWithMetadataGetASuffix) {
  EXPECT_EQ(Settle({R"({"Foo":1,"foo":2,"FOO":3,"_js_seq":4,"":5})"}),
            "create Foo:bigint foo__2:bigint FOO__3:bigint _js_seq__2:bigint _:bigint");
  EXPECT_THAT(Column("foo__2"), ElementsAre("2"));
}

TEST_F(TableSchemaTest, CollidingNamesFindTheirColumnsAgainInAnyOrder) {
  Use({});
  schema_->Adopt({{"_js_seq", ColumnType::kInt64},
                  {"Foo", ColumnType::kInt64},
                  {"foo__2", ColumnType::kInt64}});

  EXPECT_EQ(Settle({R"({"foo":2,"Foo":1})"}), "");
  EXPECT_THAT(Column("Foo"), ElementsAre("1"));
  EXPECT_THAT(Column("foo__2"), ElementsAre("2"));
}

TEST_F(TableSchemaTest, LongNamesAreCutBetweenCharactersAndStayApart) {
  traits_.max_identifier_bytes = 8;
  EXPECT_EQ(Settle({R"({"abcdefghij":1,"abcdefghik":2,"abcdefg\u00e9":3})"}),
            "create abcdefgh:bigint abcde__2:bigint abcdefg:bigint");
}

TEST_F(TableSchemaTest, AnExistingTableDecidesBeforeInference) {
  Use({});
  schema_->Adopt({{"_js_seq", ColumnType::kInt64}, {"a", ColumnType::kText}});

  EXPECT_EQ(Settle({R"({"a":5,"b":1})"}), "b:bigint");
  EXPECT_THAT(Column("a"), ElementsAre("5"));
}

TEST_F(TableSchemaTest, FreezeRefusesTheBatch) {
  TableSchema::Options options;
  options.contract = Contract::kFreeze;
  Use(std::move(options));
  Settle({R"({"a":1})"});

  EXPECT_THAT(Settle({R"({"a":1,"b":2})"}), HasSubstr("\"b\" is new"));
  EXPECT_THAT(Settle({R"({"a":"x"})"}), HasSubstr("\"a\" is not a bigint"));
}

TEST_F(TableSchemaTest, DiscardRowAndDiscardValueKeepTheTableAsItIs) {
  TableSchema::Options options;
  options.contract = Contract::kDiscardRow;
  Use(options);
  schema_->Adopt({{"a", ColumnType::kInt64}});
  EXPECT_EQ(Settle({R"({"a":1,"b":2})", R"({"a":2})", R"({"a":"x"})"}), "");
  EXPECT_THAT(Column("a"), ElementsAre("bad", "2", "bad"));

  fields_ = FieldTable();
  options.contract = Contract::kDiscardValue;
  Use(options);
  schema_->Adopt({{"a", ColumnType::kInt64}});
  FieldTable& fields = fields_;
  Decoder decoder(Layout::kColumns, fields, 500);
  batch_.Clear();
  decoder.Decode(MakeMessage(1, R"({"a":"x","b":2})"), batch_);
  batch_.Pad();
  ASSERT_TRUE(schema_->Settle(batch_).ok());
  EXPECT_THAT(Column("a"), ElementsAre("null"));
  EXPECT_THAT(batch_.rejected(), IsEmpty());
}

TEST_F(TableSchemaTest, TypeDriftDlqPutsTheRowAsideInsteadOfWidening) {
  TableSchema::Options options;
  options.type_drift = TypeDrift::kDlq;
  Use(std::move(options));
  Settle({R"({"a":1})"});

  EXPECT_EQ(Settle({R"({"a":"x"})", R"({"a":2})"}), "");
  EXPECT_THAT(Column("a"), ElementsAre("bad", "2"));
}

TEST_F(TableSchemaTest, RowsWithoutTheirKeyAreBad) {
  TableSchema::Options options;
  options.primary_key = {"id"};
  Use(std::move(options));

  EXPECT_EQ(Settle({R"({"id":1,"v":"x"})", R"({"v":"y"})", R"({"id":null})"}),
            "create id:bigint v:text");
  EXPECT_THAT(Column("id"), ElementsAre("1", "bad", "bad"));
  EXPECT_EQ(Settle({R"({"id":"one"})"}), "");
  EXPECT_THAT(Column("id"), ElementsAre("bad"));
}

TEST_F(TableSchemaTest, FieldsBeyondTheColumnLimitMakeTheirRowsBad) {
  TableSchema::Options options;
  options.max_columns = 1;
  Use(std::move(options));

  EXPECT_EQ(Settle({R"({"a":1})", R"({"a":2,"b":3})"}), "create a:bigint");
  EXPECT_THAT(Column("a"), ElementsAre("1", "bad"));
}

}  // namespace
}  // namespace weir::ingest

#include "ingest/sqlite_sink.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/decoder.h"
#include "ingest/table_schema.h"
#include "tests/support/fake_source.h"
#include "tests/support/sqlite_file.h"

namespace weir::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One writer of an export: sink, schema and decoder as a pipeline holds them.
class Writer {
 public:
  Writer(const std::string& path, const ExportSpec& spec, Clock& clock)
      : spec_(spec), sink_(path, spec, clock), decoder_(spec.layout, fields_, 500) {}

  StatusOr<std::optional<SinkPosition>> Open(StreamSeq start = 0) {
    WEIR_ASSIGN_OR_RETURN(auto found, sink_.Open({"1:1", start}));
    WEIR_ASSIGN_OR_RETURN(auto columns, sink_.DescribeTable());
    TableSchema::Options options;
    options.primary_key = spec_.primary_key;
    options.hints = spec_.type_hints;
    options.fixed_columns = Decoder::FixedColumns(spec_.layout);
    schema_ = std::make_unique<TableSchema>(options, sink_.traits(), fields_);
    if (columns) {
      schema_->Adopt(*columns);
    }
    position_ = found ? found->last_seq : start;
    return found;
  }

  // The payloads become the messages behind the position.
  StatusOr<WriteResult> Write(const std::vector<std::string>& payloads) {
    RowBatch batch;
    StreamSeq seq = position_;
    for (const std::string& payload : payloads) {
      decoder_.Decode(MakeMessage(++seq, payload, "orders.new", "", HandClock::kStart), batch);
    }
    batch.Pad();
    batch.SetInterval(position_ + 1, seq);
    WEIR_ASSIGN_OR_RETURN(SchemaPlan plan, schema_->Settle(batch));
    auto result = sink_.Write({batch, plan, position_, seq, gaps_});
    if (result.ok()) {
      position_ = seq;
    }
    return result;
  }

  SqliteSink& sink() { return sink_; }
  std::vector<Gap> gaps_;
  StreamSeq position_ = 0;

 private:
  const ExportSpec spec_;
  SqliteSink sink_;
  FieldTable fields_;
  Decoder decoder_;
  std::unique_ptr<TableSchema> schema_;
};

class SqliteSinkTest : public ::testing::Test {
 protected:
  SqliteSinkTest() {
    spec_.name = "orders";
    spec_.stream = "ORDERS";
    spec_.table = "orders";
  }
  Writer MakeWriter() { return Writer(path_, spec_, clock_); }
  std::vector<std::string> Rows(const std::string& sql) { return Query(path_, sql); }

  TempDir dir_;
  const std::string path_ = dir_.File("t.db");
  HandClock clock_;
  ExportSpec spec_;
};

TEST_F(SqliteSinkTest, TheTableIsCreatedFromTheDataWithMetadata) {
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());

  auto result = writer.Write({R"({"id":1,"price":2.5,"ok":true,"tags":["a"],"note":null})",
                              R"({"id":2,"price":3,"ok":false})"});

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows, 2u);
  EXPECT_THAT(Rows("SELECT * FROM orders ORDER BY _js_seq"),
              ElementsAre("1|orders.new|2023-11-14T22:13:20.000000Z|1|2.5|1|[\"a\"]",
                          "2|orders.new|2023-11-14T22:13:20.000000Z|2|3.0|0|NULL"));
  EXPECT_THAT(Rows("SELECT name, type, pk FROM pragma_table_info('orders')"),
              ElementsAre("_js_seq|INTEGER|1", "_js_subject|TEXT|0", "_js_time|TEXT|0",
                          "id|INTEGER|0", "price|REAL|0", "ok|INTEGER|0", "tags|JSON TEXT|0"));
  EXPECT_THAT(Rows("SELECT export, lane, stream, stream_identity, epoch, last_seq FROM "
                   "_js_export_state"),
              ElementsAre("orders|0|ORDERS|1:1|1|2"));
}

TEST_F(SqliteSinkTest, TheFirstPositionIsTheGivenOneAndAReopenedOneTheStored) {
  {
    Writer writer(path_, spec_, clock_);
    auto found = writer.Open(40);
    ASSERT_TRUE(found.ok());
    EXPECT_FALSE(found->has_value());
    ASSERT_TRUE(writer.Write({R"({"a":1})"}).ok());
  }
  Writer writer(path_, spec_, clock_);
  auto found = writer.Open(0);

  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->last_seq, 41u);
  EXPECT_EQ((*found)->stream_identity, "1:1");
}

TEST_F(SqliteSinkTest, AnOlderWriterIsFencedAndChangesNothing) {
  Writer old_writer(path_, spec_, clock_);
  ASSERT_TRUE(old_writer.Open().ok());
  ASSERT_TRUE(old_writer.Write({R"({"a":1})"}).ok());
  Writer new_writer(path_, spec_, clock_);
  ASSERT_TRUE(new_writer.Open().ok());

  auto fenced = old_writer.Write({R"({"a":2,"new_column":1})"});

  EXPECT_EQ(fenced.status().code(), StatusCode::kAborted);
  EXPECT_THAT(Rows("SELECT a FROM orders"), ElementsAre("1"));
  ASSERT_TRUE(new_writer.Write({R"({"a":3})"}).ok());
  EXPECT_THAT(Rows("SELECT a FROM orders"), ElementsAre("1", "3"));
}

TEST_F(SqliteSinkTest, ABatchFromAnotherPositionIsRefused) {
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());
  ASSERT_TRUE(writer.Write({R"({"a":1})", R"({"a":2})"}).ok());
  writer.position_ = 0;

  EXPECT_EQ(writer.Write({R"({"a":1})"}).status().code(), StatusCode::kAborted);
  EXPECT_THAT(Rows("SELECT count(*) FROM orders"), ElementsAre("2"));
}

TEST_F(SqliteSinkTest, ACrashBetweenAnyTwoStepsLeavesAllOrNothing) {
  for (std::string_view step : {"begin", "position", "schema", "rows", "commit", "committed"}) {
    SCOPED_TRACE(std::string(step));
    spec_.name = Cat("crash_", step);
    spec_.table = spec_.name;
    Writer writer(path_, spec_, clock_);
    ASSERT_TRUE(writer.Open().ok());
    ASSERT_TRUE(writer.Write({R"({"a":1})"}).ok());
    writer.sink().set_failpoint(
        [&](std::string_view at) { return at == step ? Unavailable("crashed") : OkStatus(); });

    EXPECT_FALSE(writer.Write({R"({"a":2,"b":"new"})", "not json"}).ok());

    Writer after(path_, spec_, clock_);
    auto found = after.Open();
    ASSERT_TRUE(found.ok() && found->has_value());
    bool stored = (*found)->last_seq == 3;
    EXPECT_EQ(stored, step == "committed");
    EXPECT_EQ((*found)->last_seq, stored ? 3u : 1u);
    EXPECT_THAT(Rows(Cat("SELECT count(*) FROM ", spec_.table)), ElementsAre(stored ? "2" : "1"));
    if (!stored) {
      ASSERT_TRUE(after.Write({R"({"a":2,"b":"new"})", "not json"}).ok());
    }
    EXPECT_THAT(Rows(Cat("SELECT a, b FROM ", spec_.table)), ElementsAre("1|NULL", "2|new"));
    EXPECT_THAT(Rows(Cat("SELECT _js_seq, payload FROM ", spec_.table, "__rejected")),
                ElementsAre("3|not json"));
  }
}

TEST_F(SqliteSinkTest, WideningKeepsEveryStoredValueExactly) {
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());
  ASSERT_TRUE(writer
                  .Write({R"({"i":9007199254740993,"d":0.1,"x":null})", R"({"i":-5,"d":1e22})",
                          R"({"x":1})"})
                  .ok());
  ASSERT_TRUE(writer.Write({R"({"i":"007","d":"abc","x":0.5})"}).ok());
  ASSERT_TRUE(writer.Write({R"({"i":1,"d":2,"x":10000000000000000000000})"}).ok());

  EXPECT_THAT(
      Rows("SELECT i, typeof(i), d, x FROM orders ORDER BY _js_seq"),
      ElementsAre("9007199254740993|text|0.1|NULL", "-5|text|1e+22|NULL", "NULL|null|NULL|1",
                  "007|text|abc|0.5", "1|text|2|10000000000000000000000"));
}

TEST_F(SqliteSinkTest, HostileNamesAndSubjectsAreOnlyNames) {
  spec_.table = "select\";DROP TABLE x";
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());

  auto result = writer.Write({R"({"group":1,"a\"b":2,"x');DROP TABLE y;--":3,"a b":4})"});

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Rows("SELECT \"group\", \"a\"\"b\", \"x');DROP TABLE y;--\", \"a b\" FROM "
                   "\"select\"\";DROP TABLE x\""),
              ElementsAre("1|2|3|4"));
}

TEST_F(SqliteSinkTest, MergeKeepsTheRowWithTheHighestSequence) {
  spec_.strategy = Strategy::kMerge;
  spec_.primary_key = {"id"};
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());
  ASSERT_TRUE(
      writer.Write({R"({"id":1,"v":"a"})", R"({"id":2,"v":"b"})", R"({"id":1,"v":"c"})"}).ok());
  ASSERT_TRUE(writer.Write({R"({"id":2,"w":5})"}).ok());

  EXPECT_THAT(Rows("SELECT id, v, w, _js_seq FROM orders ORDER BY id"),
              ElementsAre("1|c|NULL|3", "2|NULL|5|4"));

  // The same interval once more, as after a position that was set back by hand.
  Execute(path_, "UPDATE _js_export_state SET last_seq=0");
  Writer again(path_, spec_, clock_);
  ASSERT_TRUE(again.Open().ok());
  ASSERT_TRUE(again.Write({R"({"id":1,"v":"a"})", R"({"id":2,"v":"b"})"}).ok());
  EXPECT_THAT(Rows("SELECT id, v, w, _js_seq FROM orders ORDER BY id"),
              ElementsAre("1|c|NULL|3", "2|NULL|5|4"));
}

TEST_F(SqliteSinkTest, ARowThatTheTableRefusesIsTreatedByThePolicy) {
  Execute(path_, "CREATE TABLE orders(a INTEGER CHECK(a < 10))");
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());

  auto result = writer.Write({R"({"a":1})", R"({"a":50})", R"({"a":2})"});

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows, 2u);
  EXPECT_EQ(result->bad_rows, 1u);
  EXPECT_THAT(Rows("SELECT a, _js_seq FROM orders"), ElementsAre("1|1", "2|3"));
  EXPECT_THAT(Rows("SELECT _js_seq, error_class, payload FROM orders__rejected"),
              ElementsAre(R"(2|sink|{"a":50})"));

  spec_.on_bad_row = BadRowPolicy::kFail;
  Writer strict(path_, spec_, clock_);
  ASSERT_TRUE(strict.Open().ok());
  EXPECT_EQ(strict.Write({R"({"a":50})"}).status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(Rows("SELECT last_seq FROM _js_export_state"), ElementsAre("3"));
}

TEST_F(SqliteSinkTest, RowsOfAnotherExportUnderTheSameSequenceAreAClearError) {
  {
    Writer writer(path_, spec_, clock_);
    ASSERT_TRUE(writer.Open().ok());
    ASSERT_TRUE(writer.Write({R"({"a":1})"}).ok());
  }
  spec_.name = "other";
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());

  auto result = writer.Write({R"({"a":2})"});

  EXPECT_EQ(result.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(result.status())), HasSubstr("already has a row with _js_seq 1"));
}

TEST_F(SqliteSinkTest, APositionBelongsToItsTable) {
  {
    Writer writer(path_, spec_, clock_);
    ASSERT_TRUE(writer.Open().ok());
    ASSERT_TRUE(writer.Write({R"({"a":1})"}).ok());
  }
  spec_.table = "elsewhere";
  Writer writer(path_, spec_, clock_);

  EXPECT_THAT(std::string(Message(writer.Open().status())), HasSubstr("into the table orders"));
}

TEST_F(SqliteSinkTest, GapsAreWrittenDownWithTheBatch) {
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());
  writer.gaps_ = {{10, 20, "expired"}};
  ASSERT_TRUE(writer.Write({R"({"a":1})"}).ok());

  EXPECT_THAT(Rows("SELECT export, from_seq, to_seq, reason FROM _js_export_gaps"),
              ElementsAre("orders|10|20|expired"));
}

TEST_F(SqliteSinkTest, StartingOverPutsTheTableAside) {
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());
  ASSERT_TRUE(writer.Write({R"({"a":1})"}).ok());

  auto aside = writer.sink().StartOver({"2:2", 0});

  ASSERT_TRUE(aside.ok()) << aside.status();
  EXPECT_THAT(Rows(Cat("SELECT a FROM ", *aside)), ElementsAre("1"));
  EXPECT_THAT(Rows("SELECT stream_identity, last_seq FROM _js_export_state"), ElementsAre("2:2|0"));
  EXPECT_THAT(Rows("SELECT name FROM sqlite_master WHERE name='orders'"), IsEmpty());
}

TEST_F(SqliteSinkTest, RawPayloadsAreBitExact) {
  spec_.layout = Layout::kRaw;
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());
  std::string payload("\x00\xff\n{", 4);
  ASSERT_TRUE(writer.Write({payload, ""}).ok());

  EXPECT_THAT(Rows("SELECT payload, typeof(payload), headers FROM orders"),
              ElementsAre(payload + "|blob|NULL", "|blob|NULL"));
}

TEST_F(SqliteSinkTest, TimestampsAreStoredAsSortableText) {
  spec_.type_hints = {{"t", ColumnType::kTimestampTz}};
  Writer writer(path_, spec_, clock_);
  ASSERT_TRUE(writer.Open().ok());
  ASSERT_TRUE(writer.Write({R"({"t":"2013-01-01T05:00:00+01:00"})", R"({"t":0})"}).ok());

  EXPECT_THAT(Rows("SELECT t FROM orders"),
              ElementsAre("2013-01-01T04:00:00.000000Z", "1970-01-01T00:00:00.000000Z"));
}

TEST_F(SqliteSinkTest, AMissingDirectoryAndAFileThatIsNoDatabaseAreClearErrors) {
  SqliteSink nowhere(dir_.File("no/such/t.db"), spec_, clock_);
  auto opened = nowhere.Open({"1:1", 0});
  EXPECT_THAT(std::string(Message(opened.status())), HasSubstr("there is no directory"));
  EXPECT_EQ(opened.status().code(), StatusCode::kPermissionDenied);

  FILE* file = fopen(dir_.File("text").c_str(), "w");
  fputs("this is certainly not a database, and long enough to be looked at as one", file);
  fclose(file);
  SqliteSink text(dir_.File("text"), spec_, clock_);
  EXPECT_THAT(std::string(Message(text.Open({"1:1", 0}).status())), HasSubstr("not a database"));
}

TEST(SqliteTableNameTest, ASchemaBecomesAPrefixAndMainDisappears) {
  EXPECT_EQ(SqliteSink::TableName("orders"), "orders");
  EXPECT_EQ(SqliteSink::TableName("main.orders"), "orders");
  EXPECT_EQ(SqliteSink::TableName("raw.orders"), "raw_orders");
}

}  // namespace
}  // namespace weir::ingest

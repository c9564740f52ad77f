#include "ingest/decoder.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/json_text.h"
#include "tests/support/fake_source.h"

namespace weir::ingest {
namespace {

using ::testing::HasSubstr;

class DecoderTest : public ::testing::Test {
 protected:
  void Decode(std::string_view payload, std::string_view headers = {}) {
    decoder_.Decode(MakeMessage(batch_.rows() + 1, payload, "s", headers), batch_);
    batch_.Pad();
  }
  // The cell of the last row as text with its kind: "int 5".
  std::string At(std::string_view field) {
    size_t index = fields_.Find(field);
    if (index == FieldTable::kNone) {
      return "no field";
    }
    const Cell& cell = batch_.cells(index)[batch_.rows() - 1];
    static constexpr const char* kNames[] = {"null", "bool", "int",  "double", "decimal",
                                             "text", "json", "blob", "time"};
    if (cell.kind == CellKind::kNull) {
      return "null";
    }
    return Cat(kNames[static_cast<size_t>(cell.kind)], " ", CellAsText(cell));
  }
  std::string Rejected(std::string_view payload) {
    size_t before = batch_.rejected().size();
    size_t rows = batch_.rows();
    Decode(payload);
    EXPECT_EQ(batch_.rows(), rows) << payload;
    if (batch_.rejected().size() != before + 1) {
      return "accepted";
    }
    EXPECT_EQ(batch_.rejected().back().message.payload, payload);
    return batch_.rejected().back().reason;
  }

  FieldTable fields_;
  RowBatch batch_;
  Decoder decoder_{Layout::kColumns, fields_, 500};
};

TEST_F(DecoderTest, ScalarsKeepTheirKind) {
  Decode(R"({"i": 5, "d": 2.5, "s": "abc", "t": true, "f": false, "n": null, "e": ""})");

  EXPECT_EQ(At("i"), "int 5");
  EXPECT_EQ(At("d"), "double 2.5");
  EXPECT_EQ(At("s"), "text abc");
  EXPECT_EQ(At("t"), "bool true");
  EXPECT_EQ(At("f"), "bool false");
  EXPECT_EQ(At("n"), "null");
  EXPECT_EQ(At("e"), "text ");
}

TEST_F(DecoderTest, WholeNumbersWithAFractionStayDoubles) {
  Decode(R"({"a": 517.0, "b": 1e3})");

  EXPECT_EQ(At("a"), "double 517");
  EXPECT_EQ(At("b"), "double 1000");
}

TEST_F(DecoderTest, IntegersAtTheEdgesOfInt64AreExactAndBeyondAreDecimals) {
  Decode(R"({"max": 9223372036854775807, "min": -9223372036854775808,
             "over": 9223372036854775808, "huge": 1000000000000000000000000000000})");

  EXPECT_EQ(At("max"), "int 9223372036854775807");
  EXPECT_EQ(At("min"), "int -9223372036854775808");
  EXPECT_EQ(At("over"), "decimal 9223372036854775808");
  EXPECT_EQ(At("huge"), "decimal 1000000000000000000000000000000");
}

TEST_F(DecoderTest, AFloatOutOfRangeKeepsItsText) {
  Decode(R"({"a": 1e400})");

  EXPECT_EQ(At("a"), "decimal 1e400");
}

TEST_F(DecoderTest, NestedValuesAreTheirText) {
  Decode(R"({"o": {"x": [1, {"y": null}]}, "a": [ 1,2 ] , "z": 1})");

  EXPECT_EQ(At("o"), R"(json {"x": [1, {"y": null}]})");
  EXPECT_EQ(At("a"), "json [ 1,2 ]");
  EXPECT_EQ(At("z"), "int 1");
}

TEST_F(DecoderTest, EscapesAreUndone) {
  Decode(R"({"k\u0065y": "a\"b\\c\n\u00e9\ud83d\ude00", "nul": "a\u0000b"})");

  EXPECT_EQ(At("key"), "text a\"b\\c\n\u00e9\U0001F600");
  EXPECT_EQ(At("nul"), std::string("text a\0b", 8));
}

TEST_F(DecoderTest, OfDuplicateKeysTheLastWinsAndIsCounted) {
  Decode(R"({"a": 1, "b": 2, "a": "x"})");

  EXPECT_EQ(At("a"), "text x");
  EXPECT_EQ(decoder_.duplicate_keys(), 1u);
}

TEST_F(DecoderTest, FieldsMayComeInAnyOrderAndBeMissing) {
  Decode(R"({"a": 1, "b": 2})");
  Decode(R"({"b": 3})");
  EXPECT_EQ(At("a"), "null");
  EXPECT_EQ(At("b"), "int 3");

  Decode(R"({"c": 9, "b": 8, "a": 7})");
  EXPECT_EQ(At("a"), "int 7");
  EXPECT_EQ(At("b"), "int 8");
  EXPECT_EQ(At("c"), "int 9");
}

TEST_F(DecoderTest, AKeyThatIsThePrefixOfAnotherIsNotTakenForIt) {
  Decode(R"({"ab": 1})");
  Decode(R"({"abc": 2})");

  EXPECT_EQ(At("ab"), "null");
  EXPECT_EQ(At("abc"), "int 2");
}

TEST_F(DecoderTest, AnEmptyObjectIsARowOfNulls) {
  Decode("{}");

  EXPECT_EQ(batch_.rows(), 1u);
}

TEST_F(DecoderTest, PayloadsThatAreNotOneJsonObjectAreRejectedWithTheirBytes) {
  Decode(R"({"a": 1})");
  EXPECT_EQ(Rejected(""), "empty payload");
  EXPECT_EQ(Rejected("  "), "empty payload");
  EXPECT_EQ(Rejected("42 apples"), "not JSON");
  EXPECT_THAT(Rejected("42"), HasSubstr("another JSON value"));
  EXPECT_THAT(Rejected("[1]"), HasSubstr("another JSON value"));
  EXPECT_EQ(Rejected(R"({"a":1} trailing)"), "not one complete JSON object");
  EXPECT_EQ(Rejected(R"({"a":1}{"a":2})"), "bytes behind the JSON object");
  EXPECT_EQ(Rejected(R"({"a":1}})"), "bytes behind the JSON object");
  EXPECT_EQ(Rejected("{\"a\":\"\xff\xfe\"}"), "invalid UTF-8");
  EXPECT_THAT(Rejected(R"({"a":"\ud800"})"), HasSubstr("surrogate"));
  EXPECT_EQ(batch_.rows(), 1u);
}

TEST_F(DecoderTest, NothingThatIsNotJsonGetsThrough) {
  const std::vector<std::string> bad = {
      R"({)",
      R"({"a")",
      R"({"a":)",
      R"({"a":1)",
      R"({"a":1,})",
      R"({"a":01})",
      R"({"a":+1})",
      R"({"a":1.})",
      R"({"a":.5})",
      R"({"a":1e})",
      R"({"a":-})",
      R"({"a":tru})",
      R"({"a":trueish})",
      R"({"a":nul})",
      R"({"a":nulll})",
      R"({"a":"x)",
      R"({"a":"x"y})",
      R"({"a":'x'})",
      R"({a:1})",
      R"({"a" 1})",
      R"({"a":1 "b":2})",
      R"({"a":[1,]})",
      R"({"a":[1 2]})",
      R"({"a":{"b":}})",
      R"({"a":[1})",
      R"({"a":[1}]})",
      R"({"a":{"b":1]})",
      R"({"a":"\x"})",
      R"({"a":NaN})",
      R"({"a":Infinity})",
      R"({"a":1,,"b":2})",
      R"({,"a":1})",
      R"({"a":["\q"]})",
      R"({"a":[01]})",
      R"({"a":1}x)",
      "{\"a\":\"tab\there\"}",
      "{\"a\":[\"\x01\"]}",
      R"({"a":[tru]})",
      R"({"a"::1})",
      R"({"\ud800":1})",
      R"({"a":"1)",
      R"(}{)",
      R"({]})",
  };
  for (const std::string& payload : bad) {
    EXPECT_NE(Rejected(payload), "accepted") << payload;
  }
}

TEST_F(DecoderTest, ABadRowLeavesItsNeighboursAlone) {
  Decode(R"({"a": 1, "b": "x"})");
  EXPECT_NE(Rejected(R"({"a": 2, "b": "y", "new": 3, oops)"), "accepted");
  Decode(R"({"a": 3})");

  EXPECT_EQ(batch_.rows(), 2u);
  EXPECT_EQ(At("a"), "int 3");
  EXPECT_EQ(At("b"), "null");
}

TEST_F(DecoderTest, DeepNestingAndLargeValuesArrive) {
  std::string deep = std::string(1000, '[') + std::string(1000, ']');
  std::string large(3 << 20, 'x');
  Decode(Cat("{\"deep\": ", deep, ", \"large\": \"", large, "\"}"));

  ASSERT_EQ(batch_.rows(), 1u) << batch_.rejected()[0].reason;
  EXPECT_EQ(At("deep"), Cat("json ", deep));
  EXPECT_EQ(At("large").size(), 5 + large.size());
}

TEST_F(DecoderTest, MoreFieldsThanAllowedMakeABadRow) {
  Decoder narrow(Layout::kColumns, fields_, 2);
  narrow.Decode(MakeMessage(1, R"({"a":1,"b":2,"c":3})"), batch_);
  narrow.Decode(MakeMessage(2, R"({"a":1,"b":2})"), batch_);

  ASSERT_EQ(batch_.rejected().size(), 1u);
  EXPECT_EQ(batch_.rejected()[0].kind, BadRow::kContract);
  EXPECT_EQ(batch_.rows(), 1u);
}

TEST_F(DecoderTest, MessagesInsideOneBlockAreReadInPlace) {
  // Both ways of getting at a padded text must give the same rows.
  std::string text;
  for (int i = 0; i < 50; ++i) {
    CatTo(text, R"({"n": )", i, R"(, "s": "v)", i, "\"}");
  }
  SharedBytes block = SharedBytes::Copy(text);
  size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    storage::StoredMessage message;
    size_t end = text.find('}', at) + 1;
    message.keep = block;
    message.view.payload = block.view().substr(at, end - at);
    decoder_.Decode(message, batch_);
    batch_.Pad();
    EXPECT_EQ(At("n"), Cat("int ", i));
    EXPECT_EQ(At("s"), Cat("text v", i));
    at = end;
  }
}

TEST(EnvelopeDecoderTest, EveryPayloadFits) {
  FieldTable fields;
  RowBatch batch;
  Decoder decoder(Layout::kEnvelope, fields, 10);

  decoder.Decode(MakeMessage(1, R"( {"a":1} )"), batch);
  decoder.Decode(MakeMessage(2, "42 apples"), batch);
  decoder.Decode(MakeMessage(3, "\xff\x00\x01"), batch);
  decoder.Decode(MakeMessage(4, "1", "s", "NATS/1.0\r\nK: a\r\nX: \"q\"\r\nK: b\r\n\r\n"), batch);
  batch.Pad();

  ASSERT_EQ(batch.rows(), 4u);
  auto text = [&](size_t field, size_t row) {
    return CellAsText(batch.cells(field)[row]);
  };
  EXPECT_EQ(text(0, 0), R"( {"a":1} )");
  EXPECT_EQ(text(1, 0), "json");
  EXPECT_EQ(text(0, 1), "42 apples");
  EXPECT_EQ(text(1, 1), "text");
  EXPECT_EQ(text(0, 2), Base64Encode("\xff"));
  EXPECT_EQ(text(1, 2), "base64");
  EXPECT_EQ(text(2, 3), R"({"K":["a","b"],"X":["\"q\""]})");
  EXPECT_EQ(text(2, 0), "");
}

TEST(RawDecoderTest, PayloadAndHeadersAreKeptByteForByte) {
  FieldTable fields;
  RowBatch batch;
  Decoder decoder(Layout::kRaw, fields, 10);
  std::string payload("\x00\xff{", 3);

  decoder.Decode(MakeMessage(1, payload, "s", "NATS/1.0\r\nA: b\r\n\r\n"), batch);
  batch.Pad();

  EXPECT_EQ(batch.cells(0)[0].text(), payload);
  EXPECT_EQ(batch.cells(0)[0].kind, CellKind::kBinary);
  EXPECT_EQ(batch.cells(1)[0].text(), "NATS/1.0\r\nA: b\r\n\r\n");
}

}  // namespace
}  // namespace weir::ingest

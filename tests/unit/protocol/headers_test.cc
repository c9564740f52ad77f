#include "protocol/headers.h"

#include <gtest/gtest.h>

namespace weir::protocol {
namespace {

constexpr std::string_view kBlock =
    "NATS/1.0\r\nNats-Msg-Id: 1\r\nKey:  two words \r\nkey:lower\r\nKey: second\r\nEmpty:\r\n\r\n";

TEST(FindHeaderTest, FirstLineWithExactlyThisKey) {
  EXPECT_EQ(FindHeader(kBlock, "Nats-Msg-Id"), "1");
  EXPECT_EQ(FindHeader(kBlock, "Key"), "two words ");
  EXPECT_EQ(FindHeader(kBlock, "key"), "lower");
  EXPECT_EQ(FindHeader(kBlock, "Empty"), "");
  for (std::string_view absent : {"Msg-Id", "Nats-Msg", "KEY", "NATS/1.0", "two"}) {
    EXPECT_EQ(FindHeader(kBlock, absent), std::nullopt) << absent;
  }
}

TEST(FindHeaderTest, BrokenBlocks) {
  for (std::string_view block :
       {"", "NATS/1.0", "NATS/1.0\r\nKey: cut", "Key: 1\r\n", "NATS/1.0\nKey: 1\r\n",
        "NATS/1.0\r\nKey : 1\r\n\r\n", "NATS/1.0\r\nKey"}) {
    EXPECT_EQ(FindHeader(block, "Key"), std::nullopt) << block;
  }
}

TEST(HeaderCursorTest, WalksLinesInOrderAndSkipsWhatIsNone) {
  HeaderCursor cursor("NATS/1.0 100 Idle\r\nA: 1\r\nnonsense\r\nB:2\r\n: x\r\n\r\nC: 3\r\n");
  std::string seen;
  while (cursor.Next()) {
    seen.append(cursor.key()).append("=").append(cursor.value()).append(";");
  }
  EXPECT_EQ(seen, "A=1;B=2;=x;");
  EXPECT_FALSE(HeaderCursor("").Next());
  EXPECT_FALSE(HeaderCursor("NATS/1.0\r\n\r\n").Next());
}

TEST(StatusOfTest, CodeAndText) {
  auto status = StatusOf("NATS/1.0 404 No Messages\r\n\r\n");
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code, 404);
  EXPECT_EQ(status->text, "No Messages");
  EXPECT_EQ(StatusOf("NATS/1.0 503\r\n\r\n")->code, 503);
  EXPECT_EQ(StatusOf("NATS/1.0 503\r\n\r\n")->text, "");
  for (std::string_view none : {"", "NATS/1.0\r\n\r\n", "NATS/1.0 x\r\n\r\n", "NATS/1.0 40\r\n\r\n",
                                "HTTP/1.1 200 OK\r\n\r\n"}) {
    EXPECT_FALSE(StatusOf(none).has_value()) << none;
  }
}

TEST(WithHeaderTest, AddsReplacesAndMakesNewBlocks) {
  EXPECT_EQ(WithHeader("", "A", "1"), "NATS/1.0\r\nA: 1\r\n\r\n");
  EXPECT_EQ(WithHeader("NATS/1.0\r\nB: 2\r\n\r\n", "A", "1"), "NATS/1.0\r\nB: 2\r\nA: 1\r\n\r\n");
  EXPECT_EQ(WithHeader("NATS/1.0\r\nA: 0\r\nB: 2\r\nA: 3\r\n\r\n", "A", "1"),
            "NATS/1.0\r\nB: 2\r\nA: 1\r\n\r\n");
}

TEST(WithoutHeaderTest, DropsEveryLineOfTheKey) {
  EXPECT_EQ(WithoutHeader("NATS/1.0\r\nA: 1\r\nAB: 2\r\nA: 3\r\n\r\n", "A"),
            "NATS/1.0\r\nAB: 2\r\n\r\n");
  EXPECT_EQ(WithoutHeader("NATS/1.0\r\nA: 1\r\n\r\n", "A"), "");
  EXPECT_EQ(WithoutHeader("NATS/1.0 503\r\nA: 1\r\n\r\n", "A"), "NATS/1.0 503\r\n\r\n");
  EXPECT_EQ(WithoutHeader("NATS/1.0\r\nB: 1\r\n\r\n", "A"), "NATS/1.0\r\nB: 1\r\n\r\n");
}

TEST(WithoutStatusTest, KeepsTheLines) {
  EXPECT_EQ(WithoutStatus("NATS/1.0 100 Idle\r\nA: 1\r\n\r\n"), "NATS/1.0\r\nA: 1\r\n\r\n");
  EXPECT_EQ(WithoutStatus("NATS/1.0 100 Idle\r\n\r\n"), "");
  EXPECT_EQ(WithoutStatus(""), "");
}

TEST(HeaderBuilderTest, BuildsBlocks) {
  EXPECT_EQ(HeaderBuilder().Add("A", "1").Add("B", "").Take(), "NATS/1.0\r\nA: 1\r\nB: \r\n\r\n");
  EXPECT_EQ(HeaderBuilder(503, "").Add("Nats-Subject", "x").Take(),
            "NATS/1.0 503\r\nNats-Subject: x\r\n\r\n");
  EXPECT_EQ(HeaderBuilder(404, "No Messages").Take(), "NATS/1.0 404 No Messages\r\n\r\n");
}

}  // namespace
}  // namespace weir::protocol

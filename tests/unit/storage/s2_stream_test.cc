#include "storage/s2_stream.h"

#include <string>

#include <gtest/gtest.h>
#include <snappy.h>

#include "protocol/base/strings.h"

namespace weir::storage {
namespace {

std::string Bytes(std::initializer_list<int> bytes) {
  std::string out;
  for (int byte : bytes) {
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

// Everything that the stream holds; the error's text when it is not one.
std::string ReadAll(std::string_view stream, size_t piece = SIZE_MAX) {
  S2Reader reader;
  std::string out;
  while (true) {
    auto more = reader.Next(out);
    if (!more.ok()) {
      return std::string(Message(more.status()));
    }
    if (*more) {
      continue;
    }
    if (stream.empty()) {
      return reader.in_chunk() ? "(in a chunk)" : out;
    }
    std::string_view next = stream.substr(0, piece);
    reader.Feed(next);
    stream.remove_prefix(next.size());
  }
}

std::string Random(size_t size) {
  std::string out;
  uint32_t state = 1;
  for (size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    out.push_back(static_cast<char>(state >> 24));
  }
  return out;
}

std::string Decode(const std::string& block, size_t max_bytes = 1 << 20) {
  std::string out = "before";
  Status status = DecodeS2Block(block, max_bytes, out);
  EXPECT_TRUE(out.starts_with("before"));
  return status.ok() ? out.substr(6) : Cat("error: ", Message(status), out == "before" ? "" : "!");
}

TEST(S2StreamTest, WhatIsWrittenIsReadAgainInAnyPieces) {
  std::string text;
  while (text.size() < 300'000) {
    text += Cat("a line of text, number ", text.size(), "\n");
  }
  std::string noise = Random(100'000);
  std::string stream(kS2Start);
  AppendS2Chunk(stream, text);
  AppendS2Chunk(stream, noise);
  AppendS2Chunk(stream, "x");

  EXPECT_LT(stream.size(), 200'000U);
  for (size_t piece : {size_t{1}, size_t{7}, size_t{1000}, SIZE_MAX}) {
    EXPECT_EQ(ReadAll(stream, piece), text + noise + "x") << piece;
  }
}

TEST(S2StreamTest, ABlockOfTheSnappyLibraryIsABlock) {
  std::string text = Cat(std::string(5000, 'x'), Random(70), std::string(5000, 'y'));
  std::string block;
  snappy::Compress(text.data(), text.size(), &block);

  EXPECT_EQ(Decode(block), text);
}

TEST(S2StreamTest, RepeatedOffsetsAreS2) {
  // "abcd", a copy of 4 with offset 4, then the same offset again: 4, 5+4, 256+1+4 bytes.
  EXPECT_EQ(Decode(Bytes({8, 3 << 2, 'a', 'b', 'c', 'd', 0x01, 4})), "abcdabcd");
  EXPECT_EQ(Decode(Bytes({12, 3 << 2, 'a', 'b', 'c', 'd', 0x01, 4, 0x01, 0})), "abcdabcdabcd");
  std::string long_one = Decode(Bytes({0x8c, 0x02, 3 << 2, 'a', 'b', 'c', 'd', 0x01, 4,  //
                                       0x01 | 6 << 2, 0, 0}));
  EXPECT_EQ(long_one.size(), 268U);
  EXPECT_TRUE(long_one.ends_with("abcdabcd"));
  EXPECT_EQ(Decode(Bytes({20, 3 << 2, 'a', 'b', 'c', 'd', 0x01, 4, 0x01 | 5 << 2, 4})),
            "abcdabcdabcdabcdabcd");
}

TEST(S2StreamTest, ABadBlockIsAnErrorAndLeavesNothing) {
  const std::string corrupt = "error: s2: corrupt input";

  EXPECT_EQ(Decode(""), corrupt);
  EXPECT_EQ(Decode(Bytes({0x80})), corrupt) << "a size without end";
  EXPECT_EQ(Decode(Bytes({4, 3 << 2, 'a'})), corrupt) << "a literal beyond the end";
  EXPECT_EQ(Decode(Bytes({1, 3 << 2, 'a', 'b', 'c', 'd'})), corrupt) << "more than it says";
  EXPECT_EQ(Decode(Bytes({9, 3 << 2, 'a', 'b', 'c', 'd'})), corrupt) << "less than it says";
  EXPECT_EQ(Decode(Bytes({8, 3 << 2, 'a', 'b', 'c', 'd', 0x01, 5})), corrupt) << "too far back";
  EXPECT_EQ(Decode(Bytes({4, 0x01, 0})), corrupt) << "a repeat of nothing";
  EXPECT_EQ(Decode(Bytes({8, 3 << 2, 'a', 'b', 'c', 'd', 0x03, 1, 0})), corrupt) << "cut off";
  EXPECT_EQ(Decode(Bytes({0xff, 0xff, 0xff, 0xff, 0x0f, 0}), 1000),
            "error: s2: decoded block is too large");
}

TEST(S2StreamTest, ABadStreamIsAnError) {
  std::string good(kS2Start);
  AppendS2Chunk(good, "some text that is long enough, enough, enough, enough");

  std::string flipped = good;
  flipped[16] = static_cast<char>(flipped[16] ^ 1);
  EXPECT_EQ(ReadAll(flipped), "s2: corrupt input, crc mismatch");
  EXPECT_EQ(ReadAll(good.substr(kS2Start.size())), "s2: corrupt input") << "no beginning";
  EXPECT_EQ(ReadAll("not a stream at all"), "s2: corrupt input");
  EXPECT_EQ(ReadAll(good + Bytes({0x02, 1, 0, 0, 0})), "s2: unsupported input");
  EXPECT_EQ(ReadAll(good.substr(0, good.size() - 1)), "(in a chunk)");
  EXPECT_EQ(ReadAll(Cat(kS2Start, Bytes({0x01, 0xff, 0xff, 0xff}))), "s2: corrupt input")
      << "a chunk that is larger than any";
}

TEST(S2StreamTest, PaddingAndIndexArePassedOver) {
  std::string stream(kS2Start);
  AppendS2Chunk(stream, "one");
  stream += Bytes({0xfe, 3, 0, 0, 1, 2, 3});
  stream += Bytes({0x99, 1, 0, 0, 9});
  stream += kS2Start;
  AppendS2Chunk(stream, "two");

  EXPECT_EQ(ReadAll(stream, 3), "onetwo");
}

}  // namespace
}  // namespace weir::storage

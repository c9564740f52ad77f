#include "server/content_encoding.h"

#include <gtest/gtest.h>
#include <snappy.h>
#include <zlib.h>

namespace weir::server {
namespace {

std::string Unzip(std::string zipped) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(zipped.data());
  stream.avail_in = static_cast<uInt>(zipped.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(ContentEncodingTest, WithoutAWishNothingIsSaid) {
  Encoded encoded = EncodeFor("", "text");

  EXPECT_EQ(encoded.bytes, "text");
  EXPECT_EQ(encoded.name, "");
}

TEST(ContentEncodingTest, AnUnknownEncodingLeavesTheBytes) {
  Encoded encoded = EncodeFor("br", "text");

  EXPECT_EQ(encoded.bytes, "text");
  EXPECT_EQ(encoded.name, "identity");
}

TEST(ContentEncodingTest, GzipComesBackAsItWas) {
  std::string text(100'000, 'x');

  Encoded encoded = EncodeFor("deflate, GZIP", text);

  EXPECT_EQ(encoded.name, "gzip");
  EXPECT_LT(encoded.bytes.size(), 1000);
  EXPECT_EQ(Unzip(encoded.bytes), text);
}

TEST(ContentEncodingTest, SnappyIsFramedWithChunksOf64KiB) {
  std::string text(100'000, 'x');

  Encoded encoded = EncodeFor("s2", text);

  EXPECT_EQ(encoded.name, "snappy");
  std::string_view rest = encoded.bytes;
  ASSERT_TRUE(rest.starts_with(std::string_view("\xff\x06\x00\x00sNaPpY", 10)));
  rest.remove_prefix(10);
  std::string all;
  while (!rest.empty()) {
    EXPECT_EQ(rest[0], '\0');
    size_t size = static_cast<uint8_t>(rest[1]) | static_cast<size_t>(static_cast<uint8_t>(rest[2]))
                                                      << 8;
    std::string chunk;
    ASSERT_TRUE(snappy::Uncompress(rest.data() + 8, size - 4, &chunk));
    EXPECT_LE(chunk.size(), 65536);
    all += chunk;
    rest.remove_prefix(4 + size);
  }
  EXPECT_EQ(all, text);
}

TEST(ContentEncodingTest, TheChecksumOfASnappyChunkIsMasked) {
  // Of "123456789" the CRC-32C is e3069283.
  Encoded encoded = EncodeFor("snappy", "123456789");

  EXPECT_EQ(encoded.bytes.substr(14, 4), std::string("\xe5\xb0\x8a\xc7", 4));
}

}  // namespace
}  // namespace weir::server

#include "protocol/serializer.h"

#include <string>

#include <gtest/gtest.h>

namespace weir::protocol {
namespace {

std::string Content(const ByteQueue& queue) {
  iovec parts[64];
  std::string out;
  for (int i = 0, n = queue.Gather(parts, 64); i < n; ++i) {
    out.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return out;
}

std::string Written(const WireMessage& message) {
  ByteQueue out;
  size_t size = AppendMessage(out, message);
  EXPECT_EQ(size, out.size());
  return Content(out);
}

TEST(SerializerTest, MessageWithoutHeaders) {
  EXPECT_EQ(Written({.subject = "foo", .sid = "9", .reply = {}, .headers = {}, .payload = "hello"}),
            "MSG foo 9 5\r\nhello\r\n");
  EXPECT_EQ(Written({.subject = "foo", .sid = "9", .reply = "r", .headers = {}, .payload = ""}),
            "MSG foo 9 r 0\r\n\r\n");
}

TEST(SerializerTest, SizesKeepTheirZerosAndAnEmptyReplyItsBlank) {
  EXPECT_EQ(Written({.subject = "foo",
                     .sid = "9",
                     .reply = {},
                     .headers = "NATS/1.0\r\n\r\n",
                     .payload = "hi",
                     .form = {.header_zeros = 2, .size_zeros = 5}}),
            "HMSG foo 9 0012 0000014\r\nNATS/1.0\r\n\r\nhi\r\n");
  EXPECT_EQ(Written({.subject = "foo",
                     .sid = "9",
                     .reply = {},
                     .headers = {},
                     .payload = "",
                     .form = {.size_zeros = 1, .empty_reply = true}}),
            "MSG foo 9  00\r\n\r\n");
}

TEST(SerializerTest, MessageWithHeaders) {
  EXPECT_EQ(Written({.subject = "foo",
                     .sid = "9",
                     .reply = "r",
                     .headers = "NATS/1.0\r\n\r\n",
                     .payload = "hi"}),
            "HMSG foo 9 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
  EXPECT_EQ(Written({.subject = "foo",
                     .sid = "9",
                     .reply = {},
                     .headers = "NATS/1.0\r\n\r\n",
                     .payload = {}}),
            "HMSG foo 9 12 12\r\nNATS/1.0\r\n\r\n\r\n");
}

TEST(SerializerTest, LargePayloadIsWhole) {
  std::string payload(1 << 20, 'x');
  EXPECT_EQ(Written({.subject = "a", .sid = "1", .reply = {}, .headers = {}, .payload = payload}),
            "MSG a 1 1048576\r\n" + payload + "\r\n");
}

TEST(SerializerTest, TextsFollowEachOther) {
  ByteQueue out;
  AppendText(out, "+OK\r\n");
  AppendError(out, "Unknown Protocol Operation");
  AppendText(out, "PONG\r\n");
  EXPECT_EQ(Content(out), "+OK\r\n-ERR 'Unknown Protocol Operation'\r\nPONG\r\n");
}

}  // namespace
}  // namespace weir::protocol

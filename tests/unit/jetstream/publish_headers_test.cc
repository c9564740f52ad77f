#include "jetstream/publish_headers.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

TEST(PublishHeadersTest, TheFirstOfANameCounts) {
  auto headers = PublishHeaders::Read(
      "NATS/1.0\r\nNats-Msg-Id: 1\r\nNats-Msg-Id: 2\r\nnats-ttl: 5\r\nX: y\r\n\r\n");

  EXPECT_EQ(headers.id, "1");
  EXPECT_FALSE(IsThere(headers.ttl));
  EXPECT_FALSE(headers.request_info);
}

TEST(PublishHeadersTest, WhatIsEmptyIsThere) {
  auto headers = PublishHeaders::Read("NATS/1.0\r\nNats-Batch-Commit: \r\n\r\n");

  EXPECT_TRUE(IsThere(headers.batch_commit));
  EXPECT_EQ(headers.batch_commit, "");
}

}  // namespace
}  // namespace weir::jetstream

#include "jetstream/republisher.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;

class RepublisherTest : public ::testing::Test {
 protected:
  void SetUp() override { home_.Boot(); }

  testing::JsHome home_;
};

TEST_F(RepublisherTest, WhatIsCommittedGoesOutBeforeItsAck) {
  home_.CreateStream(R"("subjects":["a.*"],"republish":{"src":"a.*","dest":"r.$1"})");
  home_.Ask("a.1", "first");
  home_.commits.immediate = false;
  home_.Send("a.1", "ack", "x", "NATS/1.0\r\nA: b\r\n\r\n");
  home_.RunTurns();
  EXPECT_TRUE(home_.router.sent.empty());

  home_.commits.CommitAll();

  ASSERT_EQ(home_.router.sent.size(), 2U);
  EXPECT_EQ(home_.router.sent[0].subject, "r.1");
  EXPECT_EQ(home_.router.sent[0].headers,
            "NATS/1.0\r\nA: b\r\nNats-Stream: S\r\nNats-Subject: a.1\r\nNats-Sequence: 2\r\n"
            "Nats-Time-Stamp: 2026-01-01T00:00:00Z\r\nNats-Last-Sequence: 1\r\n\r\n");
  EXPECT_EQ(home_.router.sent[0].payload, "x");
  EXPECT_EQ(home_.router.sent[1].inbox, "ack");
}

TEST_F(RepublisherTest, HeadersOnlySaysTheSize) {
  home_.CreateStream(R"("subjects":["a.*"],"republish":{"dest":"r.>","headers_only":true})");

  home_.Send("a.1", "", "12345");
  home_.RunTurns();

  ASSERT_EQ(home_.router.sent.size(), 1U);
  EXPECT_EQ(home_.router.sent[0].subject, "r.a.1");
  EXPECT_EQ(home_.router.sent[0].payload, "");
  EXPECT_THAT(home_.router.sent[0].headers,
              HasSubstr("Nats-Last-Sequence: 0\r\nNats-Msg-Size: 5\r\n\r\n"));
}

TEST_F(RepublisherTest, OtherSubjectsStayQuiet) {
  home_.CreateStream(R"("subjects":["a.*"],"republish":{"src":"a.2","dest":"r"})");

  home_.Send("a.1", "", "x");
  home_.RunTurns();

  EXPECT_TRUE(home_.router.sent.empty());
}

TEST_F(RepublisherTest, ATransformedSubjectIsWhatIsStoredAndRepublished) {
  home_.CreateStream(R"("subjects":["a.*"],"subject_transform":{"src":"a.*","dest":"z.$1"},)"
                     R"("republish":{"src":"z.*","dest":"r.$1"})");

  home_.Send("a.7", "", "x");
  home_.RunTurns();

  EXPECT_TRUE(home_.stream().store().LastOf("z.7"));
  ASSERT_EQ(home_.router.sent.size(), 1U);
  EXPECT_EQ(home_.router.sent[0].subject, "r.7");
}

TEST_F(RepublisherTest, CyclesAndBadTransformsAreRefused) {
  EXPECT_THAT(home_.CreateStream(R"("subjects":["T1"],"republish":{"src":"T1","dest":"T1"})"),
              HasSubstr("stream configuration for republish destination forms a cycle"));
  EXPECT_THAT(
      home_.CreateStream(R"("subjects":["x.*"],"subject_transform":{"src":"x.*","dest":"z.$2"})"),
      HasSubstr(R"("err_code":10156,"description":"stream transform: invalid mapping)"));
}

}  // namespace
}  // namespace weir::jetstream

#include "jetstream/publish_rules.h"

#include <string>

#include <gtest/gtest.h>

#include "storage/memory_stream_store.h"

namespace weir::jetstream {
namespace {

using Verdict = PublishFacts::Verdict;

std::string Headers(std::string_view lines) {
  return Cat("NATS/1.0\r\n", lines, "\r\n\r\n");
}

class PublishRulesTest : public ::testing::Test {
 protected:
  PublishRulesTest() {
    config_.name = "S";
    for (const char* subject : {"a.1", "a.2"}) {
      store_.Append({store_.state().last_seq + 1, 0, subject, {}, "x"});
    }
  }

  PublishFacts Check(std::string_view header_lines, std::string_view payload = "x") {
    headers_ = header_lines.empty() ? std::string() : Headers(header_lines);
    return rules_.Check({kGlobalAccount, "a.1", "r", headers_, payload}, 0);
  }
  int ErrorOf(std::string_view header_lines) { return Check(header_lines).error.err_code; }

  StreamConfig config_;
  storage::MemoryStreamStore store_{0};
  DedupeWindow dedupe_{1'000'000'000};
  PublishRules rules_{config_, store_, dedupe_};
  std::string headers_;
};

TEST_F(PublishRulesTest, APlainMessageIsAccepted) {
  EXPECT_EQ(Check("").verdict, Verdict::kAccept);
  EXPECT_EQ(Check("Anything: else").verdict, Verdict::kAccept);
}

TEST_F(PublishRulesTest, WhatIsSwitchedOffIsRefused) {
  EXPECT_EQ(ErrorOf("Nats-Incr: 1"), 10168);
  EXPECT_EQ(ErrorOf("Nats-TTL: 1s"), 10166);
  EXPECT_EQ(ErrorOf("Nats-Schedule: @at 2030-01-01T00:00:00Z"), 10188);
  EXPECT_EQ(ErrorOf("Nats-Stream-Source: z"), 10227);
  EXPECT_EQ(ErrorOf("Nats-Rollup: sub"), 10111);
}

TEST_F(PublishRulesTest, ExpectationsMustHold) {
  EXPECT_EQ(ErrorOf("Nats-Expected-Stream: S"), 0);
  EXPECT_EQ(ErrorOf("Nats-Expected-Stream: X"), 10060);
  EXPECT_EQ(ErrorOf("Nats-Expected-Last-Sequence: 2"), 0);
  EXPECT_EQ(Check("Nats-Expected-Last-Sequence: 1").error.description, "wrong last sequence: 2");
  EXPECT_EQ(ErrorOf("Nats-Expected-Last-Sequence: x"), 10071);
  EXPECT_EQ(ErrorOf("Nats-Expected-Last-Subject-Sequence: 1"), 0);
  EXPECT_EQ(Check("Nats-Expected-Last-Subject-Sequence: 0").error.description,
            "wrong last sequence: 1");
  EXPECT_EQ(ErrorOf("Nats-Expected-Last-Subject-Sequence-Subject: a.>"), 10193);
  EXPECT_EQ(ErrorOf("Nats-Expected-Last-Subject-Sequence: 2\r\n"
                    "Nats-Expected-Last-Subject-Sequence-Subject: a.*"),
            0);
  EXPECT_EQ(ErrorOf("Nats-Expected-Last-Subject-Sequence: 0\r\n"
                    "Nats-Expected-Last-Subject-Sequence-Subject: b.*"),
            0);
}

TEST_F(PublishRulesTest, TheLastIdMustBeTheExpected) {
  dedupe_.Add("m1", 2, 0);

  EXPECT_EQ(ErrorOf("Nats-Expected-Last-Msg-Id: m1"), 0);
  EXPECT_EQ(Check("Nats-Expected-Last-Msg-Id: m0").error.description, "wrong last msg ID: m1");
}

TEST_F(PublishRulesTest, AKnownIdIsADuplicate) {
  dedupe_.Add("m1", 2, 0);

  PublishFacts facts = Check("Nats-Msg-Id: m1");

  EXPECT_EQ(facts.verdict, Verdict::kDuplicate);
  EXPECT_EQ(facts.original, 2U);
  EXPECT_EQ(Check("Nats-Msg-Id: m2").id, "m2");
  EXPECT_EQ(Check("Nats-Msg-Id: ").verdict, Verdict::kAccept);
}

TEST_F(PublishRulesTest, SizeIsCheckedBeforeEveryHeader) {
  config_.max_msg_size = 10;

  EXPECT_EQ(ErrorOf("Nats-Expected-Stream: X"), 10054);
  EXPECT_EQ(Check("", "0123456789").verdict, Verdict::kAccept);
  EXPECT_EQ(Check("", "0123456789a").error.err_code, 10054);
}

TEST_F(PublishRulesTest, HeadersHaveALimitOfTheirOwn) {
  EXPECT_EQ(ErrorOf(Cat("A: ", std::string(70'000, 'x'))), 10097);
}

TEST_F(PublishRulesTest, ASealedStreamRefusesEverything) {
  config_.sealed = true;

  EXPECT_EQ(Check("").error.err_code, 10109);
}

TEST_F(PublishRulesTest, RollupIsReadWithoutRegardToCase) {
  config_.allow_rollup = true;

  EXPECT_EQ(Check("Nats-Rollup: SUB").rollup, Rollup::kSubject);
  EXPECT_EQ(Check("Nats-Rollup: all").rollup, Rollup::kAll);
  EXPECT_EQ(Check("Nats-Rollup: foo").error.description, "rollup value invalid: \"foo\"");
}

TEST_F(PublishRulesTest, WhatOnlyTheServerNeedsIsNotStored) {
  EXPECT_TRUE(Check("Nats-Request-Info: {}").strip_headers);
  EXPECT_FALSE(Check("A: b").strip_headers);

  EXPECT_EQ(StoredHeaders("NATS/1.0\r\nA: b\r\nNats-Request-Info: {}\r\n\r\n"),
            "NATS/1.0\r\nA: b\r\n\r\n");
  EXPECT_EQ(StoredHeaders("NATS/1.0 503 x\r\nA: b\r\n\r\n"), "NATS/1.0\r\nA: b\r\n\r\n");
  EXPECT_EQ(StoredHeaders("NATS/1.0 503\r\n\r\n"), "");
}

}  // namespace
}  // namespace weir::jetstream

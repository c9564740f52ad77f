#include "jetstream/fast_batches.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FastBatchControlTest, TheReplySubjectSaysEverything) {
  auto control = FastBatchControl::Parse("_INBOX.x.id.5.ok.7.2.$FI");

  ASSERT_TRUE(control);
  EXPECT_EQ(control->id, "id");
  EXPECT_EQ(control->flow, 5U);
  EXPECT_EQ(control->seq, 7U);
  EXPECT_TRUE(control->gap_ok && control->commit && !control->eob && !control->ping);
}

TEST(FastBatchControlTest, WhatIsNoControlIsRefused) {
  for (const char* reply :
       {".$FI", "x.$FI", "i.5.ok.1.0.$FI", "p.i.5.maybe.1.0.$FI", "p.i.5.ok.0.0.$FI",
        "p.i.5.ok.2.0.$FI", "p.i.5.ok.1.1.$FI", "p.i.5.ok.1.3.$FI", "p.i.5.ok.1.9.$FI"}) {
    EXPECT_FALSE(FastBatchControl::Parse(reply)) << reply;
  }
}

class FastBatchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.Boot();
    home_.CreateStream(R"("subjects":["a.>"],"allow_batched":true)");
  }

  // Everything that is said to any reply subject of the batch.
  std::vector<std::string> Send(std::string_view control, std::string_view headers = {}) {
    std::string reply = Cat("_R_.", control, ".$FI");
    home_.Send("a.x", reply, "x", headers);
    home_.RunTurns();
    auto answers = home_.router.PayloadsTo(reply);
    home_.router.Take();
    return answers;
  }
  uint64_t stored() { return home_.stream().store().state().messages; }

  testing::JsHome home_;
};

TEST_F(FastBatchesTest, SomeMessagesAreAckedAndTheLastOne) {
  EXPECT_THAT(Send("b.2.fail.1.0"), ElementsAre(R"({"type":"ack","seq":0,"msgs":2})"));
  EXPECT_THAT(Send("b.2.fail.2.1"), ElementsAre(R"({"type":"ack","seq":2,"msgs":2})"));
  EXPECT_THAT(Send("b.2.fail.3.1"), IsEmpty());
  EXPECT_THAT(Send("b.2.fail.4.2"), ElementsAre(R"({"stream":"S","seq":4,"batch":"b","count":4})"));
  EXPECT_EQ(stored(), 4U);
}

TEST_F(FastBatchesTest, TheEndIsAnsweredAtItsOwnReplyWhenMessagesStillWaitForTheirCommit) {
  Send("b.9.fail.1.0");
  home_.Send("a.x", "_R_.b.9.fail.2.1.$FI", "x");
  home_.Send("a.x", "_R_.b.9.fail.3.3.$FI", "");
  home_.RunTurns();

  EXPECT_THAT(home_.router.PayloadsTo("_R_.b.9.fail.3.3.$FI"),
              ElementsAre(R"({"stream":"S","seq":2,"batch":"b","count":2})"));
  EXPECT_THAT(home_.router.PayloadsTo("_R_.b.9.fail.2.1.$FI"), IsEmpty());
}

TEST_F(FastBatchesTest, AGapIsReportedAndMayEndTheBatch) {
  Send("b.9.fail.1.0");
  EXPECT_THAT(Send("b.9.fail.3.1"), ElementsAre(R"({"type":"gap","last_seq":2,"seq":3})",
                                                R"({"stream":"S","seq":1,"batch":"b","count":1})"));

  Send("c.9.ok.1.0");
  EXPECT_THAT(Send("c.9.ok.3.1"), ElementsAre(R"({"type":"gap","last_seq":2,"seq":3})"));
  EXPECT_EQ(stored(), 3U);
}

TEST_F(FastBatchesTest, AnErrorEndsABatchThatTakesNoGaps) {
  Send("b.9.fail.1.0");
  auto answers = Send("b.9.fail.2.1", "NATS/1.0\r\nNats-Expected-Stream: T\r\n\r\n");

  ASSERT_EQ(answers.size(), 2U);
  EXPECT_THAT(answers[0], ::testing::HasSubstr(R"({"type":"err","seq":2,"error":{)"));
  EXPECT_EQ(answers[1], R"({"stream":"S","seq":1,"batch":"b","count":1})");
}

TEST_F(FastBatchesTest, AnIdleBatchIsForgotten) {
  Send("b.9.fail.1.0");
  home_.Advance(11'000'000'000);

  EXPECT_THAT(Send("b.9.fail.2.1"), ElementsAre(::testing::HasSubstr("10208")));
}

}  // namespace
}  // namespace weir::jetstream

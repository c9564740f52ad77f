#include "jetstream/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ShardTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.Boot();
    home_.CreateStream(R"("subjects":["a"])", "A");
    home_.CreateStream(R"("subjects":["b"])", "B");
  }
  Shard& shard() { return home_.js->shard(0); }

  testing::JsHome home_;
};

TEST_F(ShardTest, AllStreamsOfATurnShareABatch) {
  size_t before = home_.commits.submitted;

  home_.Send("a", "r", "x");
  home_.Send("b", "r", "x");
  home_.Send("a", "r", "y");
  home_.RunTurns();

  EXPECT_EQ(home_.commits.submitted, before + 1);
  EXPECT_THAT(home_.router.PayloadsTo("r"),
              ElementsAre(R"({"stream":"A","seq":1})", R"({"stream":"A","seq":2})",
                          R"({"stream":"B","seq":1})"));
}

TEST_F(ShardTest, ATurnWithoutWorkSubmitsNothing) {
  size_t before = home_.commits.submitted;

  shard().Commit();

  EXPECT_EQ(home_.commits.submitted, before);
  EXPECT_FALSE(home_.commit_requested);
}

TEST_F(ShardTest, CachesOfAllStreamsAreTrimmedNowAndThen) {
  auto trims = [this] {
    int sum = 0;
    for (Stream* stream : shard().streams()) {
      sum += dynamic_cast<testing::FileLikeStore&>(stream->store()).trims;
    }
    return sum;
  };
  const int before = trims();

  home_.Advance(14'000'000'000);
  EXPECT_EQ(trims(), before);
  home_.Advance(2'000'000'000);
  EXPECT_EQ(trims(), before + 2);
  home_.Advance(15'000'000'000);
  EXPECT_EQ(trims(), before + 4);
}

TEST_F(ShardTest, WhatCompletionsStageGoesIntoTheNextBatch) {
  std::string order;
  shard().WhenDurable([&](const Status&) {
    order += "1";
    shard().WhenDurable([&](const Status&) { order += "2"; });
  });

  shard().Commit();
  EXPECT_EQ(order, "1");
  EXPECT_TRUE(home_.commit_requested);
  home_.RunTurns();
  EXPECT_EQ(order, "12");
}

TEST_F(ShardTest, WhoWaitsForDurabilityAsksForASync) {
  size_t synced = home_.commits.synced;
  bool visible = false;

  shard().WhenCommitted([&](const Status&) { visible = true; });
  shard().Commit();
  EXPECT_TRUE(visible);
  EXPECT_EQ(home_.commits.synced, synced);

  shard().WhenDurable([](const Status&) {});
  shard().Commit();
  EXPECT_EQ(home_.commits.synced, synced + 1);
}

TEST_F(ShardTest, AFailureIsToldToWhoWaitsAndStays) {
  home_.commits.Fail(DataLoss("full"));
  Status told;

  shard().WhenDurable([&](const Status& status) { told = status; });
  shard().Commit();

  EXPECT_EQ(Message(told), "full");
  EXPECT_EQ(Message(shard().failure()), "full");
  EXPECT_EQ(home_.log_lines.size(), 1U);
}

TEST_F(ShardTest, AStreamDeletedBeforeItsCommitIsForgotten) {
  home_.commits.immediate = false;
  home_.Send("a", "r", "x");
  home_.RunTurns();
  home_.Send("$JS.API.STREAM.DELETE.A", "d");
  home_.RunTurns();

  home_.commits.CommitAll();
  home_.RunTurns();

  EXPECT_EQ(shard().Find(kGlobalAccount, "A"), nullptr);
  EXPECT_EQ(home_.router.PayloadsTo("d").size(), 1U);
}

TEST_F(ShardTest, ShutdownTakesNothingMoreAndCommits) {
  home_.commits.immediate = false;
  home_.Send("a", "r", "x");

  shard().Shutdown();
  home_.Send("a", "r", "y");
  home_.commits.CommitAll();

  EXPECT_THAT(home_.router.PayloadsTo("r"), ElementsAre(R"({"stream":"A","seq":1})"));
}

}  // namespace
}  // namespace weir::jetstream

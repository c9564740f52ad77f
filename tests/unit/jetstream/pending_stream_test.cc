#include "jetstream/pending_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A server that has just started; stream 3, "S", with two messages, is still being read.
class PendingStreamTest : public ::testing::Test {
 protected:
  explicit PendingStreamTest(std::string_view more = {}) {
    home_.meta.streams[3] = {
        StreamId(3), "$G",
        Cat(R"({"name":"S","subjects":["a","b"],"allow_direct":true)", more, "}"), 5'000'000'000};
    auto store = std::make_unique<testing::FileLikeStore>(0, &home_.executor);
    store->Append({1, home_.clock.wall_ns(), "a", {}, "x"});
    store->Append({2, home_.clock.wall_ns(), "b", {}, "yy"});
    home_.stores.peeked[3] = {store->state(), store->FirstTimeNs()};
    home_.stores.disk[3] = std::move(store);
    home_.stores.hold = true;
  }
  void Ready() {
    home_.stores.Release();
    home_.RunTurns();
  }
  std::vector<std::string> Answers() {
    auto out = home_.router.PayloadsTo("_R_");
    home_.router.Take();
    return out;
  }

  testing::JsHome home_;
};

TEST_F(PendingStreamTest, TheServerIsReadyAndTellsWhatTheStreamHas) {
  home_.Boot();

  EXPECT_TRUE(home_.ready);
  std::string info = home_.Ask("$JS.API.STREAM.INFO.S");
  EXPECT_THAT(info, AllOf(HasSubstr(R"("messages":2)"), HasSubstr(R"("last_seq":2)"),
                          HasSubstr(R"("num_subjects":2)")));
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.LIST"), HasSubstr(R"("messages":2)"));
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.NAMES"), HasSubstr(R"(["S"])"));
  EXPECT_EQ(home_.js->catalog().usage(kGlobalAccount).storage.load(),
            static_cast<int64_t>(home_.stores.peeked[3].bytes));
  Ready();
  EXPECT_EQ(home_.Ask("$JS.API.STREAM.INFO.S"), info);
  EXPECT_EQ(home_.js->catalog().usage(kGlobalAccount).storage.load(),
            static_cast<int64_t>(home_.stores.peeked[3].bytes));
}

TEST_F(PendingStreamTest, WhatComesMeanwhileGoesOnInOrder) {
  home_.Boot();

  EXPECT_THAT(home_.Request("a", "1"), IsEmpty());
  EXPECT_THAT(home_.Request("$JS.API.STREAM.INFO.S", R"({"subjects_filter":">"})"), IsEmpty());
  EXPECT_THAT(home_.Request("$JS.API.STREAM.PURGE.S", R"({"filter":"a"})"), IsEmpty());
  EXPECT_THAT(home_.Request("a", "2"), IsEmpty());
  EXPECT_THAT(home_.Request("$JS.API.DIRECT.GET.S.b"), IsEmpty());
  Ready();

  auto answers = Answers();
  ASSERT_THAT(answers, SizeIs(5));
  EXPECT_THAT(answers, ::testing::Contains(R"({"stream":"S","seq":3})"));
  EXPECT_THAT(answers, ::testing::Contains(R"({"stream":"S","seq":4})"));
  EXPECT_THAT(answers, ::testing::Contains(HasSubstr(R"("subjects":{"a":2,"b":1})")));
  EXPECT_THAT(answers, ::testing::Contains(HasSubstr(R"("purged":2)")));
  EXPECT_THAT(answers, ::testing::Contains("yy"));
  EXPECT_EQ(home_.stream().store().state().messages, 2u);
}

TEST_F(PendingStreamTest, WithoutCountersTheInfoWaits) {
  home_.stores.peeked.clear();
  home_.Boot();

  EXPECT_THAT(home_.Request("$JS.API.STREAM.INFO.S"), IsEmpty());
  EXPECT_THAT(home_.Request("$JS.API.STREAM.LIST"), IsEmpty());
  Ready();

  EXPECT_THAT(Answers(), ::testing::Each(HasSubstr(R"("messages":2)")));
}

TEST_F(PendingStreamTest, TooManyThatWaitAreRefused) {
  home_.options.max_buffered_msgs = 2;
  home_.Boot();
  home_.Request("a", "1");
  home_.Request("a", "2");

  EXPECT_THAT(home_.Request("a", "3"), ElementsAre(HasSubstr(R"("err_code":10167)")));

  Ready();
  EXPECT_EQ(home_.stream().store().state().last_seq, 4u);
}

TEST_F(PendingStreamTest, DeletedStreamTakesNothingMore) {
  home_.Boot();
  EXPECT_THAT(home_.Request("$JS.API.STREAM.DELETE.S"), IsEmpty());
  EXPECT_FALSE(home_.router.subscribes("a"));
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.INFO.S"), HasSubstr(R"("err_code":10059)"));

  Ready();

  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("success":true)")));
  EXPECT_THAT(home_.meta.streams, IsEmpty());
}

TEST_F(PendingStreamTest, WhatCannotBeReadAnswersWithTheReason) {
  home_.Boot();
  home_.stores.error = DataLoss("nothing left");
  home_.Request("a", "1");
  home_.Request("$JS.API.CONSUMER.NAMES.S");

  Ready();

  EXPECT_THAT(Answers(), ::testing::UnorderedElementsAre(HasSubstr(R"("err_code":10194)"),
                                                         HasSubstr(R"("error")")));
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.INFO.S"), HasSubstr("stream is offline: nothing left"));
  EXPECT_THAT(home_.js->catalog().set_aside(), SizeIs(1));
}

TEST_F(PendingStreamTest, PullsAndAcksOfKnownConsumersWait) {
  home_.stores.hold = false;
  home_.Boot();
  home_.Ask(
      "$JS.API.CONSUMER.CREATE.S.c",
      R"({"stream_name":"S","config":{"durable_name":"c","name":"c","ack_policy":"explicit"}})");
  home_.RunTurns();

  testing::JsHome again;
  again.meta.streams = home_.meta.streams;
  again.meta.consumers = home_.meta.consumers;
  auto store = std::make_unique<testing::FileLikeStore>(0, &again.executor);
  store->Append({1, again.clock.wall_ns(), "a", {}, "x"});
  again.stores.disk[3] = std::move(store);
  again.stores.hold = true;
  again.Boot();
  again.Send("$JS.API.CONSUMER.MSG.NEXT.S.c", "inbox", "1");
  again.RunTurns();
  EXPECT_THAT(again.router.PayloadsTo("inbox"), IsEmpty());
  EXPECT_EQ(again.js->catalog().usage(kGlobalAccount).consumers.load(), 1);

  again.stores.Release();
  again.RunTurns();

  EXPECT_THAT(again.router.sent, ::testing::Not(IsEmpty()));
  EXPECT_EQ(again.router.sent.back().payload, "x");
  EXPECT_EQ(again.js->catalog().usage(kGlobalAccount).consumers.load(), 1);
}

TEST_F(PendingStreamTest, ShutdownForgetsWhatWaits) {
  home_.Boot();
  home_.Request("a", "1");

  home_.js->shard(0).Shutdown();
  Ready();

  EXPECT_FALSE(home_.router.subscribes("a"));
  EXPECT_THAT(Answers(), IsEmpty());
}

}  // namespace
}  // namespace weir::jetstream

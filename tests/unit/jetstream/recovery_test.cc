#include "jetstream/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

class RecoveryTest : public ::testing::Test {
 protected:
  void AddStream(uint32_t id, std::string_view config, std::string_view account = "$G") {
    home_.meta.streams[id] = {StreamId(id), std::string(account), std::string(config), 5 * kSecond};
    home_.stores.disk[id] = std::make_unique<testing::FileLikeStore>(0, &home_.executor);
  }
  void Store(uint32_t id, StreamSeq seq, int64_t age_ns, std::string_view message_id) {
    std::string headers = Cat("NATS/1.0\r\nNats-Msg-Id: ", message_id, "\r\n\r\n");
    home_.stores.disk[id]->Append(
        {seq, home_.clock.wall_ns() - age_ns, "a", message_id.empty() ? "" : headers, "x"});
  }
  std::string PublishWithId(std::string_view id) {
    return home_.Ask("a", "x", Cat("NATS/1.0\r\nNats-Msg-Id: ", id, "\r\n\r\n"));
  }

  testing::JsHome home_;
};

TEST_F(RecoveryTest, StreamsGoOnWhereTheyWere) {
  AddStream(3, R"({"name":"S","subjects":["a"],"duplicate_window":120000000000})");
  Store(3, 1, 3 * kSecond, "");
  Store(3, 2, 2 * kSecond, "");

  home_.Boot();

  EXPECT_TRUE(home_.ready);
  EXPECT_EQ(home_.report->streams, 1U);
  EXPECT_EQ(home_.stream().committed_seq(), 2U);
  EXPECT_EQ(home_.Ask("a", "x"), R"({"stream":"S","seq":3})");
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.INFO.S"), HasSubstr(R"("created":"1970-01-01T00:00:05Z")"));
}

TEST_F(RecoveryTest, TheDedupeWindowIsRebuilt) {
  AddStream(3, R"({"name":"S","subjects":["a"],"duplicate_window":10000000000})");
  Store(3, 1, 30 * kSecond, "old");
  Store(3, 2, 5 * kSecond, "young");
  Store(3, 3, 4 * kSecond, "");

  home_.Boot();

  EXPECT_EQ(PublishWithId("young"), R"({"stream":"S","seq":2,"duplicate": true})");
  EXPECT_EQ(PublishWithId("old"), R"({"stream":"S","seq":4})");
}

TEST_F(RecoveryTest, TheLastIdIsKnownEvenOutsideOfTheWindow) {
  AddStream(3, R"({"name":"S","subjects":["a"],"duplicate_window":10000000000})");
  Store(3, 1, 30 * kSecond, "last");

  home_.Boot();

  EXPECT_EQ(home_.Ask("a", "x", "NATS/1.0\r\nNats-Expected-Last-Msg-Id: last\r\n\r\n"),
            R"({"stream":"S","seq":2})");
}

TEST_F(RecoveryTest, ConsumersComeBackWithTheirState) {
  home_.Boot();
  home_.CreateStream(R"("subjects":["a"])");
  home_.Ask("a", "x");
  home_.Ask("a", "y");
  home_.Ask(
      "$JS.API.CONSUMER.CREATE.S.c",
      R"({"stream_name":"S","config":{"durable_name":"c","name":"c","ack_policy":"explicit"}})");
  home_.Send("$JS.API.CONSUMER.MSG.NEXT.S.c", "inbox", "1");
  home_.RunTurns();
  std::string ack = home_.router.sent.back().reply;
  home_.Send(ack, "double", "+ACK");
  home_.RunTurns();

  testing::JsHome again;
  again.meta.streams = home_.meta.streams;
  again.meta.consumers = home_.meta.consumers;
  auto store = std::make_unique<testing::FileLikeStore>(0, &again.executor);
  store->Append({1, again.clock.wall_ns(), "a", {}, "x"});
  store->Append({2, again.clock.wall_ns(), "a", {}, "y"});
  again.stores.disk[again.meta.streams.begin()->first] = std::move(store);
  again.Boot();

  EXPECT_EQ(again.report->consumers, 1U);
  EXPECT_THAT(again.Ask("$JS.API.CONSUMER.INFO.S.c"),
              HasSubstr(R"("ack_floor":{"consumer_seq":1,"stream_seq":1)"));
}

TEST_F(RecoveryTest, WhatCannotBeLoadedIsSetAside) {
  AddStream(1, R"({"name":"GOOD","subjects":["g"]})");
  AddStream(2, R"({"name":"BAD")");
  AddStream(3, R"({"name":"NOSTORE","subjects":["n"]})");
  home_.stores.disk.erase(3);
  AddStream(4, R"({"name":"NOBODY"})", "gone");
  home_.meta.damaged = {"stream 9: checksum"};

  home_.Boot();

  EXPECT_EQ(home_.report->streams, 2U);
  EXPECT_EQ(home_.js->catalog().set_aside().size(), 2U);
  EXPECT_EQ(home_.report->damaged.size(), 1U);
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.INFO.NOSTORE"), HasSubstr(R"("err_code":10194)"));
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.CREATE.NOSTORE", R"({"name":"NOSTORE"})"),
              HasSubstr(R"("err_code":10194)"));
  EXPECT_EQ(home_.Ask("g", "x"), R"({"stream":"GOOD","seq":1})");
  EXPECT_EQ(home_.meta.streams.size(), 4U) << "nothing is deleted";
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.NAMES"), HasSubstr(R"("streams":["GOOD","NOSTORE"])"));
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.LIST"),
              AllOf(HasSubstr(R"("total":2)"), HasSubstr(R"("missing":["NOSTORE"])"),
                    HasSubstr(R"("offline":{"NOSTORE":"no blocks"})")));
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.DELETE.NOSTORE"), HasSubstr(R"("success":true)"));
  EXPECT_THAT(home_.Ask("$JS.API.STREAM.INFO.NOSTORE"), HasSubstr(R"("err_code":10059)"));
  EXPECT_EQ(home_.meta.streams.size(), 3U);
  EXPECT_EQ(home_.log_lines.size(), 4U);
}

TEST_F(RecoveryTest, TheNewerStreamOfANameWins) {
  AddStream(1, R"({"name":"S","subjects":["old"]})");
  AddStream(2, R"({"name":"S","subjects":["new"]})");

  home_.Boot();

  EXPECT_EQ(home_.stream().id(), StreamId(2));
  EXPECT_TRUE(home_.router.subscribes("new"));
  EXPECT_FALSE(home_.router.subscribes("old"));
}

TEST_F(RecoveryTest, OldMessagesExpireAtTheStart) {
  AddStream(3, R"({"name":"S","subjects":["a"],"max_age":10000000000})");
  Store(3, 1, 30 * kSecond, "");
  Store(3, 2, 5 * kSecond, "");

  home_.Boot();
  home_.Advance(1);

  EXPECT_EQ(home_.stream().store().state().first_seq, 2U);
}

}  // namespace
}  // namespace weir::jetstream

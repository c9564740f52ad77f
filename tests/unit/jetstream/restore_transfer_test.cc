#include "jetstream/restore_transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/backup_world.h"

namespace weir::jetstream {
namespace {

using testing::BackupWorld;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::string_view kConfig = R"({"name":"S","subjects":["a.*"]})";

std::string Small(
    std::string_view state =
        R"({"messages":2,"bytes":80,"first_seq":3,"last_seq":9,"consumer_count":0})") {
  return BackupWorld::Pack(state, {}, {{3, 1, "a.b", {}, "x"}, {5, 2, "a.c", {}, "y"}});
}

class RestoreTransferTest : public ::testing::Test {
 protected:
  void ExpectNothingLeft() {
    EXPECT_THAT(world_.Ask("$JS.API.STREAM.INFO.S"), HasSubstr("10059"));
    EXPECT_TRUE(world_.meta.streams.empty());
    EXPECT_TRUE(world_.js->shard(0).streams().empty());
    EXPECT_THAT(world_.CreateStream(R"("subjects":["a.*"])"), HasSubstr("did_create"));
  }

  BackupWorld world_;
};

TEST_F(RestoreTransferTest, WhatWasBackedUpIsThereAgain) {
  world_.CreateStream(R"("subjects":["a.*"])");
  for (int i = 0; i < 50; ++i) {
    world_.Ask("a.b", Cat("body ", i), "NATS/1.0\r\nK: v\r\n\r\n");
  }
  world_.Ask("$JS.API.STREAM.MSG.DELETE.S", R"({"seq":7})");
  world_.Ask("$JS.API.STREAM.MSG.DELETE.S", R"({"seq":50})");
  world_.Ask("$JS.API.CONSUMER.DURABLE.CREATE.S.D",
             R"({"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit"}})");
  auto backup = world_.Back("S");
  std::string info = world_.Ask("$JS.API.STREAM.INFO.S", R"({"deleted_details":true})");
  std::string message = world_.Ask("$JS.API.STREAM.MSG.GET.S", R"({"seq":8})");
  std::string consumer = world_.Ask("$JS.API.CONSUMER.INFO.S.D");
  world_.Ask("$JS.API.STREAM.DELETE.S");

  auto answers = world_.Upload(world_.BeginRestore(kConfig), backup.bytes, 100);

  EXPECT_THAT(answers.back(), StartsWith(R"({"type":"io.nats.jetstream.api.v1.stream_create)"));
  EXPECT_THAT(answers.back(), HasSubstr(R"("state":{"messages":48,)"));
  answers.pop_back();
  EXPECT_THAT(answers, Each(IsEmpty()));
  EXPECT_EQ(world_.Ask("$JS.API.STREAM.INFO.S", R"({"deleted_details":true})"), info);
  EXPECT_EQ(world_.Ask("$JS.API.STREAM.MSG.GET.S", R"({"seq":8})"), message);
  EXPECT_EQ(world_.Ask("$JS.API.CONSUMER.INFO.S.D"), consumer);
  EXPECT_THAT(world_.Ask("a.b", "next"), HasSubstr(R"("seq":51)"));
  EXPECT_EQ(world_.meta.streams.size(), 1U);
}

TEST_F(RestoreTransferTest, SequencesAtBothEndsStay) {
  std::string answer = world_.Restore(kConfig, Small());

  EXPECT_THAT(answer, HasSubstr(R"("first_seq":3,)"));
  EXPECT_THAT(answer, HasSubstr(R"("last_seq":9,)"));
  EXPECT_THAT(answer, HasSubstr(R"("num_deleted":5,)"));
  EXPECT_THAT(world_.Ask("a.b", "next"), HasSubstr(R"("seq":10)"));
}

TEST_F(RestoreTransferTest, AnEmptyStreamGoesOnWhereItWas) {
  std::string emptied = BackupWorld::Pack(R"({"first_seq":8,"last_seq":7})", {}, {});

  EXPECT_THAT(world_.Restore(kConfig, emptied), HasSubstr(R"("first_seq":8,)"));
  EXPECT_THAT(world_.Ask("a.b", "next"), HasSubstr(R"("seq":8)"));
}

TEST_F(RestoreTransferTest, ABadArchiveLeavesNothing) {
  std::string good = Small();
  std::string flipped = good;
  flipped[good.size() - 3] = static_cast<char>(flipped[good.size() - 3] ^ 1);
  std::string cut_off = BackupWorld::Pack(R"({"messages":1,"first_seq":1,"last_seq":1})", {},
                                          {{1, 1, "a.b", {}, "x"}}, false);

  EXPECT_THAT(world_.Restore(kConfig, cut_off), HasSubstr(R"("restore failed: EOF")"));
  EXPECT_THAT(world_.Restore(kConfig, flipped), HasSubstr(R"("err_code":10062)"));
  EXPECT_THAT(world_.Restore(kConfig, good.substr(0, 30)), HasSubstr("s2: corrupt input"));
  EXPECT_THAT(world_.Restore(kConfig, ""), HasSubstr("restore failed: EOF"));
  ExpectNothingLeft();
}

TEST_F(RestoreTransferTest, ABadConsumerLeavesNothing) {
  std::string bytes = BackupWorld::Pack(
      R"({"consumer_count":1})",
      {{"consumers/D", R"({"config":{"durable_name":"D","ack_policy":"none"},"state":{)"
                       R"("delivered":{"consumer_seq":1,"stream_seq":5},"ack_floor":{},)"
                       R"("pending":{"2":{"Sequence":1,"Timestamp":1}}}})"}},
      {});

  EXPECT_THAT(world_.Restore(kConfig, bytes), HasSubstr("failed to set consumer \\\"D\\\" state"));
  ExpectNothingLeft();
}

TEST_F(RestoreTransferTest, NobodySeesAStreamThatIsNotComplete) {
  std::string subject = world_.BeginRestore(kConfig);
  EXPECT_EQ(world_.Ask(subject, Small()), "");

  EXPECT_THAT(world_.Ask("$JS.API.STREAM.INFO.S"), HasSubstr("10059"));
  EXPECT_THAT(world_.Ask("$JS.API.STREAM.NAMES"), HasSubstr(R"("streams":null)"));
  EXPECT_THAT(world_.Ask("$JS.API.STREAM.DELETE.S"), HasSubstr("10059"));
  EXPECT_THAT(world_.CreateStream(R"("subjects":["a.*"])"), HasSubstr("10058"));
  EXPECT_THAT(world_.BeginRestore(kConfig), HasSubstr("10130"));
  EXPECT_EQ(world_.Ask("a.b", "lost"), "(none)");
  EXPECT_THAT(world_.Ask(subject), HasSubstr(R"("messages":2,)"));
}

TEST_F(RestoreTransferTest, ATakenNameAndTakenSubjectsAreRefused) {
  std::string first = world_.BeginRestore(kConfig);
  world_.CreateStream(R"("subjects":["a.*"])", "OTHER");

  EXPECT_THAT(world_.Upload(first, Small()).back(),
              HasSubstr("restore failed: error adding stream: subjects overlap with an existing"));
  world_.Ask("$JS.API.STREAM.DELETE.OTHER");
  std::string second = world_.BeginRestore(kConfig);
  world_.CreateStream(R"("subjects":["a.*"])");
  EXPECT_THAT(world_.Upload(second, Small()).back(), HasSubstr(R"("err_code":10130)"));
}

TEST_F(RestoreTransferTest, AStalledRestoreIsGivenUp) {
  std::string subject = world_.BeginRestore(kConfig);
  world_.Ask(subject, Small());

  world_.Advance(5 * kSecond);

  EXPECT_FALSE(world_.router.subscribes(subject));
  ExpectNothingLeft();
}

TEST_F(RestoreTransferTest, AChunkWithoutReplyEndsIt) {
  std::string subject = world_.BeginRestore(kConfig);

  world_.Send(subject, {}, Small());
  world_.RunTurns();

  EXPECT_FALSE(world_.router.subscribes(subject));
  ExpectNothingLeft();
}

TEST_F(RestoreTransferTest, MessagesThatHaveOutlivedThemselvesAreGaps) {
  int64_t now = world_.clock.wall_ns();
  std::string bytes =
      BackupWorld::Pack(R"({"messages":2,"first_seq":1,"last_seq":2})", {},
                        {{1, now - 10 * kSecond, "a.b", "NATS/1.0\r\nNats-TTL: 5s\r\n\r\n", "x"},
                         {2, now, "a.b", "NATS/1.0\r\nNats-TTL: 5s\r\n\r\n", "y"}});

  std::string answer =
      world_.Restore(R"({"name":"S","subjects":["a.*"],"allow_msg_ttl":true})", bytes);

  EXPECT_THAT(answer, HasSubstr(R"("messages":1,)"));
  EXPECT_THAT(answer, HasSubstr(R"("last_seq":2,)"));
}

TEST_F(RestoreTransferTest, WhatDoesNotFitIsRefused) {
  EXPECT_THAT(world_.Restore(R"({"name":"S","subjects":["a.*"],"max_msg_size":0})", Small()),
              HasSubstr(R"("messages":2,)"))
      << "0 is no limit";
  world_.Ask("$JS.API.STREAM.DELETE.S");
  std::string large = BackupWorld::Pack(R"({"messages":1,"first_seq":1,"last_seq":1})", {},
                                        {{1, 1, "a.b", {}, "0123456789"}});
  EXPECT_THAT(world_.Restore(R"({"name":"S","subjects":["a.*"],"max_msg_size":9})", large),
              HasSubstr("message sequence 1 exceeds maximum message size"));
  ExpectNothingLeft();
}

TEST_F(RestoreTransferTest, AMemoryStreamIsRestoredToo) {
  EXPECT_THAT(world_.Restore(R"({"name":"S","subjects":["a.*"],"storage":"memory"})", Small()),
              HasSubstr(R"("messages":2,)"));
  EXPECT_TRUE(world_.meta.streams.empty());
}

TEST_F(RestoreTransferTest, AdvisoriesTellOfBeginningAndEnd) {
  world_.router.interest.push_back("$JS.EVENT.ADVISORY.STREAM.>");
  std::string subject = world_.BeginRestore(kConfig);
  world_.Ask(subject, Small());
  world_.Send(subject, "_R_");
  world_.RunTurns();

  auto completed = world_.router.PayloadsTo("$JS.EVENT.ADVISORY.STREAM.RESTORE_COMPLETE.S");
  ASSERT_EQ(completed.size(), 1U);
  EXPECT_THAT(completed[0], HasSubstr(Cat(R"("bytes":)", Small().size())));
}

}  // namespace
}  // namespace weir::jetstream

#include "jetstream/origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kSecond = 1'000'000'000;

class OriginTest : public ::testing::Test {
 protected:
  OriginTest() {
    home_.Boot();
    home_.CreateStream(R"("subjects":["o.>"])", "O");
  }
  // Long enough for a session to begin, or to notice that it has ended.
  void Settle(int seconds = 1) {
    for (int i = 0; i < 5 * seconds; ++i) {
      home_.router.TellWatchers();
      home_.Advance(kSecond / 5);
    }
    home_.router.Take();
  }
  std::string Info(std::string_view stream) {
    return home_.Ask(Cat("$JS.API.STREAM.INFO.", stream), R"({"subjects_filter":">"})");
  }
  const storage::StoreState& State(std::string_view stream) {
    return home_.stream(stream).store().state();
  }
  std::string HeadersOf(std::string_view stream, StreamSeq seq) {
    storage::StoredMessage message;
    EXPECT_EQ(home_.stream(stream).store().Get(seq, message), storage::ReadOutcome::kFound);
    return std::string(message.view.headers);
  }
  // The server ends; its streams and what was committed stay.
  void Restart() {
    std::vector<std::pair<uint32_t, std::unique_ptr<storage::StreamStore>>> kept;
    for (auto* stream : home_.js->shard(0).streams()) {
      auto copy = std::make_unique<testing::FileLikeStore>(0, &home_.executor);
      const auto& state = stream->store().state();
      storage::StoredMessage message;
      for (StreamSeq seq = 1; seq <= state.last_seq; ++seq) {
        if (stream->store().Get(seq, message) == storage::ReadOutcome::kFound) {
          copy->Append(message.view);
        }
      }
      kept.emplace_back(stream->id().value(), std::move(copy));
    }
    home_.js->shard(0).Shutdown();
    home_.RunTurns();
    home_.js.reset();
    for (auto& [id, store] : kept) {
      home_.stores.disk[id] = std::move(store);
    }
    home_.Boot();
  }

  testing::JsHome home_;
};

TEST_F(OriginTest, AMirrorKeepsNumbersAndTimes) {
  home_.Ask("o.a", "1");
  home_.Advance(kSecond);
  home_.Ask("o.b", "2", "NATS/1.0\r\nNats-Expected-Stream: O\r\nX: y\r\n\r\n");
  home_.CreateStream(R"("mirror":{"name":"O"})", "M");
  Settle();
  home_.Ask("o.c", "3");

  EXPECT_EQ(State("M").messages, 3U);
  EXPECT_EQ(State("M").last_time_ns, State("O").last_time_ns);
  EXPECT_EQ(HeadersOf("M", 2), "NATS/1.0\r\nX: y\r\n\r\n");
  EXPECT_THAT(Info("M"), HasSubstr(R"("mirror":{"name":"O","lag":0,"active":)"));
  EXPECT_THAT(Info("O"), HasSubstr(R"("consumer_count":0)"));
}

TEST_F(OriginTest, WhatAMirrorDoesNotGetIsAGap) {
  for (int i = 0; i < 6; ++i) {
    home_.Ask(i % 2 == 0 ? "o.a" : "o.b", "x");
  }
  home_.CreateStream(R"("mirror":{"name":"O","filter_subject":"o.b"})", "M");
  Settle();

  EXPECT_EQ(State("M").first_seq, 2U);
  EXPECT_EQ(State("M").last_seq, 6U);
  EXPECT_EQ(State("M").messages, 3U);
  EXPECT_EQ(State("M").num_deleted, 2U);
}

TEST_F(OriginTest, AMirrorGoesOnAfterARestart) {
  home_.Ask("o.a", "1");
  home_.CreateStream(R"("mirror":{"name":"O"})", "M");
  Settle();
  Restart();
  home_.Ask("o.a", "2");
  Settle();

  EXPECT_EQ(State("M").messages, 2U);
  EXPECT_EQ(State("M").last_seq, 2U);
}

TEST_F(OriginTest, ASourceTakesEachMessageOnceOverARestart) {
  home_.CreateStream(R"("sources":[{"name":"O"}])", "S");
  Settle();
  home_.Ask("o.a", "1");
  home_.Ask("o.a", "2");
  EXPECT_EQ(State("S").messages, 2U);
  Restart();
  Settle();
  home_.Ask("o.a", "3");

  EXPECT_EQ(State("S").messages, 3U);
  EXPECT_THAT(HeadersOf("S", 3), HasSubstr("Nats-Stream-Source: O 3 > > o.a "));
  EXPECT_THAT(Info("S"), HasSubstr(R"("sources":[{"name":"O","lag":0,"seq":3,"active":)"));
}

TEST_F(OriginTest, SubjectsAreTransformedAndTheMarkSaysHow) {
  home_.CreateStream(
      R"("sources":[{"name":"O","subject_transforms":[{"src":"o.*","dest":"s.$1"}]}])", "S");
  Settle();
  home_.Ask("o.a", "1");
  home_.Ask("o.a.b", "2");

  EXPECT_EQ(State("S").messages, 1U);
  EXPECT_TRUE(home_.stream("S").store().LastOf("s.a").has_value());
  EXPECT_THAT(HeadersOf("S", 1), HasSubstr("Nats-Stream-Source: O 1 o.* s.$1 o.a "));
}

TEST_F(OriginTest, AnOriginThatIsMadeAgainIsReadFromItsBeginning) {
  home_.CreateStream(R"("sources":[{"name":"O"}])", "S");
  Settle();
  home_.Ask("o.a", "1");
  home_.Ask("o.a", "2");
  home_.Ask("$JS.API.STREAM.DELETE.O");
  home_.Advance(kSecond);
  home_.CreateStream(R"("subjects":["o.>"])", "O");
  home_.Ask("o.a", "3");
  Settle(10);

  EXPECT_EQ(State("S").messages, 3U);
  EXPECT_THAT(HeadersOf("S", 3), HasSubstr("Nats-Stream-Source: O 1 > > o.a "));
}

TEST_F(OriginTest, AnOriginThatIsNotThereYetIsWaitedFor) {
  home_.CreateStream(R"("mirror":{"name":"LATER"})", "M");
  Settle();
  EXPECT_THAT(Info("M"), HasSubstr(R"("err_code":10059)"));
  home_.CreateStream(R"("subjects":["l"])", "LATER");
  home_.Ask("l", "x");
  Settle(12);

  EXPECT_EQ(State("M").messages, 1U);
  EXPECT_THAT(Info("M"), Not(HasSubstr("error")));
}

TEST_F(OriginTest, AWorkQueueLetsGoOfWhatHasBeenStored) {
  home_.CreateStream(R"("subjects":["w"],"retention":"workqueue")", "W");
  home_.Ask("w", "1");
  home_.CreateStream(R"("sources":[{"name":"W"}])", "S");
  Settle(4);

  EXPECT_EQ(State("S").messages, 1U);
  EXPECT_EQ(State("W").messages, 0U);
  EXPECT_THAT(Info("W"), HasSubstr(R"("consumer_count":1)"));

  home_.Ask("$JS.API.STREAM.DELETE.S");
  EXPECT_THAT(Info("W"), HasSubstr(R"("consumer_count":0)"));
}

TEST_F(OriginTest, AFullStreamTakesTheMessageLater) {
  home_.CreateStream(R"("sources":[{"name":"O"}],"max_msgs":1,"discard":"new")", "S");
  Settle();
  home_.Ask("o.a", "1");
  home_.Ask("o.a", "2");
  Settle(3);
  EXPECT_EQ(State("S").last_seq, 1U);
  home_.Ask("$JS.API.STREAM.PURGE.S");
  Settle(12);

  EXPECT_EQ(State("S").last_seq, 2U);
  EXPECT_THAT(HeadersOf("S", 2), HasSubstr("Nats-Stream-Source: O 2 "));
}

TEST_F(OriginTest, AnUpdateAddsAndRemovesOrigins) {
  home_.CreateStream(R"("subjects":["p"])", "P");
  home_.CreateStream(R"("sources":[{"name":"O"}])", "S");
  Settle();
  home_.Ask("$JS.API.STREAM.UPDATE.S", R"({"name":"S","sources":[{"name":"P"}]})");
  Settle();
  home_.Ask("o.a", "no more");
  home_.Ask("p", "now");

  EXPECT_EQ(State("S").messages, 1U);
  EXPECT_TRUE(home_.stream("S").store().LastOf("p").has_value());
}

TEST_F(OriginTest, AMirrorThatHasCaughtUpAnswersForItsOrigin) {
  home_.CreateStream(R"("subjects":["d"],"allow_direct":true)", "D");
  home_.CreateStream(R"("mirror":{"name":"D"})", "M");
  Settle();
  home_.Ask("d", "x");
  home_.Ask("$JS.API.STREAM.UPDATE.D", R"({"name":"D","subjects":["d"]})");

  home_.Send("$JS.API.DIRECT.GET.D.d", "_R_");
  home_.RunTurns();
  ASSERT_FALSE(home_.router.sent.empty());
  EXPECT_THAT(home_.router.sent.back().headers, HasSubstr("Nats-Stream: M\r\n"));
}

TEST_F(OriginTest, AConsumerOfOnesOwnIsReset) {
  home_.Ask("o.a", "1");
  home_.Ask("$JS.API.CONSUMER.CREATE.O.f",
            R"({"stream_name":"O","config":{"durable_name":"f","ack_policy":"flow_control",)"
            R"("deliver_subject":"to.s"}})");
  home_.CreateStream(R"("sources":[{"name":"O","consumer":{"name":"f","deliver_subject":"to.s"}}])",
                     "S");
  Settle(4);

  EXPECT_EQ(State("S").messages, 1U);
  EXPECT_THAT(HeadersOf("S", 1), HasSubstr("Nats-Stream-Source: O:C="));
  EXPECT_EQ(home_.stream("O").FindConsumer("f")->ack_floor(), (SequencePair{1, 1}));
}

TEST_F(OriginTest, AnotherKindOfConsumerIsNotTaken) {
  home_.Ask("$JS.API.CONSUMER.CREATE.O.e",
            R"({"stream_name":"O","config":{"durable_name":"e","ack_policy":"explicit",)"
            R"("deliver_subject":"to.e"}})");
  home_.CreateStream(R"("mirror":{"name":"O","consumer":{"name":"e","deliver_subject":"to.e"}})",
                     "M");
  Settle();
  EXPECT_THAT(Info("M"), HasSubstr(R"("err_code":10214)"));
}

}  // namespace
}  // namespace weir::jetstream

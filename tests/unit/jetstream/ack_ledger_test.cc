#include "jetstream/ack_ledger.h"

#include <random>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int64_t kWait = 1000;

class AckLedgerTest : public ::testing::Test {
 protected:
  AckLedgerTest() {
    config_.ack_policy = AckPolicy::kExplicit;
    config_.ack_wait_ns = kWait;
    config_.max_deliver = -1;
    config_.max_ack_pending = 4;
    ledger_.Configure(config_);
    ledger_.Start(1);
  }

  std::vector<std::pair<StreamSeq, uint32_t>> Expire(int64_t now) {
    std::vector<std::pair<StreamSeq, uint32_t>> exhausted;
    ledger_.Expire(
        now, [&](StreamSeq seq, uint32_t deliveries) { exhausted.emplace_back(seq, deliveries); });
    return exhausted;
  }

  // The queue of redeliveries, delivering each again at `now`.
  std::vector<StreamSeq> RedeliverAll(int64_t now) {
    std::vector<StreamSeq> out;
    while (StreamSeq seq = ledger_.NextRedelivery().seq) {
      ledger_.Redeliver(seq, now);
      out.push_back(seq);
    }
    return out;
  }

  ConsumerConfig config_;
  AckLedger ledger_;
};

TEST_F(AckLedgerTest, StartsBehindTheFirstMessageToDeliver) {
  ledger_.Start(7);

  EXPECT_EQ(ledger_.next_stream_seq(), 7u);
  EXPECT_EQ(ledger_.next_consumer_seq(), 1u);
  EXPECT_EQ(ledger_.floor(), (SequencePair{0, 6}));
}

TEST_F(AckLedgerTest, AcksInOrderMoveTheFloor) {
  for (StreamSeq seq : {2, 5, 9}) {
    ledger_.Deliver(seq, 0);
  }

  EXPECT_TRUE(ledger_.Ack(2));

  EXPECT_EQ(ledger_.floor(), (SequencePair{1, 4}));
  EXPECT_EQ(ledger_.delivered(), (SequencePair{3, 9}));
  EXPECT_EQ(ledger_.num_pending(), 2u);
}

TEST_F(AckLedgerTest, AnAckOutOfOrderLeavesTheFloorUntilTheGapIsClosed) {
  for (StreamSeq seq : {1, 2, 3}) {
    ledger_.Deliver(seq, 0);
  }

  ledger_.Ack(2);
  EXPECT_EQ(ledger_.floor(), (SequencePair{0, 0}));
  ledger_.Ack(1);
  EXPECT_EQ(ledger_.floor(), (SequencePair{2, 2}));
  ledger_.Ack(3);
  EXPECT_EQ(ledger_.floor(), (SequencePair{3, 3}));
}

TEST_F(AckLedgerTest, AcksOfUnknownOrDoneMessagesChangeNothing) {
  ledger_.Deliver(1, 0);
  ledger_.Ack(1);

  EXPECT_FALSE(ledger_.Ack(1));
  EXPECT_FALSE(ledger_.Ack(99));
  EXPECT_EQ(ledger_.floor(), (SequencePair{1, 1}));
}

TEST_F(AckLedgerTest, RoomIsBoundedByMaxAckPending) {
  for (StreamSeq seq : {1, 2, 3, 4}) {
    EXPECT_TRUE(ledger_.HasRoom());
    ledger_.Deliver(seq, 0);
  }

  EXPECT_FALSE(ledger_.HasRoom());
  ledger_.Ack(3);
  EXPECT_TRUE(ledger_.HasRoom());
}

TEST_F(AckLedgerTest, AnExpiredMessageIsQueuedOnceAndCountsItsDeliveries) {
  ledger_.Deliver(1, 0);
  ledger_.Deliver(2, 10);
  EXPECT_EQ(ledger_.next_deadline_ns(), kWait);

  Expire(kWait);
  Expire(kWait);

  EXPECT_EQ(ledger_.num_queued(), 1u);
  EXPECT_EQ(ledger_.NextRedelivery().seq, 1u);
  EXPECT_EQ(ledger_.NextRedelivery().deliveries, 1u);
  EXPECT_THAT(RedeliverAll(kWait), ElementsAre(1));
  EXPECT_EQ(ledger_.Find(1)->deliveries, 2u);
  EXPECT_EQ(ledger_.num_redelivered(), 1u);
  EXPECT_EQ(ledger_.delivered(), (SequencePair{3, 2}));
  EXPECT_EQ(ledger_.next_deadline_ns(), kWait + 10);
}

TEST_F(AckLedgerTest, RedeliveriesComeInStreamOrder) {
  for (StreamSeq seq : {1, 2, 3}) {
    ledger_.Deliver(seq, 0);
  }
  ledger_.Nak(1, 1, 2 * kWait, 0);
  ledger_.Nak(3, 3, kWait / 2, 0);

  Expire(2 * kWait);

  EXPECT_THAT(RedeliverAll(0), ElementsAre(1, 2, 3));
}

TEST_F(AckLedgerTest, ANakWithoutDelayIsQueuedAtOnce) {
  ledger_.Deliver(1, 0);

  EXPECT_TRUE(ledger_.Nak(1, 1, 0, 0));
  EXPECT_TRUE(ledger_.Nak(1, 1, 0, 0));

  EXPECT_EQ(ledger_.num_queued(), 1u);
}

TEST_F(AckLedgerTest, ADelayedNakWaitsAndLeavesOthersAlone) {
  ledger_.Deliver(1, 0);
  ledger_.Nak(1, 1, 10 * kWait, 0);
  ledger_.Deliver(2, 0);
  ledger_.Deliver(3, 0);

  Expire(kWait);
  EXPECT_THAT(RedeliverAll(kWait), ElementsAre(2, 3));
  Expire(10 * kWait);
  EXPECT_THAT(RedeliverAll(10 * kWait), ElementsAre(1, 2, 3));
}

TEST_F(AckLedgerTest, ANakBehindTheFloorIsIgnored) {
  ledger_.Deliver(1, 0);
  ledger_.Deliver(2, 0);
  ledger_.Ack(1);

  EXPECT_FALSE(ledger_.Nak(2, 1, 0, 0));
  EXPECT_FALSE(ledger_.Nak(1, 1, 0, 0));
  EXPECT_EQ(ledger_.num_queued(), 0u);
}

TEST_F(AckLedgerTest, ProgressBeginsTheWaitAnew) {
  ledger_.Deliver(1, 0);

  EXPECT_TRUE(ledger_.Progress(1, 900));

  Expire(kWait);
  EXPECT_EQ(ledger_.num_queued(), 0u);
  EXPECT_EQ(ledger_.next_deadline_ns(), 900 + kWait);
  EXPECT_FALSE(ledger_.Progress(2, 900));
}

TEST_F(AckLedgerTest, BackoffGivesTheWaitOfEachAttemptAndTheLastRepeats) {
  config_.backoff_ns = {100, 300};
  config_.ack_wait_ns = 100;
  ledger_.Configure(config_);
  ledger_.Deliver(1, 0);
  EXPECT_EQ(ledger_.next_deadline_ns(), 100);

  Expire(100);
  RedeliverAll(100);
  EXPECT_EQ(ledger_.next_deadline_ns(), 400);
  Expire(400);
  RedeliverAll(400);
  EXPECT_EQ(ledger_.next_deadline_ns(), 700);
}

TEST_F(AckLedgerTest, AtMaxDeliverAMessageIsGivenUpButStillNeeded) {
  config_.max_deliver = 2;
  ledger_.Configure(config_);
  ledger_.Deliver(1, 0);
  ledger_.Deliver(2, 0);
  ledger_.Ack(2);
  EXPECT_THAT(Expire(kWait), IsEmpty());
  RedeliverAll(kWait);

  EXPECT_THAT(Expire(3 * kWait), ElementsAre(Pair(1, 2)));

  EXPECT_EQ(ledger_.num_pending(), 0u);
  EXPECT_EQ(ledger_.num_redelivered(), 1u);
  EXPECT_EQ(ledger_.floor(), (SequencePair{3, 2}));
  EXPECT_TRUE(ledger_.Needs(1));
  ledger_.Ack(1);
  EXPECT_FALSE(ledger_.Needs(1));
}

TEST_F(AckLedgerTest, ANakAtMaxDeliverShowsAsExhausted) {
  config_.max_deliver = 1;
  ledger_.Configure(config_);
  ledger_.Deliver(1, 0);

  ledger_.Nak(1, 1, 0, 0);

  EXPECT_TRUE(ledger_.NextRedelivery().exhausted);
}

TEST_F(AckLedgerTest, AckAllCoversEverythingBelow) {
  config_.ack_policy = AckPolicy::kAll;
  ledger_.Configure(config_);
  for (StreamSeq seq : {2, 4, 6}) {
    ledger_.Deliver(seq, 0);
  }
  std::vector<StreamSeq> done;

  EXPECT_TRUE(ledger_.AckAll(4, 2, [&](StreamSeq seq) { done.push_back(seq); }));

  EXPECT_THAT(done, ElementsAre(2, 4));
  EXPECT_EQ(ledger_.floor(), (SequencePair{2, 4}));
  EXPECT_EQ(ledger_.num_pending(), 1u);
  EXPECT_FALSE(ledger_.AckAll(2, 1, [&](StreamSeq seq) { done.push_back(seq); }));
  EXPECT_FALSE(ledger_.AckAll(8, 4, [&](StreamSeq seq) { done.push_back(seq); }));
}

TEST_F(AckLedgerTest, WithoutAcksADeliveryIsDoneAtOnce) {
  config_.ack_policy = AckPolicy::kNone;
  ledger_.Configure(config_);

  ledger_.Deliver(3, 0);

  EXPECT_EQ(ledger_.floor(), (SequencePair{1, 3}));
  EXPECT_EQ(ledger_.num_pending(), 0u);
  EXPECT_EQ(ledger_.next_deadline_ns(), INT64_MAX);
}

TEST_F(AckLedgerTest, ATrimmedStreamTakesItsMessagesOutOfTheTable) {
  for (StreamSeq seq : {1, 2, 3}) {
    ledger_.Deliver(seq, 0);
  }

  ledger_.TrimTo(3);

  EXPECT_EQ(ledger_.num_pending(), 1u);
  EXPECT_EQ(ledger_.floor(), (SequencePair{2, 2}));
  ledger_.TrimTo(10);
  EXPECT_EQ(ledger_.floor(), ledger_.delivered());
  EXPECT_EQ(ledger_.delivered(), (SequencePair{3, 3}));
}

TEST_F(AckLedgerTest, WhatIsHeldStaysInFlightUntilItIsAcked) {
  ledger_.Deliver(1, 0);
  ledger_.Deliver(2, 0);

  ledger_.Hold(1);

  EXPECT_FALSE(ledger_.Nak(1, 1, 0, 10));
  EXPECT_FALSE(ledger_.Progress(1, 10));
  EXPECT_TRUE(ledger_.Ack(2));
  EXPECT_EQ(ledger_.next_deadline_ns(), INT64_MAX);
  EXPECT_THAT(Expire(10 * kWait), IsEmpty());
  ledger_.ExpireAll([](StreamSeq, uint32_t) { ADD_FAILURE(); });
  EXPECT_FALSE(ledger_.has_redeliveries());
  EXPECT_EQ(ledger_.num_pending(), 1U);
  EXPECT_EQ(ledger_.floor().stream, 0U);
  EXPECT_TRUE(ledger_.Ack(1));
  EXPECT_EQ(ledger_.floor().stream, 2U);
}

TEST_F(AckLedgerTest, WithDeadLettersTheExhaustedAreHeldAndARestartGivesThemAgain) {
  config_.max_deliver = 1;
  config_.metadata["weir.dead_letter"] = "dead";
  ledger_.Configure(config_);
  ledger_.Deliver(1, 0);

  EXPECT_THAT(Expire(kWait), ElementsAre(Pair(1, 1)));
  EXPECT_THAT(Expire(2 * kWait), IsEmpty());
  EXPECT_EQ(ledger_.num_pending(), 1U);
  ledger_.Restore(ledger_.Save());

  EXPECT_THAT(Expire(3 * kWait), ElementsAre(Pair(1, 1)));
  EXPECT_EQ(ledger_.floor().stream, 0U);
}

TEST_F(AckLedgerTest, SkippingCountsAsDelivered) {
  ledger_.Deliver(1, 0);

  ledger_.SkipTo(11);

  EXPECT_EQ(ledger_.delivered(), (SequencePair{1, 10}));
  EXPECT_EQ(ledger_.floor(), (SequencePair{1, 10}));
  EXPECT_EQ(ledger_.next_stream_seq(), 11u);
}

TEST_F(AckLedgerTest, ASavedLedgerGoesOnWhereItWas) {
  config_.max_deliver = 3;
  ledger_.Configure(config_);
  for (StreamSeq seq : {1, 2, 3}) {
    ledger_.Deliver(seq, 0);
  }
  ledger_.Ack(1);
  ledger_.Nak(3, 3, 0, 0);
  RedeliverAll(50);

  AckLedger other;
  other.Configure(config_);
  other.Restore(ledger_.Save());

  EXPECT_EQ(other.delivered(), ledger_.delivered());
  EXPECT_EQ(other.floor(), ledger_.floor());
  EXPECT_EQ(other.num_redelivered(), 1u);
  EXPECT_EQ(other.next_deadline_ns(), kWait);
  EXPECT_EQ(other.Find(3)->deliveries, 2u);
  EXPECT_EQ(other.Find(3)->deadline_ns, 50 + kWait);
}

// Against a plain model: every message is in flight or done, the floor never passes what is in
// flight, and nothing is lost or delivered by the ledger that was acked.
TEST_F(AckLedgerTest, RandomWorkKeepsTheBooksStraight) {
  config_.max_ack_pending = 50;
  ledger_.Configure(config_);
  std::mt19937 random(17);
  std::vector<StreamSeq> flying;
  int64_t now = 0;
  StreamSeq last = 0;
  for (int step = 0; step < 20000; ++step) {
    SCOPED_TRACE(step);
    now += 7;
    auto what = random() % 10;
    if (what < 5 && ledger_.HasRoom()) {
      last += 1 + random() % 3;
      ledger_.Deliver(last, now);
      flying.push_back(last);
    } else if (what < 8 && !flying.empty()) {
      size_t at = random() % flying.size();
      ASSERT_TRUE(ledger_.Ack(flying[at]));
      flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (what == 8 && !flying.empty()) {
      StreamSeq seq = flying[random() % flying.size()];
      ASSERT_TRUE(ledger_.Nak(seq, ledger_.Find(seq)->consumer_seq,
                              static_cast<int64_t>(random() % 3000), now));
    } else {
      Expire(now);
      RedeliverAll(now);
    }
    ASSERT_EQ(ledger_.num_pending(), flying.size());
    if (flying.empty()) {
      ASSERT_EQ(ledger_.floor().stream, last);
    } else {
      ASSERT_LT(ledger_.floor().stream, flying.front());
    }
    for (StreamSeq seq : flying) {
      ASSERT_TRUE(ledger_.Needs(seq));
    }
  }
}

}  // namespace
}  // namespace weir::jetstream

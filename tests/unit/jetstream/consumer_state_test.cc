#include "jetstream/consumer_state.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

constexpr int64_t kOffset = 1'767'225'600'000'000'000;

ConsumerState Sample() {
  ConsumerState state;
  state.ledger.delivered = {12, 400};
  state.ledger.floor = {3, 100};
  state.ledger.pending = {{101, 4, 5000, 4000, 1}, {399, 11, 90'000'000'000, 4100, 7}};
  state.ledger.given_up = {{50, 3}, {77, 5}};
  state.last_per_subject_end = 390;
  return state;
}

TEST(ConsumerStateTest, WhatWasEncodedComesBack) {
  ConsumerState before = Sample();

  auto after = DecodeConsumerState(EncodeConsumerState(before, kOffset), kOffset);

  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->ledger.delivered, before.ledger.delivered);
  EXPECT_EQ(after->ledger.floor, before.ledger.floor);
  EXPECT_EQ(after->ledger.given_up, before.ledger.given_up);
  EXPECT_EQ(after->last_per_subject_end, 390u);
  ASSERT_EQ(after->ledger.pending.size(), 2u);
  EXPECT_EQ(after->ledger.pending[1].stream_seq, 399u);
  EXPECT_EQ(after->ledger.pending[1].consumer_seq, 11u);
  EXPECT_EQ(after->ledger.pending[1].deadline_ns, 90'000'000'000);
  EXPECT_EQ(after->ledger.pending[1].delivered_ns, 4100);
  EXPECT_EQ(after->ledger.pending[1].deliveries, 7u);
}

TEST(ConsumerStateTest, DeadlinesFollowTheWallClockOverARestart) {
  std::string bytes = EncodeConsumerState(Sample(), kOffset);

  // The new process's steady clock began later.
  auto after = DecodeConsumerState(bytes, kOffset + 1000);

  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->ledger.pending[0].deadline_ns, 4000);
}

TEST(ConsumerStateTest, EveryTruncationIsReported) {
  std::string bytes = EncodeConsumerState(Sample(), kOffset);

  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeConsumerState(bytes.substr(0, size), kOffset).ok()) << size;
  }
  EXPECT_FALSE(DecodeConsumerState(bytes + "x", kOffset).ok());
}

TEST(ConsumerStateTest, AnUnknownVersionIsReported) {
  std::string bytes = EncodeConsumerState(Sample(), kOffset);
  bytes[0] = 9;

  EXPECT_FALSE(DecodeConsumerState(bytes, kOffset).ok());
}

TEST(ConsumerStateTest, AnAbsurdCountIsReportedWithoutAllocatingIt) {
  std::string bytes = EncodeConsumerState(ConsumerState{}, kOffset);
  bytes.resize(6);
  bytes += "\xff\xff\xff\xff\xff\xff\xff\x7f";

  EXPECT_FALSE(DecodeConsumerState(bytes, kOffset).ok());
}

}  // namespace
}  // namespace weir::jetstream

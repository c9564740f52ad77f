#include "jetstream/atomic_batches.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;

class AtomicBatchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.Boot();
    home_.CreateStream(R"("subjects":["a.>"],"allow_atomic":true,"allow_msg_counter":false)");
  }

  std::string Send(std::string_view id, int seq, std::string_view more = {},
                   std::string_view subject = "a.x") {
    return home_.Ask(subject, "x",
                     Cat("NATS/1.0\r\nNats-Batch-Id: ", id, "\r\nNats-Batch-Sequence: ", seq,
                         "\r\n", more, "\r\n"));
  }
  uint64_t stored() { return home_.stream().store().state().messages; }

  testing::JsHome home_;
};

TEST_F(AtomicBatchesTest, NothingIsStoredBeforeTheCommit) {
  EXPECT_EQ(Send("b", 1), "");
  EXPECT_EQ(Send("b", 2), "");
  EXPECT_EQ(stored(), 0U);

  EXPECT_EQ(Send("b", 3, "Nats-Batch-Commit: 1\r\n"),
            R"({"stream":"S","seq":3,"batch":"b","count":3})");
  EXPECT_EQ(stored(), 3U);
}

TEST_F(AtomicBatchesTest, AnEndMarkerIsNotStored) {
  Send("b", 1);

  EXPECT_EQ(Send("b", 2, "Nats-Batch-Commit: eob\r\n"),
            R"({"stream":"S","seq":1,"batch":"b","count":1})");
  EXPECT_EQ(stored(), 1U);
}

TEST_F(AtomicBatchesTest, OneThatIsRefusedStoresNothing) {
  Send("b", 1);

  EXPECT_THAT(Send("b", 2, "Nats-Expected-Stream: T\r\nNats-Batch-Commit: 1\r\n"),
              HasSubstr("10060"));
  EXPECT_EQ(stored(), 0U);
  EXPECT_THAT(Send("b", 3), HasSubstr("10176"));
}

TEST_F(AtomicBatchesTest, AGapEndsTheBatch) {
  Send("b", 1);

  EXPECT_THAT(Send("b", 3), HasSubstr("10176"));
  EXPECT_THAT(Send("b", 2), HasSubstr("10176"));
}

TEST_F(AtomicBatchesTest, AnIdleBatchIsDropped) {
  Send("b", 1);
  home_.Advance(11'000'000'000);

  EXPECT_THAT(Send("b", 2, "Nats-Batch-Commit: 1\r\n"), HasSubstr("10176"));
}

TEST_F(AtomicBatchesTest, ThereAreOnlySoMany) {
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(Send(Cat("b", i), 1), "");
  }
  EXPECT_THAT(Send("more", 1), HasSubstr("10210"));
}

}  // namespace
}  // namespace weir::jetstream

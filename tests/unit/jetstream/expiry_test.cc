#include "jetstream/expiry.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/cold_store.h"

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::string_view kMarker =
    "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: 3s\r\nNats-Rollup: sub\r\n\r\n";

class ExpiryTest : public ::testing::Test {
 protected:
  void Create(std::string_view members) {
    home_.Boot();
    ASSERT_THAT(home_.CreateStream(Cat(R"("subjects":["a.*"],)", members)),
                HasSubstr("did_create"));
  }
  std::string Publish(std::string_view subject, std::string_view ttl, std::string_view more = "") {
    return home_.Ask(subject, "x",
                     ttl.empty() ? "" : Cat("NATS/1.0\r\nNats-TTL: ", ttl, "\r\n", more, "\r\n"));
  }
  // Sequences that are still there.
  std::vector<StreamSeq> Left() {
    std::vector<StreamSeq> out;
    auto& store = home_.stream().store();
    storage::StoredMessage message;
    for (StreamSeq seq = 1; seq <= store.state().last_seq; ++seq) {
      if (store.Get(seq, message) != storage::ReadOutcome::kMissing) {
        out.push_back(seq);
      }
    }
    return out;
  }
  std::string HeadersOf(StreamSeq seq) {
    storage::StoredMessage message;
    WEIR_CHECK(home_.stream().store().Get(seq, message) == storage::ReadOutcome::kFound);
    return std::string(message.view.headers);
  }

  testing::JsHome home_;
};

TEST_F(ExpiryTest, EachMessageLivesAsLongAsItWishes) {
  Create(R"("allow_msg_ttl":true)");
  Publish("a.1", "3s");
  Publish("a.2", "1s");
  Publish("a.3", "");

  home_.Advance(kSecond);
  EXPECT_THAT(Left(), ElementsAre(1, 3));
  home_.Advance(2 * kSecond);
  EXPECT_THAT(Left(), ElementsAre(3));
}

TEST_F(ExpiryTest, AnEarlierEndMovesTheTimer) {
  Create(R"("allow_msg_ttl":true)");
  Publish("a.1", "1h");
  home_.Advance(kSecond);
  Publish("a.2", "1s");

  home_.Advance(kSecond);

  EXPECT_THAT(Left(), ElementsAre(1));
}

TEST_F(ExpiryTest, InvalidOrDisabledLivesAreRefused) {
  Create(R"("allow_msg_ttl":true)");
  home_.CreateStream(R"("subjects":["b"])", "B");

  EXPECT_THAT(Publish("a.1", "500ms"), HasSubstr("10165"));
  EXPECT_THAT(Publish("b", "5s"), HasSubstr("10166"));
}

TEST_F(ExpiryTest, NeverOutlivesMaxAge) {
  Create(R"("allow_msg_ttl":true,"max_age":4000000000)");
  Publish("a.1", "never");
  Publish("a.2", "");
  home_.Advance(2 * kSecond);
  Publish("a.3", "never");
  Publish("a.4", "");

  home_.Advance(2 * kSecond);
  EXPECT_THAT(Left(), ElementsAre(1, 3, 4));
  home_.Advance(2 * kSecond);
  EXPECT_THAT(Left(), ElementsAre(1, 3));
  EXPECT_EQ(home_.timers.size(), 1U) << "nothing is left that could expire; the caches are trimmed";
}

TEST_F(ExpiryTest, TheLastOfASubjectLeavesAMarker) {
  Create(R"("subject_delete_marker_ttl":3000000000)");
  Publish("a.1", "1s");  // raised to the marker's three seconds
  Publish("a.2", "4s");
  Publish("a.3", "5s", "KV-Operation: PURGE\r\n");
  Publish("a.2", "");

  home_.Advance(3 * kSecond);
  EXPECT_THAT(Left(), ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(HeadersOf(5), kMarker);
  home_.Advance(kSecond);
  EXPECT_THAT(Left(), ElementsAre(3, 4, 5)) << "a.2 has a younger message";
  home_.Advance(kSecond);
  EXPECT_THAT(Left(), ElementsAre(4, 5)) << "a purge is not marked";
  home_.Advance(kSecond);
  EXPECT_THAT(Left(), ElementsAre(4)) << "a marker is not marked";
}

TEST_F(ExpiryTest, MaxAgeLeavesMarkersToo) {
  Create(R"("subject_delete_marker_ttl":3000000000,"max_age":5000000000)");
  Publish("a.1", "");

  home_.Advance(5 * kSecond);
  EXPECT_THAT(Left(), ElementsAre(2));
  EXPECT_EQ(HeadersOf(2), kMarker);
  home_.Advance(3 * kSecond);
  EXPECT_THAT(Left(), IsEmpty());
  EXPECT_EQ(home_.stream().committed_seq(), 2U);
}

TEST_F(ExpiryTest, LivesAreKnownAgainAfterARestart) {
  home_.meta.streams[1] = {StreamId(1), "$G",
                           R"({"name":"S","subjects":["a.*"],"allow_msg_ttl":true})", 0};
  auto store = std::make_unique<testing::FileLikeStore>(0, &home_.executor);
  store->Append({1, home_.clock.wall_ns(), "a.1", "NATS/1.0\r\nNats-TTL: 2s\r\n\r\n", "x"});
  store->Append({2, home_.clock.wall_ns(), "a.1", {}, "x"});
  home_.stores.disk[1] = std::move(store);
  home_.Boot();

  home_.Advance(2 * kSecond);

  EXPECT_THAT(Left(), ElementsAre(2));
}

TEST_F(ExpiryTest, WhatIsOnDiskIsLoadedToBeMarked) {
  home_.meta.streams[1] = {StreamId(1), "$G",
                           R"({"name":"S","subjects":["a.*"],"allow_msg_ttl":true,)"
                           R"("subject_delete_marker_ttl":3000000000})",
                           0};
  auto store = std::make_unique<testing::ColdStore>(0, &home_.executor);
  auto* cold = store.get();
  store->Append({1, home_.clock.wall_ns(), "a.1", "NATS/1.0\r\nNats-TTL: 4s\r\n\r\n", "x"});
  home_.stores.disk[1] = std::move(store);
  home_.Boot();

  home_.Advance(4 * kSecond);

  EXPECT_GT(cold->loads, 0U);
  EXPECT_THAT(Left(), ElementsAre(2));
}

}  // namespace
}  // namespace weir::jetstream

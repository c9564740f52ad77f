#include "jetstream/consumer_events.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/consumer_world.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

class ConsumerEventsTest : public ::testing::Test {
 protected:
  ConsumerEventsTest() : events_(world_.env, kGlobalAccount, "ORDERS", "C") {
    world_.router.interest.push_back("$JS.EVENT.>");
  }

  testing::FakeRouter::Sent Only() {
    auto sent = world_.router.Take();
    EXPECT_EQ(sent.size(), 1u);
    return sent.empty() ? testing::FakeRouter::Sent{} : sent.front();
  }

  testing::ConsumerWorld world_;
  ConsumerEvents events_;
};

TEST_F(ConsumerEventsTest, NobodyListensNothingIsSent) {
  world_.router.interest.clear();

  events_.Created();
  events_.Exceeded(1, 2);

  EXPECT_THAT(world_.router.Take(), IsEmpty());
}

TEST_F(ConsumerEventsTest, CreationAndDeletion) {
  events_.Created();
  auto created = Only();
  EXPECT_EQ(created.subject, "$JS.EVENT.ADVISORY.CONSUMER.CREATED.ORDERS.C");
  EXPECT_THAT(created.payload,
              MatchesRegex(R"(\{"type":"io\.nats\.jetstream\.advisory\.v1\.consumer_action",)"
                           R"("id":"[0-9A-Za-z]{22}","timestamp":"2026-01-01T00:00:00Z",)"
                           R"("stream":"ORDERS","consumer":"C","action":"create"\})"));
  events_.Deleted();
  EXPECT_THAT(Only().payload, HasSubstr(R"("action":"delete"})"));
}

TEST_F(ConsumerEventsTest, TheDomainIsNamedWhenThereIsOne) {
  world_.options.domain = "hub";

  events_.Naked({3, 4}, 5);

  EXPECT_THAT(Only().payload,
              HasSubstr(R"("consumer_seq":3,"stream_seq":4,"deliveries":5,"domain":"hub"})"));
}

TEST_F(ConsumerEventsTest, AReasonIsLeftOutWhenThereIsNone) {
  events_.Terminated({3, 4}, 5, {});
  EXPECT_THAT(Only().payload, Not(HasSubstr("reason")));
  events_.Terminated({3, 4}, 5, "because");
  EXPECT_THAT(Only().payload, HasSubstr(R"("deliveries":5,"reason":"because"})"));
}

TEST_F(ConsumerEventsTest, PinsNameTheAccountFirst) {
  events_.Pinned("g", "id");
  auto pinned = Only();
  EXPECT_EQ(pinned.subject, "$JS.EVENT.ADVISORY.CONSUMER.PINNED.ORDERS.C");
  EXPECT_THAT(pinned.payload, HasSubstr(R"("account":"$G","stream":"ORDERS","consumer":"C",)"
                                        R"("group":"g","pinned_id":"id"})"));
  events_.Unpinned("g", "admin");
  EXPECT_THAT(Only().payload, HasSubstr(R"("group":"g","reason":"admin"})"));
}

TEST_F(ConsumerEventsTest, Pauses) {
  events_.Paused(true, world_.clock.wall_ns());

  EXPECT_THAT(Only().payload, HasSubstr(R"("paused":true,"pause_until":"2026-01-01T00:00:00Z"})"));
}

}  // namespace
}  // namespace weir::jetstream

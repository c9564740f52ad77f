#include "jetstream/api_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ApiQueueTest : public ::testing::Test {
 protected:
  ApiQueueTest() {
    home_.options.request_queue_limit = 5;
    home_.options.info_queue_limit = 3;
  }
  void Push(bool only_asks, std::string name) {
    queue_.Push(only_asks, [this, name] { done_.push_back(name); });
  }

  testing::JsHome home_;
  ApiQueue queue_{home_.env};
  std::vector<std::string> done_;
};

TEST_F(ApiQueueTest, InfosComeBehindEverythingElse) {
  Push(true, "info");
  Push(false, "create");
  Push(false, "delete");
  EXPECT_TRUE(done_.empty());

  home_.RunTurns();

  EXPECT_THAT(done_, ElementsAre("create", "delete", "info"));
}

TEST_F(ApiQueueTest, AQueueThatReachesItsLimitIsDropped) {
  home_.router.interest.push_back("$JS.EVENT.ADVISORY.API.LIMIT_REACHED");
  for (int i = 0; i < 5; ++i) {
    Push(false, "request");
  }
  Push(true, "info");
  Push(false, "later");
  home_.RunTurns();

  EXPECT_THAT(done_, ElementsAre("later", "info"));
  EXPECT_THAT(home_.log_lines.back(),
              HasSubstr("JetStream API queue limit reached, dropping 5 requests"));
  auto advisories = home_.router.PayloadsTo("$JS.EVENT.ADVISORY.API.LIMIT_REACHED");
  ASSERT_EQ(advisories.size(), 1U);
  EXPECT_THAT(advisories[0], HasSubstr(R"("type":"io.nats.jetstream.advisory.v1.api_limit_)"));
  EXPECT_THAT(advisories[0], HasSubstr(R"("server":"ref","dropped":5})"));
}

TEST_F(ApiQueueTest, EachQueueHasItsLimit) {
  for (int i = 0; i < 3; ++i) {
    Push(true, "info");
  }
  for (int i = 0; i < 4; ++i) {
    Push(false, "request");
  }
  home_.RunTurns();

  EXPECT_EQ(done_.size(), 4U);
  EXPECT_THAT(home_.log_lines.back(), HasSubstr("JetStream API info queue limit reached"));
}

TEST_F(ApiQueueTest, OthersRunWhileManyWait) {
  home_.options.request_queue_limit = 1000;
  for (int i = 0; i < 500; ++i) {
    Push(false, "request");
  }
  size_t done_before = 0;
  home_.executor.Post([&] { done_before = done_.size(); });
  home_.RunTurns();

  EXPECT_LT(done_before, 100U);
  EXPECT_EQ(done_.size(), 500U);
}

}  // namespace
}  // namespace weir::jetstream

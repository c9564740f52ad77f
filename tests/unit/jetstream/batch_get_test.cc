#include "jetstream/batch_get.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/headers.h"
#include "tests/support/js_home.h"

namespace weir::jetstream {
namespace {

using ::testing::ElementsAre;

// Each answer as "payload pending last", the end of the batch as "status pending last [upto]".
class BatchGetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.Boot();
    home_.CreateStream(R"("subjects":["a.>"],"allow_direct":true)");
    for (const char* subject : {"a.x", "a.y", "a.x", "a.z", "a.y"}) {
      home_.Ask(subject, Cat("m", ++published_));
    }
  }

  std::vector<std::string> Get(std::string_view body) {
    home_.Send("$JS.API.DIRECT.GET.S", "_R_", body);
    home_.RunTurns();
    std::vector<std::string> out;
    for (const auto& sent : home_.router.Take()) {
      std::string line = sent.payload;
      if (auto status = protocol::StatusOf(sent.headers)) {
        CatTo(line, status->code);
      }
      for (const char* key : {"Nats-Num-Pending", "Nats-Last-Sequence", "Nats-UpTo-Sequence"}) {
        if (auto value = protocol::FindHeader(sent.headers, key)) {
          CatTo(line, " ", *value);
        }
      }
      out.push_back(line);
    }
    return out;
  }

  testing::JsHome home_;
  int published_ = 0;
};

TEST_F(BatchGetTest, ARunEndsWithWhatIsLeft) {
  EXPECT_THAT(Get(R"({"seq":1,"batch":2})"), ElementsAre("m1 4 0", "m2 3 1", "204 3 2"));
  EXPECT_THAT(Get(R"({"next_by_subj":"a.y","batch":9})"),
              ElementsAre("m2 1 0", "m5 0 2", "204 0 5"));
  EXPECT_THAT(Get(R"({"seq":9,"batch":9})"), ElementsAre("404"));
  EXPECT_THAT(Get(R"({"seq":1,"batch":9,"max_bytes":1})"), ElementsAre("m1 4 0", "204 4 1"));
}

TEST_F(BatchGetTest, TheLastOfEachSubjectComesInOrder) {
  EXPECT_THAT(Get(R"({"multi_last":["a.*","a.x"]})"),
              ElementsAre("m3 2 0", "m4 1 3", "m5 0 4", "204 0 5 5"));
  EXPECT_THAT(Get(R"({"multi_last":["a.*"],"up_to_seq":2})"),
              ElementsAre("m1 1 0", "m2 0 1", "204 0 2 2"));
  EXPECT_THAT(Get(R"({"multi_last":["b"]})"), ElementsAre("404"));
  EXPECT_THAT(Get(R"({"multi_last":[""]})"), ElementsAre("404"));
}

TEST_F(BatchGetTest, WhatIsOnlyStagedWaitsForItsCommit) {
  home_.Send("a.x", "", "m6");
  EXPECT_THAT(Get(R"({"seq":6,"batch":1})"), ElementsAre("m6 0 0", "204 0 6"));
}

TEST_F(BatchGetTest, ALongRunIsSentInPieces) {
  for (int i = 0; i < 600; ++i) {
    home_.Ask("a.w", "x");
  }
  EXPECT_EQ(Get(R"({"next_by_subj":"a.w","batch":1000})").size(), 601U);
}

}  // namespace
}  // namespace weir::jetstream

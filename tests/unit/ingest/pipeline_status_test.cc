#include "ingest/pipeline_status.h"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace weir::ingest {
namespace {

TEST(PipelineStatusTest, JsonBothWays) {
  PipelineStatus status;
  status.name = "x";
  status.state = PipelineState::kWaitingForSink;
  status.error = "disk full";
  status.exit_code = 3;
  status.position = 40;
  status.stream_last = 100;
  status.rows = 12;
  status.gaps = {{5, 9, "gone"}};

  auto again = StatusFromJson(StatusToJson(status));

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->state, PipelineState::kWaitingForSink);
  EXPECT_EQ(again->lag(), 60u);
  EXPECT_EQ(boost::json::serialize(StatusToJson(*again)),
            boost::json::serialize(StatusToJson(status)));
}

TEST(PipelineStatusTest, FinalStates) {
  EXPECT_FALSE(IsFinal(PipelineState::kWaitingForSink));
  EXPECT_TRUE(IsFinal(PipelineState::kDone));
  EXPECT_TRUE(IsFinal(PipelineState::kStopped));
  EXPECT_TRUE(IsFinal(PipelineState::kFailed));
}

TEST(PipelineStatusTest, ExitCodes) {
  EXPECT_EQ(ExitCodeOf(OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(InvalidArgument("")), 2);
  EXPECT_EQ(ExitCodeOf(NotFound("")), 2);
  EXPECT_EQ(ExitCodeOf(Unavailable("")), 3);
  EXPECT_EQ(ExitCodeOf(MakeStatus(StatusCode::kPermissionDenied, "")), 3);
  EXPECT_EQ(ExitCodeOf(ResourceExhausted("")), 4);
  EXPECT_EQ(ExitCodeOf(DataLoss("")), 5);
  EXPECT_EQ(ExitCodeOf(Internal("")), 1);
}

}  // namespace
}  // namespace weir::ingest

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/sink.h"
#include "tests/support/fake_source.h"

namespace weir::ingest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SinksTest, TheSchemeChoosesTheSink) {
  HandClock clock;
  ExportSpec spec;
  spec.sink = "sqlite:x.db";

  auto sink = MakeSink(spec, clock);

  ASSERT_TRUE(sink.ok()) << sink.status();
  EXPECT_EQ((*sink)->traits().name, "sqlite");
}

TEST(SinksTest, AnUnknownOneIsNamedWithoutItsPassword) {
  HandClock clock;
  ExportSpec spec;
  spec.sink = "oracle://u:canary@h/x";

  std::string error(Message(MakeSink(spec, clock).status()));

  EXPECT_THAT(error, HasSubstr("oracle://u:***@h/x"));
  EXPECT_THAT(error, HasSubstr("it has: sqlite"));
  EXPECT_THAT(error, Not(HasSubstr("canary")));
}

}  // namespace
}  // namespace weir::ingest

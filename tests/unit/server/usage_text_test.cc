#include "server/usage_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

using ::testing::HasSubstr;

TEST(UsageTextTest, NamesTheFlagsThatToolsLookFor) {
  for (const char* flag : {"--config", "--port", "-js", "--store_dir", "--signal", "--logtime_utc",
                           "--ports_file_dir", "--tlscert"}) {
    EXPECT_THAT(std::string(UsageText()), HasSubstr(flag));
  }
}

TEST(UsageTextTest, TlsHelpShowsABlock) {
  EXPECT_THAT(std::string(TlsUsageText()), HasSubstr("cert_file"));
}

}  // namespace
}  // namespace weir::server

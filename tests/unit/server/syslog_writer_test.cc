#include "server/syslog_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(SyslogWriterTest, OnlyTheTextOfALineIsSent) {
  EXPECT_EQ(TextOfLogLine("[12] 2026/11/21 14:00:00.000000 [INF] a [b] c\n"), "a [b] c");
  EXPECT_EQ(TextOfLogLine("[12] [WRN] x\n"), "x");
  EXPECT_EQ(TextOfLogLine("no label\n"), "no label");
}

TEST(SyslogWriterTest, AddressesOfOtherKindsAreRefused) {
  EXPECT_EQ(Message(SyslogWriter::Remote("http://host:514", "weir").status()),
            "error invalid network type: \"http\"");
  EXPECT_EQ(Message(SyslogWriter::Remote("host:514", "weir").status()),
            "error invalid network type: \"\"");
}

TEST(SyslogWriterTest, ADaemonThatIsNotThereIsNamed) {
  EXPECT_EQ(Message(SyslogWriter::Remote("unix:///no/such/socket", "weir").status()),
            "error connecting to syslog: /no/such/socket");
}

}  // namespace
}  // namespace weir::server

#include "server/start_log.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "protocol/base/strings.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::vector<std::string> LinesOf(const Options& options) {
  std::vector<std::string> lines;
  Log log;
  log.set_timestamps(false, false);
  log.set_sink([&](LogLevel, std::string_view line) {
    lines.emplace_back(TrimSpace(line.substr(line.find("] [") + 2)));
  });
  LogStart(log, options, {.id = "NID", .name = "X", .xkey = "XKEY"});
  return lines;
}

TEST(StartLogTest, LinesComeInTheReferencesOrder) {
  Options options;
  options.jetstream.enabled = true;
  options.cluster.configured = true;
  options.cluster.name = "C";
  options.auth.password = "plain";
  options.config_file = "f.conf";
  options.config_digest = "sha256:00";

  EXPECT_THAT(LinesOf(options),
              ElementsAre("[INF] Starting nats-server", HasSubstr("[INF]   Version:  2."),
                          HasSubstr("[INF]   Weir:     "),
                          MatchesRegex(R"(\[INF\]   Git:      \[(not set|[0-9a-f]+)\])"),
                          "[INF]   Cluster:  C", "[INF]   Name:     X",
                          "[INF]   Node:     Dglu96W1", "[INF]   ID:       NID",
                          "[WRN] Plaintext passwords detected, use nkeys or bcrypt",
                          "[INF] Using configuration file: f.conf (sha256:00)",
                          HasSubstr("[WRN] This server runs alone")));
}

TEST(StartLogTest, WhatIsNotConfiguredIsNotMentioned) {
  EXPECT_THAT(LinesOf({}),
              ElementsAre(HasSubstr("Starting"), HasSubstr("Version"), HasSubstr("Weir"),
                          HasSubstr("Git"), HasSubstr("Name"), HasSubstr("ID")));
}

}  // namespace
}  // namespace weir::server

#include "server/command_line.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Action = CommandLine::Action;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest()
      : file_((std::filesystem::temp_directory_path() / Cat("weir_command_", ::getpid(), ".conf"))
                  .string()) {}
  ~CommandLineTest() override { std::filesystem::remove(file_); }

  void Write(const std::string& text) const { std::ofstream(file_, std::ios::binary) << text; }

  static CommandLine Parse(std::vector<std::string> arguments,
                           const std::string& name = "/usr/bin/nats-server") {
    arguments.insert(arguments.begin(), name);
    return ParseCommandLine(arguments);
  }
  static std::string Error(std::vector<std::string> arguments) {
    auto line = Parse(std::move(arguments));
    EXPECT_EQ(line.action, Action::kExit);
    EXPECT_EQ(line.exit_code, 1);
    EXPECT_EQ(line.out, "");
    return line.err;
  }

  const std::string file_;
};

TEST_F(CommandLineTest, NoFlagsRunWithTheDefaults) {
  auto line = Parse({});

  EXPECT_EQ(line.action, Action::kRun);
  EXPECT_EQ(line.options.client.port, 4222);
  EXPECT_EQ(line.err, "");
}

TEST_F(CommandLineTest, VersionInEverySpelling) {
  for (const char* word : {"-v", "--v", "-version", "--version", "version", "VERSION"}) {
    auto line = Parse({word});
    EXPECT_EQ(line.action, Action::kExit) << word;
    EXPECT_EQ(line.out, "nats-server: v2.15.2\n") << word;
    EXPECT_EQ(line.exit_code, 0) << word;
  }
}

TEST_F(CommandLineTest, ByItsOwnNameTheVersionIsAlsoItsOwn) {
  EXPECT_EQ(Parse({"--version"}, "./weir").out,
            Cat("nats-server: v2.15.2\nweir: v", kWeirVersion, "\n"));
}

TEST_F(CommandLineTest, HelpInEverySpelling) {
  for (const char* word : {"-h", "--help", "help"}) {
    auto line = Parse({word});
    EXPECT_THAT(line.out, HasSubstr("Usage:")) << word;
    EXPECT_EQ(line.exit_code, 0) << word;
  }
  EXPECT_THAT(Parse({"--help_tls"}).out, HasSubstr("tls {"));
}

TEST_F(CommandLineTest, AnUnknownFlagShowsTheUsageAndLeavesWithoutAnError) {
  auto line = Parse({"--whatever=1"});

  EXPECT_EQ(line.action, Action::kExit);
  EXPECT_EQ(line.err, "flag provided but not defined: -whatever\n");
  EXPECT_THAT(line.out, HasSubstr("Usage:"));
  EXPECT_EQ(line.exit_code, 0);
}

TEST_F(CommandLineTest, AnUnknownWordIsAnError) {
  EXPECT_EQ(Error({"start"}), "nats-server: unrecognized command: \"start\"\n");
  EXPECT_EQ(Parse({"start"}, "weir").err, "weir: unrecognized command: \"start\"\n");
}

TEST_F(CommandLineTest, FlagsInEverySpelling) {
  auto options = Parse({"-a",
                        "127.0.0.1",
                        "--port=-1",
                        "-n",
                        "me",
                        "-m",
                        "8222",
                        "-P",
                        "x.pid",
                        "-l",
                        "x.log",
                        "-js",
                        "-sd=/data",
                        "--user",
                        "u",
                        "-pass",
                        "p",
                        "--ports_file_dir",
                        "/tmp",
                        "--client_advertise",
                        "h:1",
                        "-r",
                        "udp://h:514",
                        "--log_size_limit",
                        "5",
                        "--max_traced_msg_len",
                        "7"})
                     .options;

  EXPECT_EQ(options.client.host, "127.0.0.1");
  EXPECT_EQ(options.client.port, -1);
  EXPECT_EQ(options.server_name, "me");
  EXPECT_EQ(options.monitor.http_port, 8222);
  EXPECT_EQ(options.pid_file, "x.pid");
  EXPECT_EQ(options.log.file, "x.log");
  EXPECT_TRUE(options.jetstream.enabled);
  EXPECT_EQ(options.jetstream.store_dir, "/data");
  EXPECT_EQ(options.auth.username, "u");
  EXPECT_EQ(options.auth.password, "p");
  EXPECT_EQ(options.ports_file_dir, "/tmp");
  EXPECT_EQ(options.client_advertise, "h:1");
  EXPECT_EQ(options.log.remote_syslog, "udp://h:514");
  EXPECT_EQ(options.log.file_size_limit, 5);
  EXPECT_EQ(options.log.max_traced_msg_len, 7);
}

TEST_F(CommandLineTest, TraceFlags) {
  auto log = [](const char* flag) {
    return Parse({flag}).options.log;
  };
  EXPECT_TRUE(log("-D").debug);
  EXPECT_FALSE(log("-D").trace);
  EXPECT_TRUE(log("-V").trace);
  EXPECT_FALSE(log("-V").trace_verbose);
  EXPECT_TRUE(log("-VV").trace_verbose);
  EXPECT_FALSE(log("-VV").debug);
  EXPECT_TRUE(log("-DV").debug);
  EXPECT_TRUE(log("-DV").trace);
  EXPECT_FALSE(log("-DV").trace_verbose);
  EXPECT_TRUE(log("-DVV").trace_verbose);
  EXPECT_TRUE(log("-DVV").debug);
  EXPECT_TRUE(log("-D").timestamps);
  EXPECT_FALSE(log("-T=false").timestamps);
}

TEST_F(CommandLineTest, FlagsWinOverTheFile) {
  Write("port: 1\ndebug: true\nserver_name: file\nlogtime: false\n");
  auto options = Parse({"-c", file_, "-p", "2", "-D=false"}).options;

  EXPECT_EQ(options.client.port, 2);
  EXPECT_FALSE(options.log.debug);
  EXPECT_EQ(options.server_name, "file");
  EXPECT_FALSE(options.log.timestamps);
}

TEST_F(CommandLineTest, AStoreDirectoryMayBeSetOnceOnly) {
  Write("jetstream { store_dir: /a }\n");
  EXPECT_EQ(Error({"-c", file_, "-sd", "/b"}),
            Cat("nats-server: ", file_, ":1:12: Duplicate 'store_dir' configuration\n"));
}

TEST_F(CommandLineTest, TestOfAValidFile) {
  Write("port: 1\n");
  auto line = Parse({"-t", "--config", file_});

  EXPECT_EQ(line.action, Action::kExit);
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_THAT(
      line.err,
      AllOf(StartsWith(Cat("nats-server: configuration file ", file_, " is valid (sha256:")),
            HasSubstr(")\n")));
}

TEST_F(CommandLineTest, TestOfABrokenFile) {
  Write("port: x\n");
  EXPECT_EQ(Error({"-t", "-c", file_}),
            Cat("nats-server: ", file_,
                ":1:0: interface conversion: interface {} is string, not int64\n"));
}

TEST_F(CommandLineTest, WarningsFailTheTestButNotTheStart) {
  Write("ping_interval: 5\n");
  auto warning = Cat(file_,
                     ":1:0: invalid use of field \"ping_interval\": ping_interval should be "
                     "converted to a duration\n");
  EXPECT_EQ(Error({"-t", "-c", file_}), Cat("nats-server: ", warning));

  auto line = Parse({"-c", file_});
  EXPECT_EQ(line.action, Action::kRun);
  EXPECT_EQ(line.err, warning);
  EXPECT_EQ(line.options.limits.ping_interval_ns, 5 * kSecondNs);
}

TEST_F(CommandLineTest, TheTestDoesNotCheckOptionsAgainstEachOther) {
  Write("max_payload: 5MB\nmax_pending: 1MB\n");
  EXPECT_EQ(Parse({"-t", "-c", file_}).exit_code, 0);
  EXPECT_EQ(Error({"-c", file_}),
            "nats-server: max_payload (5242880) cannot be higher than max_pending (1048576)\n");
}

TEST_F(CommandLineTest, ATestNeedsAFile) {
  EXPECT_EQ(Error({"-t"}),
            "nats-server: must specify [-c, --config] option to check configuration "
            "file syntax\n");
}

TEST_F(CommandLineTest, WhatIsNotEnforcedIsRefusedByTestAndStart) {
  Write("gateway { name: A }\n");
  auto error = Cat("nats-server: ", file_, ":1:0: this server does not support gateways\n");
  EXPECT_EQ(Error({"-t", "-c", file_}), error);
  EXPECT_EQ(Error({"-c", file_}), error);
  EXPECT_EQ(Error({"--cluster", "nats://0.0.0.0:6222", "--routes", "nats://a:1"}),
            "nats-server: --routes: this server does not support cluster routes\n");
}

TEST_F(CommandLineTest, RoutesNeedACluster) {
  EXPECT_EQ(Error({"--routes", "nats://a:1"}),
            "nats-server: solicited routes require cluster capabilities, e.g. --cluster\n");
}

TEST_F(CommandLineTest, TlsFlagsNeedACertificateAndAKey) {
  EXPECT_EQ(Error({"--tls"}), "nats-server: TLS Server certificate must be present and valid\n");
  EXPECT_EQ(Error({"--tlscert", "x.pem"}),
            "nats-server: TLS Server private key must be present and valid\n");
  EXPECT_EQ(Parse({"--tls=false"}).action, Action::kRun);
}

TEST_F(CommandLineTest, TlsCanBeSwitchedOff) {
  Write("tls { verify: false }\n");
  EXPECT_TRUE(Parse({"-c", file_}).options.tls.enabled);
  CommandLine off = Parse({"-c", file_, "--tls=false"});
  EXPECT_EQ(off.action, Action::kRun);
  EXPECT_FALSE(off.options.tls.enabled);
}

TEST_F(CommandLineTest, SignalsAreHandedOn) {
  auto line = Parse({"--signal", "ldm=5"});
  EXPECT_EQ(line.action, Action::kSendSignal);
  EXPECT_EQ(line.signal, "ldm=5");
  EXPECT_EQ(Parse({"-sl", "quit"}).signal, "quit");
}

TEST_F(CommandLineTest, AReloadReadsTheFileAgainAndFlagsStillWin) {
  Write("port: 1\nmax_payload: 5\n");
  std::vector<std::string> arguments{"nats-server", "-c", file_, "-p", "2"};
  auto first = LoadOptions(arguments);
  Write("port: 3\nmax_payload: 6\n");
  auto second = LoadOptions(arguments);
  Write("port: x\n");
  auto third = LoadOptions(arguments);

  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(first->limits.max_payload, 5);
  EXPECT_EQ(second->limits.max_payload, 6);
  EXPECT_EQ(second->client.port, 2);
  EXPECT_FALSE(third.ok());
}

TEST_F(CommandLineTest, SecretsAreRedacted) {
  std::vector<std::string> arguments{"nats-server",
                                     "--user=a",
                                     "-pass",
                                     "b",
                                     "--auth",
                                     "c",
                                     "-routes",
                                     "nats://u:p@h:1,nats://h:2",
                                     "--cluster=nats://u:p@h:-1",
                                     "-n",
                                     "pass"};
  RedactArguments(arguments);
  EXPECT_THAT(arguments,
              ElementsAre("nats-server", "--user=[REDACTED]", "-pass", "[REDACTED]", "--auth",
                          "[REDACTED]", "-routes", "nats://[REDACTED]@h:1,nats://h:2",
                          "--cluster=nats://[REDACTED]@h:-1", "-n", "pass"));
}

}  // namespace
}  // namespace weir::server

#include "server/options.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "protocol/base/strings.h"
#include "server/options_support.h"
#include "tests/support/config_cases.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A directory of its own that is the working directory while it lives.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              Cat("weir_options_", ::getpid(), "_", ++count_)),
        before_(std::filesystem::current_path()) {
    std::filesystem::create_directories(path_);
    std::filesystem::current_path(path_);
  }
  ~Folder() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  static void Write(const std::string& name, const std::string& text) {
    auto parent = std::filesystem::path(name).parent_path();
    if (!parent.empty()) {
      std::filesystem::create_directories(parent);
    }
    std::ofstream(name, std::ios::binary) << text;
  }

 private:
  static inline int count_ = 0;
  std::filesystem::path path_;
  std::filesystem::path before_;
};

Options Load(const std::string& text) {
  Folder folder;
  Folder::Write("case.conf", text);
  Options options;
  auto status = LoadConfigFile("case.conf", options);
  EXPECT_TRUE(status.ok()) << Message(status);
  ApplyDefaults(options);
  return options;
}

std::string LoadError(const std::string& text) {
  Folder folder;
  Folder::Write("case.conf", text);
  Options options;
  return std::string(Message(LoadConfigFile("case.conf", options)));
}

std::string StartError(const std::string& text) {
  return std::string(Message(ValidateOptions(Load(text))));
}

std::vector<std::string> SortedLines(std::string_view text) {
  std::vector<std::string> lines;
  for (auto line : Split(text, '\n')) {
    if (!line.empty()) {
      lines.emplace_back(line);
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

// Where the reference loses the position of an error, ours is one line with a position more.
bool SameLine(const std::string& ours, const std::string& reference) {
  return ours == reference ||
         (!reference.starts_with("case.conf:") && ours.starts_with("case.conf:") &&
          ours.ends_with(Cat(": ", reference)));
}

bool IsRefused(std::string_view what) {
  auto table = UnsupportedFeatures();
  return std::any_of(table.begin(), table.end(),
                     [what](const FeatureText& row) { return row.what == what; });
}

TEST(OptionsTest, VerdictAndPositionAreTheReferencesForEveryCase) {
  auto cases = tests::AllConfigCases();
  ASSERT_GT(cases.size(), 300U);
  for (const auto& one : cases) {
    SCOPED_TRACE(Cat(one.group, ": ", one.name));
    Folder folder;
    for (const auto& [name, text] : one.files) {
      Folder::Write(name, text);
    }
    Options options;
    auto status = LoadConfigFile("case.conf", options);

    if (one.verdict == "fail") {
      auto lines = SortedLines(Message(status));
      EXPECT_TRUE(
          std::equal(lines.begin(), lines.end(), one.lines.begin(), one.lines.end(), SameLine))
          << Message(status) << "\nbut the reference says\n"
          << Join(one.lines, "\n");
      continue;
    }
    EXPECT_TRUE(status.ok()) << Message(status);
    if (one.verdict == "warn") {
      EXPECT_EQ(SortedLines(Join(options.warnings, "\n")), one.lines);
      continue;
    }
    EXPECT_THAT(options.warnings, IsEmpty());
    EXPECT_EQ(options.config_digest, one.digest);
    // The case names all that its configuration asks for beyond the plain; what of it is refused is
    // up to the table, which shrinks.
    std::set<std::string> expected;
    for (const auto& what : one.refused) {
      if (IsRefused(what)) {
        expected.insert(what);
      }
    }
    std::set<std::string> refused;
    for (const auto& feature : options.unsupported) {
      if (feature.refused) {
        refused.insert(feature.what);
      }
    }
    EXPECT_EQ(refused, expected);
  }
}

TEST(OptionsTest, WithoutAFileTheDefaultsAreTheReferences) {
  Options options;
  ApplyDefaults(options);

  EXPECT_EQ(options.client.host, "0.0.0.0");
  EXPECT_EQ(options.client.port, 4222);
  EXPECT_EQ(options.monitor.host, "0.0.0.0");
  EXPECT_EQ(options.monitor.http_port, 0);
  EXPECT_EQ(options.limits.max_payload, 1048576);
  EXPECT_EQ(options.limits.max_pending, 67108864);
  EXPECT_EQ(options.limits.max_connections, 65536);
  EXPECT_EQ(options.limits.ping_interval_ns, 120 * kSecondNs);
  EXPECT_EQ(options.auth.timeout_ns, 2 * kSecondNs);
  EXPECT_EQ(options.lame_duck.duration_ns, 120 * kSecondNs);
  EXPECT_EQ(options.jetstream.limits.default_max_consumers, 1000);
  EXPECT_EQ(options.jetstream.info_queue_limit, 10'000);
  EXPECT_FALSE(options.jetstream.enabled);
  EXPECT_TRUE(options.jetstream.sync_always);
}

TEST(OptionsTest, ZeroMeansTheDefaultExceptForConnections) {
  auto options = Load("max_payload: 0\nping_max: 0\nport: 0\nmax_connections: 0\n");

  EXPECT_EQ(options.limits.max_payload, 1048576);
  EXPECT_EQ(options.limits.max_pings_out, 2);
  EXPECT_EQ(options.client.port, 4222);
  EXPECT_EQ(options.limits.max_connections, -1);
}

TEST(OptionsTest, MonitoringListensWhereClientsDoUnlessToldOtherwise) {
  EXPECT_EQ(Load("host: 127.0.0.1\nhttp_port: 8222\n").monitor.host, "127.0.0.1");
  EXPECT_EQ(Load("host: 127.0.0.1\nhttp: \"[::1]:8222\"\n").monitor.host, "::1");
}

TEST(OptionsTest, ExportsAreKeptAsJsonWithTheirPosition) {
  auto options = Load("port: 4222\nexports {\n  a { stream: S, batch { rows: 5 } }\n}\n");

  ASSERT_TRUE(options.exports.is_object());
  EXPECT_EQ(options.exports.at("a").at("batch").at("rows").as_int64(), 5);
  EXPECT_EQ(options.exports_position, "case.conf:2:1");
}

TEST(OptionsTest, ExportsAreNotIgnoredWithoutJetStream) {
  EXPECT_EQ(StartError("exports { a { stream: S } }\n"), "case.conf:1:0: exports need JetStream");
  EXPECT_EQ(StartError("jetstream: on\nexports { a { stream: S } }\n"), "");
}

TEST(OptionsTest, WorkersAreChecked) {
  EXPECT_EQ(Load("workers: 3\n").workers, 3);
  EXPECT_EQ(LoadError("workers: -1\n"), "case.conf:1:0: workers must be between 0 and 256");
}

TEST(OptionsTest, EveryErrorIsReportedWithWarningsFirst) {
  EXPECT_EQ(LoadError("a: 1\nping_interval: 5\nmax_subs: x\n"),
            "case.conf:2:1: invalid use of field \"ping_interval\": ping_interval should be "
            "converted to a duration\n"
            "case.conf:1:0: unknown field \"a\"\n"
            "case.conf:3:1: interface conversion: interface {} is string, not int64");
}

TEST(OptionsTest, PayloadAbovePendingIsRefusedAtStart) {
  EXPECT_EQ(StartError("max_payload: 4MB\nmax_pending: 1MB\n"),
            "max_payload (4194304) cannot be higher than max_pending (1048576)");
}

TEST(OptionsTest, GraceMustBeShorterThanTheLameDuck) {
  EXPECT_EQ(StartError("lame_duck_duration: \"30s\"\nlame_duck_grace_period: \"1m\"\n"),
            "lame duck grace period (1m0s) should be strictly lower than lame duck duration (30s)");
}

TEST(OptionsTest, NoAuthUserMustExist) {
  EXPECT_EQ(StartError("no_auth_user: a\n"),
            "no_auth_user: \"a\" present, but users/nkeys are not defined");
  EXPECT_EQ(StartError("authorization { users: [ { user: b } ] }\nno_auth_user: a\n"),
            "no_auth_user: \"a\" not present as user or nkey in authorization block or account "
            "configuration");
  EXPECT_EQ(StartError("authorization { users: [ { user: a } ] }\nno_auth_user: a\n"), "");
}

TEST(OptionsTest, BothMonitoringPortsAreRefused) {
  EXPECT_EQ(StartError("http_port: 1\nhttps_port: 2\n"),
            "can't specify both HTTP (1) and HTTPs (2) ports");
}

TEST(OptionsTest, DomainMustBeOneToken) {
  EXPECT_EQ(StartError("jetstream { domain: \"a.b\" }\n"),
            "invalid domain name: may not contain ., * or >");
  EXPECT_EQ(StartError("jetstream { domain: \"a b\" }\n"),
            "invalid domain name: derived \"$JS.a b.API.>\" is not a valid subject");
}

TEST(OptionsTest, WhatIsNotEnforcedIsRefusedWithItsPosition) {
  auto options = Load("port: 4222\ngateway { name: A }\n  mqtt { port: 1883 }\n");

  EXPECT_EQ(Message(RefuseUnsupported(options)),
            "case.conf:2:1: this server does not support gateways\n"
            "case.conf:3:3: this server does not support MQTT");
  EXPECT_TRUE(RefuseUnsupported(Load("port: 4222\n")).ok());
}

TEST(OptionsTest, WhatIsMerelyMissedIsWarnedOf) {
  Options options;
  options.unsupported = {{"f:1:0", "bells", false}, {"f:2:1", "locks", true}};

  EXPECT_EQ(Message(RefuseUnsupported(options)), "f:2:1: this server does not support locks");
  EXPECT_THAT(StartupWarnings(options),
              ElementsAre("f:1:0: without effect, this server does not support bells"));
}

TEST(OptionsTest, PlainPasswordsAreWarnedOf) {
  const std::string warning = "Plaintext passwords detected, use nkeys or bcrypt";
  EXPECT_THAT(SecurityWarnings(Load("authorization { user: a, password: b }\n")),
              ElementsAre(warning));
  EXPECT_THAT(SecurityWarnings(Load("authorization { users: [ { user: a } ] }\n")),
              ElementsAre(warning));
  EXPECT_THAT(SecurityWarnings(Load("authorization { user: a, password: $2a$11$abc }\n")),
              IsEmpty());
  EXPECT_THAT(SecurityWarnings(Load("authorization { token: b }\n")), IsEmpty());
}

TEST(OptionsTest, LargePayloadsAndAClusterBlockAreWarnedOf) {
  EXPECT_THAT(StartupWarnings(Load("max_payload: 9MB\n")), ElementsAre(HasSubstr("8.00 MB")));
  EXPECT_THAT(StartupWarnings(Load("max_payload: 8MB\n")), IsEmpty());
  EXPECT_THAT(StartupWarnings(Load("cluster {}\n")), ElementsAre(HasSubstr("runs alone")));
}

TEST(OptionsTest, BcryptIsRecognisedByItsPrefix) {
  EXPECT_TRUE(IsBcrypt("$2a$11$3kIDaCxw.Glsl1.u5nKa6eUnNDLV5HV9tIuUp7EHhMt6Nm9myW1aS"));
  EXPECT_TRUE(IsBcrypt("$2y$10$"));
  EXPECT_FALSE(IsBcrypt("$2c$10$abc"));
  EXPECT_FALSE(IsBcrypt("$2a$1x$abc"));
  EXPECT_FALSE(IsBcrypt("$2a$"));
  EXPECT_FALSE(IsBcrypt(""));
}

TEST(OptionsTest, AFileThatIsNotThereIsNamed) {
  Options options;
  EXPECT_EQ(Message(LoadConfigFile("/no/such/file.conf", options)),
            "open /no/such/file.conf: no such file or directory");
}

}  // namespace
}  // namespace weir::server

#include "ingest/address.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/strings.h"
#include "tests/support/sqlite_file.h"

namespace weir::ingest {
namespace {

using ::testing::HasSubstr;

std::optional<std::string> Lookup(std::string_view name) {
  if (name == "SECRET") {
    return "p@s/s:w?o#r%d";
  }
  if (name == "URL") {
    return "nats://u:p@h:1";
  }
  return std::nullopt;
}

TEST(AddressTest, PartsAreSplitAndDecoded) {
  auto address = ParseAddress("NATS+JetStream://us%65r:p%3Ass@host:4222/a%20b?x=1&y=a%26b&flag");

  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->scheme, "nats+jetstream");
  EXPECT_EQ(address->user, "user");
  EXPECT_EQ(address->password, "p:ss");
  EXPECT_EQ(address->host, "host");
  EXPECT_EQ(address->port, 4222);
  EXPECT_EQ(address->path, "/a b");
  EXPECT_EQ(*address->Find("y"), "a&b");
  EXPECT_EQ(*address->Find("flag"), "");
  EXPECT_EQ(address->Find("z"), nullptr);
}

TEST(AddressTest, UserInfoWithoutAColonIsAToken) {
  auto address = ParseAddress("nats://t0ken@host");

  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->user, "t0ken");
  EXPECT_FALSE(address->has_password);
}

TEST(AddressTest, SixthVersionAddressesStandInBrackets) {
  auto address = ParseAddress("nats://[::1]:4222");

  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->host, "::1");
  EXPECT_EQ(address->port, 4222);
}

TEST(AddressTest, SecretsMayHoldAnyCharacter) {
  for (const char* text :
       {"nats://user:{SECRET}@host:4222?x=1", "nats://user:${SECRET}@host:4222"}) {
    auto address = ParseAddress(text, Lookup);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->password, "p@s/s:w?o#r%d");
    EXPECT_EQ(address->host, "host");
    EXPECT_EQ(address->port, 4222);
  }
  auto expanded = ExpandAddress("postgresql://u:{SECRET}@db/x", Lookup);
  ASSERT_TRUE(expanded.ok());
  EXPECT_EQ(*expanded, "postgresql://u:p%40s%2fs%3aw%3fo%23r%25d@db/x");
  EXPECT_EQ(ParseAddress(*expanded)->password, "p@s/s:w?o#r%d");
}

TEST(AddressTest, AWholeAddressMayBeAVariable) {
  auto address = ParseAddress("{URL}", Lookup);

  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->host, "h");
}

TEST(AddressTest, FilesAreVariablesToo) {
  TempDir dir;
  std::ofstream(dir.File("secret")) << "from file\n";

  EXPECT_EQ(*ExpandPlaceholders(Cat("a ${file:", dir.File("secret"), "} b"), Lookup),
            "a from file b");
  EXPECT_THAT(std::string(Message(ExpandPlaceholders("${file:/no/such}", Lookup).status())),
              HasSubstr("/no/such"));
}

TEST(AddressTest, UnsetVariablesAreNamedAndOtherBracesStay) {
  EXPECT_THAT(std::string(Message(ExpandPlaceholders("x{MISSING}", Lookup).status())),
              HasSubstr("the variable MISSING is not set"));
  EXPECT_EQ(*ExpandPlaceholders("{} {1} {a b} {", Lookup), "{} {1} {a b} {");
}

TEST(AddressTest, MistakesAreErrors) {
  for (const char* text :
       {"", "host:4222", "://x", "nats://h:99999", "nats://h:x", "nats://h%2", "nats://[::1"}) {
    EXPECT_FALSE(ParseAddress(text).ok()) << text;
  }
}

TEST(AddressTest, SecretsAreMasked) {
  EXPECT_EQ(MaskAddress("nats://user:pass@host:1/p?subject=a&token=x&nkeys_seed=SU1&y=2"),
            "nats://user:***@host:1/p?subject=a&token=***&nkeys_seed=***&y=2");
  EXPECT_EQ(MaskAddress("nats://t0ken@host"), "nats://***@host");
  EXPECT_EQ(MaskAddress("postgresql://u:p@ss/w?rd@host/db"), "postgresql://u:***@host/db");
  EXPECT_EQ(MaskAddress("sqlite:///x.db"), "sqlite:///x.db");
  EXPECT_EQ(MaskAddress("nats://h?subject=a@b"), "nats://h?subject=a@b");
}

TEST(SqlitePathTest, AbsoluteAndRelative) {
  EXPECT_EQ(*SqlitePath("sqlite:////abs/x.db", "/base"), "/abs/x.db");
  EXPECT_EQ(*SqlitePath("sqlite:///tmp/x.db", "/base"), "/tmp/x.db");
  EXPECT_EQ(*SqlitePath("sqlite:///no_such_dir/x.db", "/base"), "/base/no_such_dir/x.db");
  EXPECT_EQ(*SqlitePath("sqlite:///x.db", "/base"), "/base/x.db");
  EXPECT_EQ(*SqlitePath("sqlite://./x.db", "/base"), "/base/x.db");
  EXPECT_EQ(*SqlitePath("sqlite:x.db", "/base"), "/base/x.db");
  EXPECT_EQ(*SqlitePath("sqlite:/abs.db", "/base"), "/abs.db");
  EXPECT_EQ(*SqlitePath("sqlite:////a%20b.db", "/base"), "/a b.db");
  EXPECT_FALSE(SqlitePath("sqlite:", "/base").ok());
  EXPECT_FALSE(SqlitePath("sqlite:///", "/base").ok());
  EXPECT_FALSE(SqlitePath("postgresql://x", "/base").ok());
}

}  // namespace
}  // namespace weir::ingest

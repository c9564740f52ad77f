#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/read_options.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;

JetStreamSettings Read(std::string_view text) {
  return tests::ReadOptions(text).options.jetstream;
}

TEST(OptionsJetStreamTest, ABlockTurnsItOnUnlessItSaysOtherwise) {
  EXPECT_TRUE(Read("jetstream {}").enabled);
  EXPECT_TRUE(Read("jetstream: enabled").enabled);
  EXPECT_FALSE(Read("jetstream { enabled: false, domain: D }").enabled);
  EXPECT_FALSE(Read("jetstream: false").enabled);
}

TEST(OptionsJetStreamTest, SizesAreNumbersOrTextWithAUnit) {
  auto settings = Read("jetstream { max_mem: 256M, max_file: \"2G\", max_buffered_size: 1kb }");

  EXPECT_EQ(settings.max_memory, 256'000'000);
  EXPECT_EQ(settings.max_file, int64_t{2} << 30);
  EXPECT_EQ(settings.max_buffered_bytes, 1024);
}

TEST(OptionsJetStreamTest, SyncIsAlwaysUnlessAnIntervalRelaxesIt) {
  EXPECT_TRUE(Read("jetstream {}").sync_always);
  EXPECT_TRUE(Read("jetstream { sync_interval: Always }").sync_always);

  auto relaxed = Read("jetstream { sync_interval: \"10s\" }");
  EXPECT_FALSE(relaxed.sync_always);
  EXPECT_EQ(relaxed.sync_interval_ns, 10 * kSecondNs);
}

TEST(OptionsJetStreamTest, TheStoreDirectoryMayStandOutside) {
  EXPECT_EQ(Read("store_dir: /a\njetstream {}").store_dir, "/a");
  EXPECT_EQ(Read("jetstream { store: /a }").store_dir, "/a");
  EXPECT_THAT(tests::ReadOptions("store_dir: /a\njetstream { store_dir: /b }").errors,
              ElementsAre("f:2:13: Duplicate 'store_dir' configuration"));
}

TEST(OptionsJetStreamTest, Limits) {
  auto limits = Read(R"(jetstream { limits {
      max_ack_pending: 5, duplicate_window: "1m", default_max_consumers: -1
      batch { max_msgs: 7, timeout: "3s" } } })")
                    .limits;

  EXPECT_EQ(limits.max_ack_pending, 5);
  EXPECT_EQ(limits.duplicate_window_ns, 60 * kSecondNs);
  EXPECT_EQ(limits.default_max_consumers, -1);
  EXPECT_EQ(limits.max_batch_size, 7);
  EXPECT_EQ(limits.max_batch_timeout_ns, 3 * kSecondNs);
}

TEST(OptionsJetStreamTest, AWrongTypeIsReportedAtTheBlock) {
  EXPECT_THAT(tests::ReadOptions("\njetstream {\n  limits { max_ack_pending: x }\n}").errors,
              ElementsAre("f:2:1: interface conversion: interface {} is string, not int64"));
}

TEST(OptionsJetStreamTest, EncryptionKeysAreRead) {
  auto result = tests::ReadOptions("jetstream { key: new, prev_key: old, cipher: aes }");

  EXPECT_THAT(result.refused, ElementsAre());
  EXPECT_EQ(result.options.jetstream.encryption_key, "new");
  EXPECT_EQ(result.options.jetstream.previous_encryption_key, "old");
  EXPECT_EQ(result.options.jetstream.cipher, "aes");
}

}  // namespace
}  // namespace weir::server

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/read_options.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(OptionsTlsTest, FieldsWithoutFiles) {
  auto tls = tests::ReadOptions(R"(tls {
    verify: true, timeout: "500ms", min_version: "1.3", handshake_first: "100ms"
    cipher_suites: [ "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" ], connection_rate_limit: 5
    pinned_certs: [ "a8f407340dcc719864214b85ed96f98d16cbffa8f509d9fa4ca237b7bb3f9c32" ]
  })")
                 .options.tls;

  EXPECT_TRUE(tls.enabled);
  EXPECT_TRUE(tls.verify);
  EXPECT_FALSE(tls.verify_and_map);
  EXPECT_EQ(tls.timeout_ns, kSecondNs / 2);
  EXPECT_EQ(tls.min_version, 13);
  EXPECT_TRUE(tls.handshake_first);
  EXPECT_EQ(tls.handshake_first_fallback_ns, kSecondNs / 10);
  EXPECT_EQ(tls.connection_rate_limit, 5);
  EXPECT_THAT(tls.pinned_certs, ElementsAre(StartsWith("a8f4")));
}

TEST(OptionsTlsTest, MappingImpliesVerifying) {
  EXPECT_TRUE(tests::ReadOptions("tls { verify_and_map: true }").options.tls.verify);
}

TEST(OptionsTlsTest, HandshakeFirstAutoFallsBackAfterFiftyMilliseconds) {
  auto tls = tests::ReadOptions("tls { handshake_first: auto }").options.tls;

  EXPECT_TRUE(tls.handshake_first);
  EXPECT_EQ(tls.handshake_first_fallback_ns, kSecondNs / 20);
}

TEST(OptionsTlsTest, AnErrorEndsTheBlock) {
  auto read = tests::ReadOptions("tls { min_version: \"1.0\", whatever: 1 }");

  EXPECT_THAT(read.errors, ElementsAre("f:1:6: error parsing tls config: unsupported TLS version: "
                                       "TLS 1.0"));
  EXPECT_FALSE(read.options.tls.enabled);
}

TEST(OptionsTlsTest, ClusterTlsIsOfNoConcernHere) {
  EXPECT_THAT(tests::ReadOptions("cluster { tls { cert_file: nowhere } }").errors, IsEmpty());
}

}  // namespace
}  // namespace weir::server

#include "server/tls_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/tls_context.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace weir::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::Certificate;
using testing_support::MakeCertificate;
using testing_support::MemoryHandshake;

TlsPeer PeerOf(const Certificate* shown) {
  testing_support::TempDir directory;
  Certificate server = MakeCertificate({{"CN", "server"}});
  TlsOptions options;
  std::tie(options.cert_file, options.key_file) = server.Save(directory.path(), "server");
  if (shown != nullptr) {
    options.ca_file = shown->Save(directory.path(), "client").first;
    options.verify = true;
  }
  auto context = TlsContext::Make(options);
  WEIR_CHECK(context.ok());
  MemoryHandshake handshake((*context)->native(), "", shown);
  WEIR_CHECK(handshake.Run());
  return TlsPeer::Of(handshake.server());
}

TEST(TlsPeerTest, ACertificateNamesItsHolderInTheOrderOfUse) {
  Certificate shown = MakeCertificate(
      {{"DC", "com"}, {"DC", "example"}, {"O", "Acme, Inc"}, {"OU", "ops"}, {"CN", "client"}},
      "DNS:a.example,email:derek@nats.io,URI:spiffe://x/y,DNS:b.example");

  TlsPeer peer = PeerOf(&shown);

  EXPECT_EQ(peer.version, "1.3");
  EXPECT_EQ(peer.cipher_suite.substr(0, 4), "TLS_");
  EXPECT_TRUE(peer.has_certificate);
  EXPECT_THAT(peer.names, ElementsAre("derek@nats.io", "a.example", "b.example", "spiffe://x/y"));
  EXPECT_EQ(peer.subject, "CN=client,OU=ops,O=Acme\\, Inc");
  EXPECT_EQ(peer.subject_with_domain, "CN=client,OU=ops,O=Acme\\, Inc,DC=com,DC=example");
  ASSERT_TRUE(peer.distinguished_name);
  auto same = DistinguishedName::Parse("CN=client,OU=ops,O=Acme\\, Inc,DC=example,DC=com");
  ASSERT_TRUE(same);
  EXPECT_TRUE(peer.distinguished_name->Equals(*same));
  EXPECT_EQ(peer.key_sha256.size(), 64U);
  EXPECT_NE(peer.key_sha256, peer.certificate_sha256);
}

TEST(TlsPeerTest, WithoutACertificateThereIsNothingToUse) {
  TlsPeer peer = PeerOf(nullptr);

  EXPECT_FALSE(peer.has_certificate);
  EXPECT_THAT(peer.names, IsEmpty());
  EXPECT_EQ(peer.subject, "");
}

}  // namespace
}  // namespace weir::server

#include "server/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace weir::server {
namespace {

using testing::HasSubstr;
using testing_support::Certificate;
using testing_support::MakeCertificate;
using testing_support::MemoryHandshake;

class TlsContextTest : public testing::Test {
 protected:
  TlsContextTest() {
    auto [certificate, key] = server_.Save(directory_.path(), "server");
    options_.enabled = true;
    options_.cert_file = certificate;
    options_.key_file = key;
  }
  void RequireClientCertificates() {
    options_.ca_file = authority_.Save(directory_.path(), "ca").first;
    options_.verify = true;
  }
  std::shared_ptr<const TlsContext> Make() {
    auto made = TlsContext::Make(options_);
    EXPECT_TRUE(made.ok()) << made.status();
    return *made;
  }

  testing_support::TempDir directory_;
  Certificate authority_ = MakeCertificate({{"CN", "authority"}});
  Certificate server_ = MakeCertificate({{"CN", "server"}}, "DNS:localhost", &authority_);
  TlsOptions options_;
};

TEST_F(TlsContextTest, AClientWithoutCertificateIsLetInUnlessVerified) {
  auto context = Make();
  MemoryHandshake open(context->native(), "", nullptr);
  EXPECT_TRUE(open.Run());

  RequireClientCertificates();
  auto strict = Make();
  MemoryHandshake refused(strict->native(), "", nullptr);
  EXPECT_FALSE(refused.Run());
  EXPECT_EQ(TlsContext::HandshakeError(), "tls: client didn't provide a certificate");
}

TEST_F(TlsContextTest, OnlyCertificatesOfTheAuthorityAreAccepted) {
  RequireClientCertificates();
  auto context = Make();
  Certificate good = MakeCertificate({{"CN", "client"}}, "", &authority_);
  Certificate stranger = MakeCertificate({{"CN", "client"}});

  MemoryHandshake accepted(context->native(), "", &good);
  EXPECT_TRUE(accepted.Run());
  MemoryHandshake refused(context->native(), "", &stranger);
  EXPECT_FALSE(refused.Run());
  EXPECT_THAT(TlsContext::HandshakeError(), HasSubstr("signed by unknown authority"));
}

TEST_F(TlsContextTest, TheServerNamePicksTheCertificate) {
  Certificate other = MakeCertificate({{"CN", "other"}}, "DNS:other.example");
  auto [certificate, key] = other.Save(directory_.path(), "other");
  options_.certificates = {{options_.cert_file, options_.key_file}, {certificate, key}};
  auto context = Make();

  MemoryHandshake by_name(context->native(), "other.example", nullptr);
  ASSERT_TRUE(by_name.Run());
  EXPECT_EQ(X509_cmp(SSL_get0_peer_certificate(by_name.client()), other.x509.get()), 0);
  MemoryHandshake unknown(context->native(), "nobody.example", nullptr);
  ASSERT_TRUE(unknown.Run());
  EXPECT_EQ(X509_cmp(SSL_get0_peer_certificate(unknown.client()), server_.x509.get()), 0);
}

TEST_F(TlsContextTest, TheVersionAndTheSuiteAreThoseAskedFor) {
  options_.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  auto context = Make();
  MemoryHandshake old_client(context->native(), "", nullptr);
  SSL_set_max_proto_version(old_client.client(), TLS1_2_VERSION);
  ASSERT_TRUE(old_client.Run());
  EXPECT_STREQ(SSL_get_cipher_name(old_client.server()), "ECDHE-ECDSA-AES256-GCM-SHA384");

  options_.min_version = 13;
  auto strict = Make();
  MemoryHandshake refused(strict->native(), "", nullptr);
  SSL_set_max_proto_version(refused.client(), TLS1_2_VERSION);
  EXPECT_FALSE(refused.Run());
  EXPECT_EQ(TlsContext::HandshakeError(), "tls: client offered only unsupported versions");
}

TEST_F(TlsContextTest, WhatIsNotThereIsAnError) {
  options_.curve_preferences = {"X25519MLKEM768"};
  EXPECT_THAT(std::string(TlsContext::Make(options_).status().message()), HasSubstr("curves"));
  options_.curve_preferences = {"X25519MLKEM768", "CurveP256"};
  EXPECT_TRUE(TlsContext::Make(options_).ok());
  options_.ca_file = options_.key_file;
  EXPECT_EQ(std::string(TlsContext::Make(options_).status().message()),
            "failed to parse root ca certificate");
  options_.ca_file.clear();
  options_.key_file = authority_.Save(directory_.path(), "ca").second;
  EXPECT_THAT(std::string(TlsContext::Make(options_).status().message()),
              HasSubstr("error parsing X509 certificate/key pair"));
}

TEST_F(TlsContextTest, PlainTextIsNoHandshake) {
  auto context = Make();
  MemoryHandshake plain(context->native(), "", nullptr);
  BIO_write(SSL_get_rbio(plain.server()), "CONNECT {}\r\nPING\r\n", 18);
  ERR_clear_error();
  EXPECT_LT(SSL_accept(plain.server()), 1);
  EXPECT_EQ(TlsContext::HandshakeError(), "tls: first record does not look like a TLS handshake");
}

}  // namespace
}  // namespace weir::server

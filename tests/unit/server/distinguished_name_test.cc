#include "server/distinguished_name.h"

#include <gtest/gtest.h>

#include "tests/support/certificates.h"

namespace weir::server {
namespace {

bool Equal(std::string_view a, std::string_view b) {
  auto left = DistinguishedName::Parse(a);
  auto right = DistinguishedName::Parse(b);
  return left && right && left->Equals(*right);
}
bool Match(std::string_view a, std::string_view b) {
  auto left = DistinguishedName::Parse(a);
  auto right = DistinguishedName::Parse(b);
  return left && right && left->Matches(*right);
}

TEST(DistinguishedNameTest, BlanksAndTheCaseOfTypesDoNotCount) {
  EXPECT_TRUE(Equal("CN=a b , ou= x", "cn=a b,OU=x"));
  EXPECT_FALSE(Equal("CN=a", "CN=A"));
  EXPECT_FALSE(Equal("CN=a,O=b", "CN=a"));
}

TEST(DistinguishedNameTest, AnotherOrderMatchesButIsNotEqual) {
  EXPECT_FALSE(Equal("CN=a,O=b,DC=c,DC=d", "DC=d,CN=a,DC=c,O=b"));
  EXPECT_TRUE(Match("CN=a,O=b,DC=c,DC=d", "DC=d,CN=a,DC=c,O=b"));
  EXPECT_FALSE(Match("CN=a,OU=b,OU=b", "CN=a,OU=b,OU=c"));
  EXPECT_TRUE(Equal("CN=a+O=b", "O=b+CN=a"));
  EXPECT_FALSE(Match("CN=a+O=b", "CN=a,O=b"));
}

TEST(DistinguishedNameTest, EscapesAreUndone) {
  EXPECT_TRUE(Equal("CN=a\\,b,O=\\20x", "CN=a\\2cb,O=\\ x"));
  EXPECT_FALSE(DistinguishedName::Parse("CN=a\\"));
  EXPECT_FALSE(DistinguishedName::Parse("CN=a\\zz"));
}

TEST(DistinguishedNameTest, WhatIsNoNameIsRefused) {
  EXPECT_FALSE(DistinguishedName::Parse("bob"));
  EXPECT_FALSE(DistinguishedName::Parse("CN=a,"));
  EXPECT_FALSE(DistinguishedName::Parse("=a"));
  EXPECT_FALSE(DistinguishedName::Parse("CN=#0403"));
}

TEST(DistinguishedNameTest, ASubjectIsReadFromItsEnd) {
  auto certificate =
      testing_support::MakeCertificate({{"DC", "com"}, {"O", "acme"}, {"CN", "client"}});

  auto name = DistinguishedName::FromSubject(X509_get_subject_name(certificate.x509.get()));

  ASSERT_TRUE(name);
  EXPECT_TRUE(name->Equals(*DistinguishedName::Parse("CN=client,O=acme,DC=com")));
}

TEST(DistinguishedNameTest, ASubjectWithAnUnknownTypeHasNone) {
  auto certificate =
      testing_support::MakeCertificate({{"emailAddress", "a@example"}, {"CN", "client"}});

  EXPECT_FALSE(DistinguishedName::FromSubject(X509_get_subject_name(certificate.x509.get())));
}

}  // namespace
}  // namespace weir::server

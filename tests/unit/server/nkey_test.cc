#include "server/nkey.h"

#include <string>

#include <gtest/gtest.h>
#include <sodium.h>

#include "protocol/base/strings.h"

namespace weir::server {
namespace {

class NkeyTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_GE(sodium_init(), 0); }
};

// Made by github.com/nats-io/nkeys from the same 32 bytes.
TEST_F(NkeyTest, KnownKeys) {
  std::string zeros(32, '\0');
  std::string counting;
  for (int i = 0; i < 32; ++i) {
    counting.push_back(static_cast<char>(i));
  }
  EXPECT_EQ(EncodeNkey(NkeyType::kServer, zeros),
            "NAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB5PU");
  EXPECT_EQ(EncodeNkey(NkeyType::kServer, counting),
            "NAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6CRG");
  EXPECT_EQ(EncodeNkey(NkeyType::kCurve, zeros),
            "XAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPQN");
  EXPECT_EQ(EncodeNkey(NkeyType::kCurve, counting),
            "XAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB7QO7");
}

TEST_F(NkeyTest, FreshKeysHaveTheirLetterAndDiffer) {
  std::string a = NewPublicNkey(NkeyType::kServer);
  std::string b = NewPublicNkey(NkeyType::kServer);
  std::string x = NewPublicNkey(NkeyType::kCurve);
  EXPECT_EQ(a.size(), 56U);
  EXPECT_EQ(a.front(), 'N');
  EXPECT_EQ(x.front(), 'X');
  EXPECT_NE(a, b);
  EXPECT_EQ(Base32Decode(a)->size(), 35U);
}

}  // namespace
}  // namespace weir::server

#include "server/account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

using testing::ElementsAre;

TEST(AccountRegistryTest, StartsWithTheGlobalAndTheSystemAccount) {
  AccountRegistry accounts;
  EXPECT_EQ(accounts.Get(kGlobalAccount).name(), "$G");
  EXPECT_EQ(accounts.Get(kSystemAccount).name(), "$SYS");
  EXPECT_FALSE(accounts.Get(kGlobalAccount).is_system());
  EXPECT_TRUE(accounts.Get(kSystemAccount).is_system());
}

TEST(AccountRegistryTest, AddingTwiceGivesTheSame) {
  AccountRegistry accounts;
  Account& a = accounts.Add("A");
  EXPECT_EQ(&accounts.Add("A"), &a);
  EXPECT_EQ(&accounts.Add("$G"), &accounts.Get(kGlobalAccount));
  EXPECT_EQ(accounts.FindByName("A"), &a);
  EXPECT_EQ(accounts.FindByName("B"), nullptr);
  EXPECT_EQ(accounts.Find("A"), a.id());
  EXPECT_EQ(accounts.Find("B"), std::nullopt);
  EXPECT_EQ(accounts.NameOf(a.id()), "A");
}

TEST(AccountRegistryTest, KnowsWhoHasJetStream) {
  AccountRegistry accounts;
  Account& a = accounts.Add("A");
  Account& b = accounts.Add("B");
  b.jetstream_limits = jetstream::AccountLimits{.max_streams = 3};
  EXPECT_EQ(accounts.JetStreamLimits(a.id()), std::nullopt);
  EXPECT_EQ(accounts.JetStreamLimits(b.id())->max_streams, 3);
  EXPECT_THAT(accounts.JetStreamAccounts(), ElementsAre(b.id()));
}

}  // namespace
}  // namespace weir::server

#include "protocol/base/ids.h"

#include "absl/container/flat_hash_map.h"
#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(StrongIntTest, ComparesCountsAndHashes) {
  ClientId a(1);
  ClientId b(2);
  EXPECT_LT(a, b);
  EXPECT_EQ(++a, b);
  EXPECT_EQ(ClientId().value(), 0U);
  absl::flat_hash_map<ClientId, int> map;
  map[a] = 7;
  EXPECT_EQ(map[b], 7);
}

TEST(HandleTest, AnotherGenerationIsAnotherHandle) {
  EXPECT_EQ((Handle{1, 2}), (Handle{1, 2}));
  EXPECT_NE((Handle{1, 2}), (Handle{1, 3}));
}

}  // namespace
}  // namespace weir

#include "storage/store_set.h"

#include "gtest/gtest.h"

#include "tests/support/temp_store.h"

namespace weir::storage {
namespace {

using ::weir::testing_support::TempStore;

TEST(StoreSetTest, OpensNewOnesOldOnesAndOnesInMemory) {
  TempStore temp;
  Log log;
  StoreSet stores(temp.db.get(), temp.pool.get(), log);
  StoreSet::Spec spec;
  spec.id = StreamId(1);
  spec.is_new = true;
  spec.home = &temp.home;

  {
    auto store = stores.Open(spec);
    ASSERT_TRUE(store.ok());
    (*store)->Append({1, 1, "s", "", "p"});
    auto batch = std::make_unique<StagedBatch>();
    (*store)->Flush(*batch);
    ASSERT_TRUE(temp.Commit(std::move(batch)).ok());
  }
  spec.is_new = false;
  auto again = stores.Open(spec);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->state().messages, 1u);

  spec.memory = true;
  spec.first_seq = 50;
  auto memory = stores.Open(spec);
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ((*memory)->state().last_seq, 49u);
}

TEST(StoreSetTest, FileStoreWithoutADatabaseIsRefused) {
  Log log;
  StoreSet stores(nullptr, nullptr, log);
  StoreSet::Spec spec;

  EXPECT_FALSE(stores.Open(spec).ok());
  spec.memory = true;
  EXPECT_TRUE(stores.Open(spec).ok());
}

}  // namespace
}  // namespace weir::storage

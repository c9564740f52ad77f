#include "storage/memory_stream_store.h"

#include <string>

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

// What both stores have in common is tested in stream_store_test.cc.

TEST(MemoryStreamStoreTest, ReadMessageOutlivesItsRemoval) {
  MemoryStreamStore store(0);
  for (StreamSeq seq = 1; seq <= 1000; ++seq) {
    store.Append({seq, 1, "s", "", std::string(200, static_cast<char>('a' + seq % 26))});
  }
  StoredMessage message;
  ASSERT_EQ(store.Get(5, message), ReadOutcome::kFound);

  store.TrimTo(900);

  EXPECT_EQ(message.view.payload, std::string(200, 'f'));
}

TEST(MemoryStreamStoreTest, ErasedBytesLeaveTheChunk) {
  MemoryStreamStore store(0);
  store.Append({1, 1, "s", "", "secret"});
  store.Append({2, 1, "s", "", "public"});

  ASSERT_TRUE(store.Remove(1, /*erase=*/true));

  StoredMessage message;
  ASSERT_EQ(store.Get(2, message), ReadOutcome::kFound);
  EXPECT_EQ(message.view.payload, "public");
  EXPECT_EQ(message.keep.view().find("secret"), std::string_view::npos);
}

TEST(MemoryStreamStoreTest, ChunkOfMostlyDeletedMessagesIsRewritten) {
  MemoryStreamStore store(0);
  for (StreamSeq seq = 1; seq <= 5000; ++seq) {
    store.Append({seq, 1, "s", "", std::string(100, 'x')});
  }

  for (StreamSeq seq = 1; seq <= 5000; ++seq) {
    if (seq % 50 != 0) {
      store.Remove(seq, false);
    }
  }

  StoredMessage message;
  ASSERT_EQ(store.Get(100, message), ReadOutcome::kFound);
  EXPECT_LE(message.keep.size(), 33'000u);
  EXPECT_EQ(store.state().messages, 100u);
}

}  // namespace
}  // namespace weir::storage

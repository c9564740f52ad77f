#include "jetstream/snapshot_transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/backup_world.h"

namespace weir::jetstream {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kSecond = 1'000'000'000;

class SnapshotTransferTest : public ::testing::Test {
 protected:
  void Fill(size_t messages, size_t bytes) {
    world_.CreateStream(R"("subjects":["a.*"])");
    std::string body;
    for (size_t i = 0; i < messages; ++i) {
      body.clear();
      for (size_t at = 0; at < bytes; ++at) {
        body.push_back(static_cast<char>(world_.random.Next()));  // does not compress
      }
      world_.Ask("a.b", body);
    }
  }

  testing::BackupWorld world_;
};

TEST_F(SnapshotTransferTest, ASmallStreamIsOneMessageAndAnEnd) {
  Fill(2, 10);

  auto backup = world_.Back("S");

  EXPECT_THAT(backup.answer, HasSubstr(R"("state":{"messages":2,)"));
  EXPECT_THAT(backup.bytes, StartsWith(storage::kS2Start));
  ASSERT_EQ(backup.replies.size(), 2U);
  EXPECT_EQ(backup.replies[0], "") << "the last chunk wants no answer";
  EXPECT_TRUE(backup.ended);
  EXPECT_EQ(backup.end_headers, "");
}

TEST_F(SnapshotTransferTest, ChunksAreCountedAndTheEndHasAStatus) {
  Fill(100, 1000);

  auto backup = world_.Back("S", R"(,"chunk_size":4096)");

  ASSERT_GT(backup.replies.size(), 20U);
  EXPECT_THAT(backup.replies[0], StartsWith("$JS.SNAPSHOT.ACK.S."));
  EXPECT_THAT(backup.replies[0], ::testing::EndsWith(".4096.1"));
  EXPECT_THAT(backup.replies[9], ::testing::EndsWith(".4096.10"));
  EXPECT_EQ(backup.end_headers, "NATS/1.0 204\r\n\r\n");
}

TEST_F(SnapshotTransferTest, NoMoreThanTheWindowIsUnderWayAndSilenceEndsIt) {
  Fill(100, 1000);

  auto begun = world_.Back("S", R"(,"chunk_size":4096,"window_size":8192)", /*ack=*/false);
  EXPECT_EQ(begun.replies.size(), 2U);
  EXPECT_FALSE(begun.ended);
  world_.Advance(4 * kSecond);
  EXPECT_TRUE(world_.router.Take().empty());
  for (int i = 0; i < 20; ++i) {
    world_.Advance(kSecond / 10);
  }

  ASSERT_EQ(world_.router.sent.size(), 1U);
  EXPECT_EQ(world_.router.sent[0].headers, "NATS/1.0 408 No Flow Response\r\n\r\n");
}

TEST_F(SnapshotTransferTest, WhoHasGoneGetsNoMore) {
  Fill(100, 1000);
  world_.Back("S", R"(,"chunk_size":4096,"window_size":8192)", /*ack=*/false);

  world_.router.interest.clear();
  world_.Advance(kSecond / 10);

  ASSERT_EQ(world_.router.sent.size(), 1U);
  EXPECT_EQ(world_.router.sent[0].headers, "NATS/1.0 408 No Interest\r\n\r\n");
}

TEST_F(SnapshotTransferTest, AStreamThatIsDeletedEndsWithAnError) {
  Fill(1000, 1000);
  world_.Back("S", R"(,"chunk_size":4096,"window_size":8192)", /*ack=*/false);

  world_.Ask("$JS.API.STREAM.DELETE.S");
  auto rest = world_.Back("S");
  for (int i = 0; i < 60; ++i) {
    world_.Advance(kSecond / 10);
  }

  EXPECT_THAT(rest.answer, HasSubstr("10059"));
  ASSERT_EQ(world_.router.sent.size(), 1U);
  EXPECT_THAT(world_.router.sent[0].headers, StartsWith("NATS/1.0 408 No Flow"));
}

TEST_F(SnapshotTransferTest, AdvisoriesTellOfBeginningAndEnd) {
  Fill(1, 10);
  world_.router.interest.push_back("$JS.EVENT.ADVISORY.STREAM.>");

  world_.Send("$JS.API.STREAM.SNAPSHOT.S", "_R_", R"({"deliver_subject":"bk"})");
  world_.RunTurns();

  auto created = world_.router.PayloadsTo("$JS.EVENT.ADVISORY.STREAM.SNAPSHOT_CREATE.S");
  auto completed = world_.router.PayloadsTo("$JS.EVENT.ADVISORY.STREAM.SNAPSHOT_COMPLETE.S");
  ASSERT_EQ(created.size(), 1U);
  EXPECT_THAT(created[0], HasSubstr(R"("stream":"S","state":{"messages":1,)"));
  ASSERT_EQ(completed.size(), 1U);
  EXPECT_THAT(completed[0], HasSubstr(R"("start":"2026-01-01T00:00:00Z","end":)"));
}

}  // namespace
}  // namespace weir::jetstream

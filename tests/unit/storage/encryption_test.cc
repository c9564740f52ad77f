#include <filesystem>
#include <fstream>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "protocol/base/strings.h"
#include "storage/rocks_commit_queue.h"
#include "storage/rocks_meta_store.h"
#include "storage/rocks_stream_store.h"
#include "storage/stream_cipher.h"
#include "storage/value_sealer.h"
#include "tests/support/queue_executor.h"
#include "tests/support/temp_dir.h"

namespace weir::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing_support::QueueExecutor;
using testing_support::TempDir;

constexpr StreamId kId{1};
constexpr StreamSeq kMessages = 300;

TEST(StreamCipherTest, AnyPlaceIsTheSameAloneAndAmongOthers) {
  SecretKey key{};
  key[3] = 7;
  std::string plain;
  for (int i = 0; i < 1000; ++i) {
    plain.push_back(static_cast<char>(i * 7));
  }
  for (Cipher cipher : {Cipher::kChaCha, Cipher::kAes}) {
    StreamCipher stream = StreamCipher::Fresh(key, cipher);
    std::string whole(plain.size(), '\0');
    stream.Apply(0, plain.data(), whole.data(), plain.size());
    EXPECT_NE(whole, plain);
    auto again = StreamCipher::FromPrefix(key, stream.prefix());
    ASSERT_TRUE(again.has_value());
    for (size_t at : {0, 1, 15, 16, 63, 64, 65, 500, 999}) {
      std::string part = whole.substr(at);
      again->Apply(at, part.data(), part.data(), part.size());
      EXPECT_EQ(part, plain.substr(at)) << at;
    }
  }
}

TEST(StreamCipherTest, FlippedBitInTheBeginningOfAFileCostsNothing) {
  StreamCipher stream = StreamCipher::Fresh(SecretKey{}, Cipher::kChaCha);
  for (size_t bit = 0; bit < 8 * stream.prefix().size(); ++bit) {
    std::string prefix = stream.prefix();
    prefix[bit / 8] = static_cast<char>(prefix[bit / 8] ^ (1 << (bit % 8)));
    auto read = StreamCipher::FromPrefix(SecretKey{}, prefix);
    ASSERT_TRUE(read.has_value()) << bit;
    EXPECT_EQ(read->prefix(), stream.prefix());
  }
}

TEST(ValueSealerTest, BlockComesBackPackedOrNot) {
  std::string block = "\1" + std::string(1000, 'x');
  for (const ValueSealer& sealer : {ValueSealer(), ValueSealer(SecretKey{})}) {
    for (bool compress : {false, true}) {
      std::string value = sealer.PackBlock("key", block, compress);
      EXPECT_EQ(value.size() < block.size(), compress);
      std::string scratch;
      EXPECT_EQ(sealer.UnpackBlock("key", value, scratch), block);
    }
  }
}

TEST(ValueSealerTest, ValueChangedWithoutTheKeyIsRefused) {
  ValueSealer sealer{SecretKey{}};
  ValueSealer other{SecretKey{1}};
  std::string forged = other.Seal("key", "content");
  EXPECT_FALSE(sealer.Open("key", forged).has_value());
  std::string moved = sealer.Seal("key", "content");
  EXPECT_FALSE(sealer.Open("yek", moved).has_value());
  std::string scratch;
  std::string block = sealer.PackBlock("key", "\1block", false);
  block[2] = 'B';
  EXPECT_FALSE(sealer.UnpackBlock("key", block, scratch).has_value());
}

class EncryptedStoreTest : public ::testing::TestWithParam<Cipher> {
 protected:
  StatusOr<std::unique_ptr<Database>> Open(std::string key, std::string previous = "") {
    Database::Options options;
    options.directory = dir_.path();
    options.memtable_bytes = 64 * 1024;
    options.encryption = {std::move(key), std::move(previous), GetParam()};
    return Database::Open(options);
  }
  RocksStreamStore::Context ContextOf(Database& db) {
    RocksStreamStore::Context context;
    context.db = &db;
    context.pool = &pool_;
    context.home = &home_;
    return context;
  }
  void Fill(Database& db) {
    RocksCommitQueue commits(db, {});
    auto submit = [&](std::unique_ptr<StagedBatch> batch) {
      bool done = false;
      commits.Submit(std::move(batch), home_, [&](const Status& status) {
        EXPECT_TRUE(status.ok());
        done = true;
      });
      while (!done) {
        home_.RunOne();
      }
    };
    auto batch = std::make_unique<StagedBatch>();
    RocksMetaStore meta(db);
    meta.NewStreamId(*batch);
    meta.PutStream(*batch, {kId, "SECRETACCOUNT", R"({"name":"SECRETNAME"})", 1});
    submit(std::move(batch));
    auto stream = RocksStreamStore::Create(ContextOf(db), kId, 0);
    for (StreamSeq seq = 1; seq <= kMessages; ++seq) {
      stream->Append({seq, 1, Cat("SECRETSUBJECT.", seq), "NATS/1.0\r\nSECRETHEADER: x\r\n\r\n",
                      Cat("SECRETPAYLOAD ", seq, std::string(500, 's'))});
      batch = std::make_unique<StagedBatch>();
      stream->Flush(*batch);
      submit(std::move(batch));
    }
  }

  size_t Readable(Database& db) {
    std::vector<std::string> damage;
    auto stream = RocksStreamStore::Open(ContextOf(db), kId, damage);
    EXPECT_TRUE(stream.ok());
    EXPECT_THAT(damage, ::testing::IsEmpty());
    auto run = (*stream)->PrepareRun(1, kMessages, 10'000, 1 << 30)();
    EXPECT_TRUE(run.ok());
    return run->messages.size();
  }

  bool AnyFileHolds(const std::string& text) {
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
      if (entry.is_regular_file()) {
        std::stringstream bytes;
        bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
        if (bytes.str().find(text) != std::string::npos) {
          return true;
        }
      }
    }
    return false;
  }

  TempDir dir_;
  QueueExecutor home_;
  BlockingPool pool_{"test-pool", 1};
};

TEST_P(EncryptedStoreTest, NothingReadableIsInAnyFile) {
  auto db = Open("key one");
  ASSERT_TRUE(db.ok()) << db.status();
  Fill(**db);
  EXPECT_FALSE(AnyFileHolds("SECRET")) << "while the log has it";
  db->reset();
  EXPECT_FALSE(AnyFileHolds("SECRET"));
  EXPECT_FALSE(AnyFileHolds("key one"));

  db = Open("key one");
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_EQ(Readable(**db), kMessages);
}

TEST_P(EncryptedStoreTest, WrongKeyIsRefusedAndTouchesNothing) {
  {
    auto db = Open("right");
    ASSERT_TRUE(db.ok()) << db.status();
    Fill(**db);
  }
  EXPECT_THAT(Message(Open("wrong").status()), HasSubstr("the encryption key is wrong"));
  EXPECT_THAT(Message(Open("").status()), HasSubstr("no encryption key is configured"));

  auto db = Open("right");
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_EQ(Readable(**db), kMessages);
}

TEST_P(EncryptedStoreTest, PreviousKeyIsAcceptedOnceAndNeededNoMore) {
  {
    auto db = Open("old");
    ASSERT_TRUE(db.ok()) << db.status();
    Fill(**db);
  }
  ASSERT_TRUE(Open("new", "old").ok());
  EXPECT_FALSE(Open("old").ok());

  auto db = Open("new");
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_EQ(Readable(**db), kMessages);
}

TEST_P(EncryptedStoreTest, KeyForAStoreInPlainTextIsRefused) {
  ASSERT_TRUE(Open("").ok());
  EXPECT_THAT(Message(Open("key").status()), HasSubstr("it is not encrypted"));
}

TEST_P(EncryptedStoreTest, OneOfTwoCopiesOfTheKeysIsEnough) {
  ASSERT_TRUE(Open("key").ok());
  std::fstream file(dir_.path() + "/key", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(60);
  file.put('!');
  file.close();

  EXPECT_TRUE(Open("key").ok());
}

INSTANTIATE_TEST_SUITE_P(Ciphers, EncryptedStoreTest,
                         ::testing::Values(Cipher::kChaCha, Cipher::kAes), [](const auto& test) {
                           return test.param == Cipher::kAes ? "Aes" : "ChaCha";
                         });

}  // namespace
}  // namespace weir::storage

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "protocol/base/strings.h"
#include "storage/rocks_meta_store.h"
#include "storage/rocks_stream_store.h"
#include "tests/support/temp_store.h"

namespace weir::storage {
namespace {

namespace fs = std::filesystem;
using testing_support::TempDir;
using testing_support::TempStore;

constexpr StreamId kId{1};
constexpr StreamSeq kMessages = 500;
constexpr StreamSeq kLarge = 250;  // goes to a blob file

std::string PayloadOf(StreamSeq seq) {
  std::string text = Cat("payload of message ", seq, " ");
  return seq == kLarge ? text + std::string(70'000, 'L') : text + std::string(100, 'p');
}

// A store of 500 messages on 20 subjects, as it lies on the disk: all of it in the log, or all of
// it in tables.
class DamageMatrixTest : public ::testing::Test {
 protected:
  RocksStreamStore::Context ContextOf(Database& db) {
    RocksStreamStore::Context context;
    context.db = &db;
    context.pool = temp_.pool.get();
    context.home = &temp_.home;
    return context;
  }

  void Fill() {
    RocksMetaStore meta(*temp_.db);
    auto batch = std::make_unique<StagedBatch>();
    ASSERT_EQ(meta.NewStreamId(*batch).value(), kId.value());
    meta.PutStream(*batch, {kId, "A", R"({"name":"S"})", 1});
    meta.PutConsumer(*batch, {kId, 1, R"({"name":"C"})", 2, ""});
    meta.PutConsumerState(*batch, kId, 1, "state");
    ASSERT_TRUE(temp_.Commit(std::move(batch)).ok());
    auto stream = RocksStreamStore::Create(ContextOf(*temp_.db), kId, 0);
    StreamSeq seq = 1;
    for (int commit = 0; seq <= kMessages; ++commit) {
      for (int n = 1 + commit % 9; n > 0 && seq <= kMessages; --n, ++seq) {
        stream->Append(
            {seq, static_cast<int64_t>(1000 + seq), Cat("s.", seq % 20), "", PayloadOf(seq)});
      }
      batch = std::make_unique<StagedBatch>();
      stream->Flush(*batch);
      ASSERT_TRUE(temp_.Commit(std::move(batch)).ok());
    }
    fs::copy(temp_.directory(), killed_.path(), fs::copy_options::recursive);
    stream.reset();
    std::string directory = temp_.directory();
    temp_.Close();
    fs::copy(directory, flushed_.path(), fs::copy_options::recursive);
    temp_.Open(elsewhere_.path());
  }

  struct Outcome {
    bool opened = false;
    bool has_stream = false;
    bool has_consumer = false;
    StreamSeq last_seq = 0;
    size_t readable = 0;
    size_t lost = 0;  // what the stream says is lost
    size_t wrong = 0;
    std::vector<std::string> reported;

    std::string Describe() const {
      std::string text =
          Cat(opened ? "" : "NOT OPENED ", has_stream ? "" : "NO STREAM ",
              has_consumer ? "" : "NO CONSUMER ", readable, " readable, ", lost, " known lost, ",
              wrong, " wrong, last ", last_seq, ", ", reported.size(), " lines");
      for (size_t i = 0; i < std::min<size_t>(reported.size(), 3); ++i) {
        text += Cat("\n      ", reported[i]);
      }
      return text;
    }
  };

  Outcome Read(const std::string& directory) {
    Outcome out;
    Database::Options options;
    options.directory = directory;
    options.memtable_bytes = 256 * 1024;
    auto db = Database::Open(options);
    if (!db.ok()) {
      out.reported.emplace_back(Message(db.status()));
      return out;
    }
    out.opened = true;
    RocksMetaStore meta(**db);
    auto contents = meta.Load();
    if (!contents.ok()) {
      out.reported.emplace_back(Message(contents.status()));
      return out;
    }
    out.reported = contents->damaged;
    for (std::string& line : (*db)->damage().lines()) {
      out.reported.push_back(std::move(line));
    }
    out.has_stream = contents->streams.size() == 1;
    out.has_consumer = contents->consumers.size() == 1 && contents->consumers[0].state == "state";
    std::vector<std::string> damage;
    auto stream = RocksStreamStore::Open(ContextOf(**db), kId, damage);
    out.reported.insert(out.reported.end(), damage.begin(), damage.end());
    if (!stream.ok()) {
      out.reported.emplace_back(Message(stream.status()));
      return out;
    }
    out.last_seq = (*stream)->state().last_seq;
    for (StreamSeq seq = 1; seq <= kMessages; ++seq) {
      StoredMessage message;
      ReadOutcome outcome = (*stream)->Get(seq, message);
      if (outcome == ReadOutcome::kWouldBlock) {
        bool done = false;
        (*stream)->Load(seq, [&done](const Status&) { done = true; });
        while (!done) {
          temp_.home.RunOne();
        }
        outcome = (*stream)->Get(seq, message);
      }
      if (outcome == ReadOutcome::kDamaged) {
        ++out.lost;
      } else if (outcome == ReadOutcome::kFound) {
        bool right = message.view.payload == PayloadOf(seq);
        out.readable += right ? 1 : 0;
        out.wrong += right ? 0 : 1;
      }
    }
    return out;
  }

  enum class Kind { kFlippedBit, kZeroedPage, kTruncation };
  static constexpr Kind kKinds[] = {Kind::kFlippedBit, Kind::kZeroedPage, Kind::kTruncation};
  static const char* NameOf(Kind kind) {
    return kind == Kind::kFlippedBit   ? "flipped bit"
           : kind == Kind::kZeroedPage ? "zeroed 4 KiB"
                                       : "truncation";
  }

  // Damages a file at `at`; false when that changes nothing.
  static bool Damage(const std::string& path, Kind kind, size_t at) {
    if (kind == Kind::kTruncation) {
      fs::resize_file(path, at);
      return true;
    }
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    size_t size = kind == Kind::kFlippedBit ? 1 : std::min<size_t>(4096, fs::file_size(path) - at);
    std::string before(size, '\0');
    file.seekg(static_cast<std::streamoff>(at));
    file.read(before.data(), static_cast<std::streamsize>(size));
    std::string after(size, '\0');
    if (kind == Kind::kFlippedBit) {
      after[0] = static_cast<char>(before[0] ^ (1 << (at % 8)));
    }
    file.seekp(static_cast<std::streamoff>(at));
    file.write(after.data(), static_cast<std::streamsize>(size));
    return after != before;
  }

  static std::string KindOf(const std::string& name) {
    if (name.ends_with(".log")) {
      return "log";
    }
    if (name.ends_with(".sst")) {
      return "table";
    }
    if (name.ends_with(".blob")) {
      return "blob file";
    }
    return name.substr(0, name.find_first_of("-."));
  }

  // Every file of the store, damaged at `places` places, one at a time.
  void Run(const std::string& original, size_t places,
           const std::function<void(const std::string& what, Kind, const Outcome&)>& judge) {
    for (const auto& entry : fs::recursive_directory_iterator(original)) {
      if (!entry.is_regular_file() || entry.file_size() == 0) {
        continue;
      }
      fs::path relative = fs::relative(entry.path(), original);
      for (Kind kind : kKinds) {
        for (size_t i = 0; i < places; ++i) {
          size_t at = i == places - 1 ? entry.file_size() - 1 : entry.file_size() * i / places;
          TempDir copy;
          fs::copy(original, copy.path(), fs::copy_options::recursive);
          if (Damage((fs::path(copy.path()) / relative).string(), kind, at)) {
            judge(Cat(KindOf(relative.filename().string()), " ", relative.string(), " at ", at,
                      " of ", entry.file_size()),
                  kind, Read(copy.path()));
          }
        }
      }
    }
  }

  // What was synced is known to have been there.
  TempStore temp_{RocksCommitQueue::SyncPolicy::kAlways};
  TempDir elsewhere_;
  TempDir killed_;
  TempDir flushed_;
};

TEST_F(DamageMatrixTest, NoDamageIsSilentAndOneBitCostsNoMoreThanItsUnit) {
  ASSERT_NO_FATAL_FAILURE(Fill());
  size_t cases = 0;
  std::map<std::string, size_t> worst;
  auto judge = [&](const std::string& what, Kind kind, const Outcome& outcome) {
    ++cases;
    bool flip = kind == Kind::kFlippedBit;
    size_t missing = kMessages - outcome.readable;
    std::string row = Cat(what.substr(0, what.find(' ')), ", ", NameOf(kind));
    worst[row] = std::max(worst[row], missing);
    if (missing > 100) {
      std::cout << NameOf(kind) << " in " << what << outcome.Describe() << "\n";
    }
    std::string text = Cat(NameOf(kind), " in ", what, ": ", outcome.Describe());
    EXPECT_EQ(outcome.wrong, 0u) << text;
    EXPECT_TRUE(missing == 0 || !outcome.reported.empty()) << "silent: " << text;
    if (outcome.has_stream) {
      EXPECT_EQ(outcome.last_seq, kMessages) << text;
    }
    if (flip) {
      EXPECT_TRUE(outcome.opened && outcome.has_stream && outcome.has_consumer) << text;
      EXPECT_LE(missing, 10u) << text;
    }
  };
  size_t places = std::getenv("WEIR_DAMAGE_PLACES") != nullptr
                      ? static_cast<size_t>(std::atoi(std::getenv("WEIR_DAMAGE_PLACES")))
                      : 6;
  for (const TempDir* original : {&killed_, &flushed_}) {
    TempDir copy;  // opening it moves what the log has into tables
    fs::copy(original->path(), copy.path(), fs::copy_options::recursive);
    Outcome whole = Read(copy.path());
    ASSERT_EQ(whole.readable, kMessages) << whole.Describe();
    ASSERT_THAT(whole.reported, ::testing::IsEmpty());
    Run(original->path(), places, judge);
  }
  for (const auto& [row, missing] : worst) {
    std::cout << row << ": " << missing << " of " << kMessages << " lost at most\n";
  }
  std::cout << cases << " cases\n";
}

}  // namespace
}  // namespace weir::storage

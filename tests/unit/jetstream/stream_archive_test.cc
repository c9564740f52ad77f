#include "jetstream/stream_archive.h"

#include <gtest/gtest.h>

#include "protocol/base/strings.h"

namespace weir::jetstream {
namespace {

// What is in it, one line an entry; then how it ended.
std::string Describe(std::string_view bytes, size_t piece = SIZE_MAX) {
  ArchiveReader reader(/*max_message=*/1000);
  std::string out;
  while (true) {
    auto step = reader.Next();
    if (!step.ok()) {
      return Cat(out, Message(step.status()));
    }
    if (*step == ArchiveReader::Step::kEntry) {
      const ArchiveEntry& entry = reader.entry();
      CatTo(out, entry.name, " ", entry.seq, " ", entry.time_ns, " [", reader.headers(), "][",
            reader.payload(), "]\n");
    } else if (bytes.empty()) {
      return Cat(out, reader.at_boundary() ? "end" : "cut off");
    } else {
      reader.input().append(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }
}

TEST(StreamArchiveTest, EntriesComeBackInAnyPieces) {
  std::string bytes(kArchiveMagic);
  AppendArchiveEntry(bytes, {"state.json", 5, 0, 0, 2});
  bytes += "{}";
  AppendArchiveEntry(bytes, {"a.b", -7, 300, 3, 4});
  bytes += "HHHbody";
  AppendArchiveEntry(bytes, {});

  for (size_t piece : {size_t{1}, size_t{5}, SIZE_MAX}) {
    EXPECT_EQ(Describe(bytes, piece),
              "state.json 0 5 [][{}]\na.b 300 -7 [HHH][body]\n 0 0 [][]\nend")
        << piece;
  }
}

TEST(StreamArchiveTest, TheBytesAreTheReferences) {
  std::string bytes(kArchiveMagic);
  AppendArchiveEntry(bytes, {"s", 64, 300, 0, 1});
  bytes += "x";

  // Length of the name, time with its sign lowest, sequence, the two sizes, the name.
  EXPECT_EQ(bytes, std::string("NATSARC1\x01\x80\x01\xac\x02\x00\x01sx", 17));
}

TEST(StreamArchiveTest, BadBytesAreErrors) {
  const std::string invalid = "archive: invalid archive stream";
  std::string magic(kArchiveMagic);

  EXPECT_EQ(Describe("NATSARC2 and more"), invalid);
  EXPECT_EQ(Describe(magic + std::string(11, '\xff')), invalid) << "a number without end";
  std::string long_name = magic;
  AppendArchiveEntry(long_name, {std::string(kMaxArchiveName + 1, 'n'), 0, 1, 0, 0});
  EXPECT_EQ(Describe(long_name), invalid);
  std::string large = magic;
  AppendArchiveEntry(large, {"s", 0, 9, UINT64_MAX, UINT64_MAX});
  EXPECT_EQ(Describe(large), "message sequence 9 exceeds maximum payload size");
  std::string document = magic;
  AppendArchiveEntry(document, {"state.json", 0, 0, 1, kMaxArchiveDocument});
  EXPECT_EQ(Describe(document), "archive: entry is too large");
}

TEST(StreamArchiveTest, AnArchiveThatIsCutOffIsKnown) {
  std::string bytes(kArchiveMagic);
  AppendArchiveEntry(bytes, {"s", 0, 1, 0, 10});

  EXPECT_EQ(Describe(bytes), "cut off");
  EXPECT_EQ(Describe(bytes + "123456789"), "cut off");
  EXPECT_EQ(Describe("NATS"), "cut off");
}

}  // namespace
}  // namespace weir::jetstream

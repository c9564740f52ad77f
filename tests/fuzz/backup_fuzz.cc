// Reading a backup that somebody uploads: no input may crash it or make it hold more than it was
// given, pieces of any size give the same, and what is refused has a text that says why.

#include <cstdint>
#include <string>
#include <string_view>

#include "jetstream/stream_backup.h"
#include "storage/s2_stream.h"

namespace {

using weir::jetstream::BackupReader;

// What was read, and how it ended.
std::string ReadAll(std::string_view bytes, size_t piece) {
  BackupReader reader(/*max_message=*/1 << 16);
  std::string out;
  bool ended = false;
  while (true) {
    auto item = reader.Next();
    if (!item.ok()) {
      WEIR_CHECK(!weir::Message(item.status()).empty());
      return weir::Cat(out, weir::Message(item.status()));
    }
    switch (*item) {
      case BackupReader::Item::kNeedInput: {
        WEIR_CHECK(!ended);
        ended = bytes.empty();
        if (ended) {
          reader.End();
        }
        std::string_view next = bytes.substr(0, piece);
        reader.Feed(next);
        bytes.remove_prefix(next.size());
        break;
      }
      case BackupReader::Item::kState:
        weir::CatTo(out, "state ", reader.state().last_seq);
        break;
      case BackupReader::Item::kConsumer:
        weir::CatTo(out, reader.consumer().config.name,
                    weir::jetstream::EncodeConsumerState(reader.consumer().state, 0));
        break;
      case BackupReader::Item::kMessage:
        weir::CatTo(out, reader.message().seq, reader.message().subject, reader.message().payload);
        break;
      case BackupReader::Item::kEnd:
        return out;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  WEIR_CHECK(ReadAll(bytes, SIZE_MAX) == ReadAll(bytes, 7));

  // As an archive inside a good stream, past the checksums that a mutation cannot guess.
  std::string packed(weir::storage::kS2Start);
  weir::storage::AppendS2Chunk(packed, bytes);
  WEIR_CHECK(ReadAll(packed, SIZE_MAX) == ReadAll(packed, 1000));

  // And as the inside of a block.
  std::string out;
  weir::IgnoreError(weir::storage::DecodeS2Block(bytes, 1 << 16, out), "any outcome will do");
  WEIR_CHECK(out.size() <= 1 << 16);
  return 0;
}

#pragma once

// The S2 stream format, in which backups travel: a sequence of chunks, each with its type, its size
// and a checksum of what it holds. S2 is Snappy's framing with larger blocks and repeated offsets;
// every Snappy block is an S2 block.

#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/base/status.h"

namespace weir::storage {

// What a stream begins with: S2's own, and the one that Snappy readers know (then no chunk may hold
// more than kSnappyChunk bytes).
inline constexpr std::string_view kS2Start{"\xff\x06\x00\x00S2sTwO", 10};
inline constexpr std::string_view kSnappyStart{"\xff\x06\x00\x00sNaPpY", 10};
inline constexpr size_t kSnappyChunk = 64 << 10;
// The largest block that a reader of S2 accepts.
inline constexpr size_t kMaxS2Chunk = 4 << 20;

// Appends one chunk that holds `bytes`, at most kMaxS2Chunk, as a Snappy block or as it is when
// that is smaller.
void AppendS2Chunk(std::string& out, std::string_view bytes);

// Decodes one S2 block whose decoded size may be at most `max_bytes`; appends to `out`. An error
// leaves `out` as it was.
Status DecodeS2Block(std::string_view block, size_t max_bytes, std::string& out);

// Reads a stream that arrives in pieces. Holds one chunk at most beside what it was fed last.
class S2Reader {
 public:
  void Feed(std::string_view bytes) { input_.append(bytes); }

  // Appends what the next chunk with data holds to `out`; false when more input is needed. Errors
  // are final.
  StatusOr<bool> Next(std::string& out);

  // Is there a chunk of which only a part has come?
  bool in_chunk() const { return at_ < input_.size(); }

 private:
  Status ReadData(bool compressed, std::string_view body, std::string& out) const;

  std::string input_;
  size_t at_ = 0;         // in input_: where the next chunk begins
  size_t max_block_ = 0;  // 0: the stream has not begun
  Status status_;
};

}  // namespace weir::storage

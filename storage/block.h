#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"
#include "storage/record.h"
#include "storage/stream_store.h"

namespace weir::storage {

// A block is what one stream took in one commit (FORMAT.md): a header, the records of consecutive
// sequences one after the other, and a table of their offsets, so that one record is found without
// walking and a damaged one does not hide those behind it.
namespace block {

inline constexpr size_t kHeader = 36;
inline constexpr size_t kMaxRecordBytes = 65'535;  // of all records; a single larger one is alone
inline constexpr size_t kMaxCount = 4096;
// So many deleted messages in a row cost less as entries of the table than as a new block.
inline constexpr StreamSeq kMaxStubs = 24;

}  // namespace block

// What the stream had when the commit of a block was complete.
struct BlockCounters {
  StreamSeq first_seq = 0;
  uint64_t messages = 0;
  uint64_t bytes = 0;  // as StoreState counts them
  uint64_t subjects = 0;
};

// Fills a block in place. Blocks are packed one behind the other into a buffer that the reader's
// cache keeps, so the bytes are written once.
class BlockBuilder {
 public:
  explicit BlockBuilder(StreamId stream) : stream_(stream) {}

  bool open() const { return !offsets_.empty(); }
  StreamSeq first() const { return first_; }
  StreamSeq last() const { return first_ + offsets_.size() - 1; }

  // May `message` join the open block, behind so many stubs? (It must be the next sequence.)
  bool Fits(const MessageView& message, size_t stubs = 0) const;
  // Begins a block if none is open. Fits() must have said yes otherwise. `previous`: the last
  // sequence of the stream before this message; where numbers were left out on purpose the block
  // says so, since blocks that are lost leave a gap, too.
  void Add(const MessageView& message, StreamSeq previous);
  void Add(const MessageView& message) { Add(message, message.seq - 1); }
  // The next sequence has been deleted: the open block says so, and a message must follow.
  void AddStub();

  ReadOutcome Get(StreamSeq seq, MessageView& out) const;
  const SharedBytes& buffer() const { return buffer_; }
  // Overwrites an open record.
  void Erase(StreamSeq seq);

  struct Sealed {
    StreamSeq first = 0;
    StreamSeq last = 0;
    SharedBytes buffer;
    uint32_t offset = 0;
    uint32_t size = 0;
    std::string_view bytes() const { return buffer.view().substr(offset, size); }
  };
  // Finishes the open block. The last one of a commit says what the stream has then.
  Sealed Seal(const BlockCounters* counters = nullptr);
  // Lets go of the buffer that the next block would go into. No block may be open.
  void DropBuffer();

 private:
  void Begin(const MessageView& message, StreamSeq previous);
  char* at(size_t offset) { return buffer_.mutable_data() + start_ + offset; }

  const StreamId stream_;
  SharedBytes buffer_;
  size_t buffer_used_ = 0;  // by earlier blocks
  size_t start_ = 0;        // of the open block in the buffer
  size_t used_ = 0;         // of the open block, header included
  StreamSeq first_ = 0;
  StreamSeq previous_ = 0;
  int64_t first_time_ns_ = 0;
  int64_t last_time_ns_ = 0;
  std::vector<uint16_t> offsets_;
  bool stubs_ = false;  // in the open block
};

// A block as stored. The bytes must stay alive.
class BlockReader {
 public:
  BlockReader() = default;
  // `first` is what the key says. A damaged header or table is mended by walking the records;
  // intact() is false then.
  BlockReader(StreamId stream, StreamSeq first, std::string_view bytes);
  // A block that this process has made itself: nothing is checked.
  static BlockReader Trusted(StreamSeq first, std::string_view bytes);

  bool intact() const { return intact_; }
  StreamSeq first() const { return first_; }
  StreamSeq last() const { return first_ + count_ - 1; }
  uint32_t count() const { return count_; }  // 0: nothing can be read
  // The sequence before the first one that was ever handed out: first() - 1 but for gaps. Of a
  // damaged block, too: then nobody knows.
  StreamSeq previous() const { return previous_; }
  int64_t last_time_ns() const;  // of its last record; of an intact block
  // nullopt: not said, or nothing of the block's header can be believed.
  std::optional<BlockCounters> counters() const;
  // In order of sequence; what was deleted before the block was written anew is kErased.
  record::State Record(uint32_t position, bool verify, MessageView& out) const;
  // Where the record is, for overwriting it in a copy of the bytes: offset and size.
  std::pair<size_t, size_t> Extent(uint32_t position) const;

 private:
  bool ReadHeader(StreamId stream);
  void Walk();
  size_t OffsetOf(uint32_t position) const;
  size_t TailAt() const { return records_end_ + size_t{count_} * sizeof(uint16_t); }

  std::string_view bytes_;
  StreamSeq first_ = 0;
  StreamSeq previous_ = 0;
  uint32_t count_ = 0;
  uint32_t records_end_ = 0;  // offset behind the last record
  bool intact_ = false;
  bool stubs_ = false;            // records without bytes are deleted ones
  std::vector<uint32_t> mended_;  // offsets, when the table could not be used
};

}  // namespace weir::storage

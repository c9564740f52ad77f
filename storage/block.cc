#include "storage/block.h"

#include <algorithm>

#include "protocol/base/status.h"
#include "storage/coding.h"
#include "storage/crc32c.h"

namespace weir::storage {

namespace {

// Header: version u8, flags u8 (1: the previous sequence follows the table; 2: records without
// bytes are deleted messages; 4: behind these are the counters), count u16, bytes of records u32,
// first sequence u64, first time i64, last time i64, checksum u32 of the rest of the header, the
// table and the stream's id.
constexpr uint8_t kVersion = 1;
constexpr uint8_t kAfterGap = 1;
constexpr uint8_t kHasStubs = 2;
constexpr uint8_t kCounted = 4;
constexpr size_t kFlagsAt = 1;
constexpr size_t kCountAt = 2;
constexpr size_t kBytesAt = 4;
constexpr size_t kFirstAt = 8;
constexpr size_t kFirstTimeAt = 16;
constexpr size_t kLastTimeAt = 24;
constexpr size_t kChecksumAt = 32;
constexpr size_t kCountersBytes = 4 * sizeof(uint64_t);
// What may follow the table.
constexpr size_t kMaxTail = sizeof(StreamSeq) + kCountersBytes;

constexpr size_t kSmallestBuffer = 4 * 1024;
constexpr size_t kLargestBuffer = 256 * 1024;

size_t TailBytes(uint8_t flags) {
  return ((flags & kAfterGap) != 0 ? sizeof(StreamSeq) : 0) +
         ((flags & kCounted) != 0 ? kCountersBytes : 0);
}

uint32_t Checksum(StreamId stream, std::string_view block, size_t table_at) {
  uint32_t crc = Crc32c(block.substr(0, kChecksumAt), stream.value());
  return Crc32c(block.substr(table_at), crc);
}

}  // namespace

bool BlockBuilder::Fits(const MessageView& message, size_t stubs) const {
  size_t records = used_ - block::kHeader + record::SizeOf(message);
  size_t count = offsets_.size() + stubs;
  size_t table = (count + 1) * sizeof(uint16_t) + kMaxTail;
  return message.seq == first_ + count && count < block::kMaxCount &&
         records <= block::kMaxRecordBytes &&
         start_ + block::kHeader + records + table <= buffer_.size();
}

void BlockBuilder::Begin(const MessageView& message, StreamSeq previous) {
  size_t need = block::kHeader + record::SizeOf(message) + sizeof(uint16_t) + kMaxTail;
  if (buffer_.size() - buffer_used_ < std::max(need, buffer_.size() / 16)) {
    // Quiet streams have small buffers; busy ones soon have large ones.
    size_t wanted = std::clamp(buffer_.size() * 2, kSmallestBuffer, kLargestBuffer);
    buffer_ = SharedBytes::Uninitialized(std::max(wanted, need));
    buffer_used_ = 0;
  }
  start_ = buffer_used_;
  used_ = block::kHeader;
  first_ = message.seq;
  previous_ = previous;
  first_time_ns_ = message.time_ns;
}

void BlockBuilder::Add(const MessageView& message, StreamSeq previous) {
  if (offsets_.empty()) {
    Begin(message, previous);
  }
  record::Encode(message, at(used_));
  offsets_.push_back(static_cast<uint16_t>(used_ - block::kHeader));
  used_ += record::SizeOf(message);
  last_time_ns_ = message.time_ns;
}

void BlockBuilder::AddStub() {
  offsets_.push_back(static_cast<uint16_t>(used_ - block::kHeader));
  stubs_ = true;
}

ReadOutcome BlockBuilder::Get(StreamSeq seq, MessageView& out) const {
  if (offsets_.empty() || seq < first_ || seq > last()) {
    return ReadOutcome::kMissing;
  }
  std::string_view bytes = buffer_.view().substr(start_, used_);
  bytes.remove_prefix(block::kHeader + offsets_[seq - first_]);
  return record::Decode(bytes, seq, /*verify=*/false, out) == record::State::kGood
             ? ReadOutcome::kFound
             : ReadOutcome::kMissing;
}

void BlockBuilder::Erase(StreamSeq seq) {
  char* record = at(block::kHeader + offsets_[seq - first_]);
  size_t left = used_ - block::kHeader - offsets_[seq - first_];
  record::Erase(record, record::SizeAt({record, left}), seq);
}

BlockBuilder::Sealed BlockBuilder::Seal(const BlockCounters* counters) {
  WEIR_DCHECK(open());
  size_t table_at = used_;
  for (uint16_t offset : offsets_) {
    StoreInt(at(used_), offset);
    used_ += sizeof offset;
  }
  const bool after_gap = previous_ + 1 != first_;
  if (after_gap) {
    StoreInt(at(used_), previous_);
    used_ += sizeof previous_;
  }
  if (counters != nullptr) {
    for (uint64_t number :
         {counters->first_seq, counters->messages, counters->bytes, counters->subjects}) {
      StoreInt(at(used_), number);
      used_ += sizeof number;
    }
  }
  char* header = at(0);
  StoreInt(header, kVersion);
  StoreInt(header + kFlagsAt,
           static_cast<uint8_t>((after_gap ? kAfterGap : 0) | (stubs_ ? kHasStubs : 0) |
                                (counters != nullptr ? kCounted : 0)));
  StoreInt(header + kCountAt, static_cast<uint16_t>(offsets_.size()));
  StoreInt(header + kBytesAt, static_cast<uint32_t>(table_at - block::kHeader));
  StoreInt(header + kFirstAt, first_);
  StoreInt(header + kFirstTimeAt, first_time_ns_);
  StoreInt(header + kLastTimeAt, last_time_ns_);
  StoreInt(header + kChecksumAt, Checksum(stream_, {header, used_}, table_at));

  Sealed sealed{first_, last(), buffer_, static_cast<uint32_t>(start_),
                static_cast<uint32_t>(used_)};
  buffer_used_ = start_ + used_;
  offsets_.clear();
  stubs_ = false;
  used_ = 0;
  first_ = 0;
  return sealed;
}

void BlockBuilder::DropBuffer() {
  WEIR_DCHECK(!open());
  buffer_ = SharedBytes();
  buffer_used_ = 0;
}

BlockReader::BlockReader(StreamId stream, StreamSeq first, std::string_view bytes)
    : bytes_(bytes), first_(first), previous_(first - 1) {
  intact_ = ReadHeader(stream);
  if (!intact_) {
    Walk();
  }
}

BlockReader BlockReader::Trusted(StreamSeq first, std::string_view bytes) {
  BlockReader reader;
  reader.bytes_ = bytes;
  reader.first_ = first;
  reader.previous_ = first - 1;
  reader.count_ = LoadInt<uint16_t>(bytes.data() + kCountAt);
  reader.records_end_ =
      static_cast<uint32_t>(block::kHeader) + LoadInt<uint32_t>(bytes.data() + kBytesAt);
  reader.intact_ = true;
  const auto flags = LoadInt<uint8_t>(bytes.data() + kFlagsAt);
  reader.stubs_ = (flags & kHasStubs) != 0;
  if ((flags & kAfterGap) != 0) {
    reader.previous_ = LoadInt<uint64_t>(bytes.data() + reader.TailAt());
  }
  return reader;
}

bool BlockReader::ReadHeader(StreamId stream) {
  if (bytes_.size() < block::kHeader || LoadInt<uint8_t>(bytes_.data()) != kVersion) {
    return false;
  }
  const char* header = bytes_.data();
  count_ = LoadInt<uint16_t>(header + kCountAt);
  records_end_ = 0;
  const auto flags = LoadInt<uint8_t>(header + kFlagsAt);
  uint64_t end = block::kHeader + uint64_t{LoadInt<uint32_t>(header + kBytesAt)};
  if (count_ == 0 || LoadInt<uint64_t>(header + kFirstAt) != first_ ||
      end + count_ * sizeof(uint16_t) + TailBytes(flags) != bytes_.size() ||
      LoadInt<uint32_t>(header + kChecksumAt) != Checksum(stream, bytes_, end)) {
    return false;
  }
  records_end_ = static_cast<uint32_t>(end);
  stubs_ = (flags & kHasStubs) != 0;
  if ((flags & kAfterGap) != 0) {
    previous_ = LoadInt<uint64_t>(bytes_.data() + TailAt());
  }
  return true;
}

int64_t BlockReader::last_time_ns() const {
  return LoadInt<int64_t>(bytes_.data() + kLastTimeAt);
}

std::optional<BlockCounters> BlockReader::counters() const {
  if (!intact_ || (LoadInt<uint8_t>(bytes_.data() + kFlagsAt) & kCounted) == 0) {
    return std::nullopt;
  }
  const char* at = bytes_.data() + bytes_.size() - kCountersBytes;
  return BlockCounters{LoadInt<uint64_t>(at), LoadInt<uint64_t>(at + 8), LoadInt<uint64_t>(at + 16),
                       LoadInt<uint64_t>(at + 24)};
}

// The header or the table is damaged. The records know their own sizes; what they do not know is
// where the table begins, but a piece of it cannot pass for a record with a good checksum. Nor do
// they know how many deleted ones are between them, which their checksums tell.
void BlockReader::Walk() {
  count_ = 0;
  size_t offset = block::kHeader;
  while (offset < bytes_.size() && count_ < block::kMaxCount) {
    std::string_view rest = bytes_.substr(offset);
    StreamSeq seq = first_ + count_;
    uint32_t stubs = 0;
    while (stubs < block::kMaxStubs && !record::IsGood(rest, seq + stubs)) {
      ++stubs;
    }
    MessageView ignored;
    if (record::Decode(rest, seq + stubs, /*verify=*/true, ignored) == record::State::kDamaged) {
      break;
    }
    mended_.insert(mended_.end(), stubs + 1, static_cast<uint32_t>(offset));
    offset += record::SizeAt(rest);
    count_ += stubs + 1;
    stubs_ = stubs_ || stubs > 0;
  }
  records_end_ = static_cast<uint32_t>(std::min(offset, bytes_.size()));
}

size_t BlockReader::OffsetOf(uint32_t position) const {
  if (position >= count_) {
    return records_end_;
  }
  if (!mended_.empty()) {
    return mended_[position];
  }
  return block::kHeader +
         LoadInt<uint16_t>(bytes_.data() + records_end_ + position * sizeof(uint16_t));
}

std::pair<size_t, size_t> BlockReader::Extent(uint32_t position) const {
  size_t begin = OffsetOf(position);
  size_t end = OffsetOf(position + 1);
  return begin < end && end <= records_end_ ? std::pair(begin, end - begin) : std::pair(begin, 0ul);
}

record::State BlockReader::Record(uint32_t position, bool verify, MessageView& out) const {
  if (position >= count_) {
    return record::State::kDamaged;
  }
  auto [offset, size] = Extent(position);
  if (size == 0 && stubs_) {
    return record::State::kErased;
  }
  return record::Decode(bytes_.substr(offset, size), first_ + position, verify, out);
}

}  // namespace weir::storage

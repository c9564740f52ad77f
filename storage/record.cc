#include "storage/record.h"

#include <cstring>

#include "storage/coding.h"
#include "storage/crc32c.h"
#include "storage/damage_count.h"

namespace weir::storage::record {

namespace {

// Prefix: checksum u32, time i64, headers u32 (top bit: erased), payload u32, subject u16.
constexpr size_t kTimeAt = 4;
constexpr size_t kHeadersAt = 12;
constexpr size_t kPayloadAt = 16;
constexpr size_t kSubjectAt = 20;
constexpr uint32_t kErasedBit = 0x80000000u;

uint32_t Checksum(const char* at, size_t size, StreamSeq seq) {
  char number[sizeof seq];
  StoreInt(number, seq);
  return Crc32c({at + kTimeAt, size - kTimeAt}, Crc32c({number, sizeof number}));
}

char* Put(char* at, std::string_view bytes) {
  if (!bytes.empty()) {
    std::memcpy(at, bytes.data(), bytes.size());
  }
  return at + bytes.size();
}

}  // namespace

void Encode(const MessageView& message, char* at) {
  StoreInt(at + kTimeAt, message.time_ns);
  StoreInt(at + kHeadersAt, static_cast<uint32_t>(message.headers.size()));
  StoreInt(at + kPayloadAt, static_cast<uint32_t>(message.payload.size()));
  StoreInt(at + kSubjectAt, static_cast<uint16_t>(message.subject.size()));
  char* end = Put(Put(Put(at + kPrefix, message.subject), message.headers), message.payload);
  StoreInt(at, Checksum(at, static_cast<size_t>(end - at), message.seq));
}

size_t SizeAt(std::string_view bytes) {
  if (bytes.size() < kPrefix) {
    return 0;
  }
  const char* at = bytes.data();
  size_t size = kPrefix + LoadInt<uint16_t>(at + kSubjectAt) + LoadInt<uint32_t>(at + kPayloadAt) +
                (LoadInt<uint32_t>(at + kHeadersAt) & ~kErasedBit);
  return size <= bytes.size() ? size : 0;
}

bool IsGood(std::string_view bytes, StreamSeq seq) {
  size_t size = SizeAt(bytes);
  return size != 0 && LoadInt<uint32_t>(bytes.data()) == Checksum(bytes.data(), size, seq);
}

State Decode(std::string_view bytes, StreamSeq seq, bool verify, MessageView& out) {
  size_t size = SizeAt(bytes);
  const char* at = bytes.data();
  if (size == 0 || (verify && LoadInt<uint32_t>(at) != Checksum(at, size, seq))) {
    NoteDamage();
    return State::kDamaged;
  }
  uint32_t headers = LoadInt<uint32_t>(at + kHeadersAt);
  uint16_t subject = LoadInt<uint16_t>(at + kSubjectAt);
  if ((headers & kErasedBit) != 0) {
    return State::kErased;
  }
  out.seq = seq;
  out.time_ns = LoadInt<int64_t>(at + kTimeAt);
  out.subject = {at + kPrefix, subject};
  out.headers = {at + kPrefix + subject, headers};
  out.payload = {at + kPrefix + subject + headers, LoadInt<uint32_t>(at + kPayloadAt)};
  return State::kGood;
}

void Erase(char* at, size_t size, StreamSeq seq) {
  StoreInt(at + kHeadersAt, LoadInt<uint32_t>(at + kHeadersAt) | kErasedBit);
  std::memset(at + kPrefix, 0, size - kPrefix);
  StoreInt(at, Checksum(at, size, seq));
}

}  // namespace weir::storage::record

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/stream_store.h"

namespace weir::storage {

// One stored message in a block (FORMAT.md): 22 bytes of prefix, then subject, headers, payload.
// The checksum covers all of it and the sequence, which is not in the bytes: it follows from the
// place in the block.
namespace record {

inline constexpr size_t kPrefix = 22;

inline size_t SizeOf(const MessageView& message) {
  return kPrefix + message.subject.size() + message.headers.size() + message.payload.size();
}

// Writes SizeOf(message) bytes.
void Encode(const MessageView& message, char* at);

enum class State : uint8_t {
  kGood,
  kErased,   // overwritten on purpose: only the lengths are left
  kDamaged,  // the bytes do not fit or the checksum is wrong
};

// Reads the record that `bytes` begins with. The lengths are checked against `bytes` always, the
// checksum when `verify` is set.
State Decode(std::string_view bytes, StreamSeq seq, bool verify, MessageView& out);

// Whether Decode() would find it good or erased; damage is not counted.
bool IsGood(std::string_view bytes, StreamSeq seq);

// The record's own idea of its size; 0 when `bytes` cannot hold it.
size_t SizeAt(std::string_view bytes);

// Overwrites subject, headers and payload with zeros in place, for a secure delete.
void Erase(char* at, size_t size, StreamSeq seq);

}  // namespace record

}  // namespace weir::storage

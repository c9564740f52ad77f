#pragma once

// Every key of the store (FORMAT.md). All begin with the stream's id, so that a stream is one range
// in each family. The enum values are on disk.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/ids.h"

namespace weir::storage {

// Kinds of records in the meta and state families; those marked ² are in both, under the same key.
enum class RecordKind : uint8_t {
  kConsumerState = 'a',   // ²
  kConsumer = 'c',        // ²
  kDeletes = 'd',         // state only
  kIds = 'i',             // ², of stream id 0: ids handed out so far
  kStream = 'm',          // ²
  kStreamPosition = 's',  // ², first and last sequence
};

// stream id | first sequence: the key of a block, without an allocation.
class BlockKey {
 public:
  static constexpr size_t kSize = 12;

  BlockKey(StreamId stream, StreamSeq first);
  std::string_view view() const { return {bytes_, kSize}; }
  operator std::string_view() const {
    return view();
  }  // NOLINT(google-explicit-constructor): a key is its bytes

  struct Parts {
    StreamId stream;
    StreamSeq first = 0;
  };
  static std::optional<Parts> Parse(std::string_view key);

 private:
  char bytes_[kSize];
};

// The first key of the stream in any family; that of the next id ends the stream's range.
std::string StreamPrefix(StreamId stream);

std::string StreamKey(StreamId stream, RecordKind kind);
std::string ConsumerKey(StreamId stream, RecordKind kind, uint32_t consumer_id);
std::string DeletesKey(StreamId stream, StreamSeq page);

// What a key of the meta or state family says; nullopt when it makes no sense.
struct RecordKey {
  StreamId stream;
  RecordKind kind{};
  uint32_t consumer_id = 0;  // of consumer records
  StreamSeq page = 0;        // of kDeletes
};
std::optional<RecordKey> ParseRecordKey(std::string_view key);

}  // namespace weir::storage

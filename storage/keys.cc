#include "storage/keys.h"

#include "storage/coding.h"

namespace weir::storage {

BlockKey::BlockKey(StreamId stream, StreamSeq first) {
  StoreInt(bytes_, __builtin_bswap32(stream.value()));
  StoreInt(bytes_ + 4, __builtin_bswap64(first));
}

std::optional<BlockKey::Parts> BlockKey::Parse(std::string_view key) {
  if (key.size() != kSize) {
    return std::nullopt;
  }
  return Parts{StreamId(LoadBig32(key.data())), LoadBig64(key.data() + 4)};
}

std::string StreamPrefix(StreamId stream) {
  std::string key;
  AppendBig32(key, stream.value());
  return key;
}

std::string StreamKey(StreamId stream, RecordKind kind) {
  std::string key = StreamPrefix(stream);
  key.push_back(static_cast<char>(kind));
  return key;
}

std::string ConsumerKey(StreamId stream, RecordKind kind, uint32_t consumer_id) {
  std::string key = StreamKey(stream, kind);
  AppendBig32(key, consumer_id);
  return key;
}

std::string DeletesKey(StreamId stream, StreamSeq page) {
  std::string key = StreamKey(stream, RecordKind::kDeletes);
  AppendBig64(key, page);
  return key;
}

std::optional<RecordKey> ParseRecordKey(std::string_view key) {
  if (key.size() < 5) {
    return std::nullopt;
  }
  RecordKey out;
  out.stream = StreamId(LoadBig32(key.data()));
  out.kind = static_cast<RecordKind>(key[4]);
  std::string_view rest = key.substr(5);
  switch (out.kind) {
    case RecordKind::kConsumerState:
    case RecordKind::kConsumer:
      if (rest.size() != 4) {
        return std::nullopt;
      }
      out.consumer_id = LoadBig32(rest.data());
      return out;
    case RecordKind::kDeletes:
      if (rest.size() != 8) {
        return std::nullopt;
      }
      out.page = LoadBig64(rest.data());
      return out;
    case RecordKind::kIds:
    case RecordKind::kStream:
    case RecordKind::kStreamPosition:
      return rest.empty() ? std::optional(out) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace weir::storage

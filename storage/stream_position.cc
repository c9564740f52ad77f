#include "storage/stream_position.h"

#include "rocksdb/db.h"
#include "rocksdb/options.h"

#include "protocol/base/strings.h"
#include "storage/block_source.h"
#include "storage/coding.h"
#include "storage/ends_file.h"
#include "storage/keys.h"

namespace weir::storage {

namespace {

// By the position and the newest block; without the time of the first message.
std::optional<PeekedState> LatestCounters(const std::optional<StreamPosition>& position,
                                          const BlockReader& newest) {
  PeekedState state;
  if (position && position->lost_messages > 0) {
    return std::nullopt;  // which ones, only the blocks tell
  }
  if (newest.count() > 0 && (!position || newest.last() > position->last_seq)) {
    auto counters = newest.counters();
    if (!counters) {
      return std::nullopt;
    }
    state.messages = counters->messages;
    state.bytes = counters->bytes;
    state.num_subjects = counters->subjects;
    state.first_seq = counters->first_seq;
    state.last_seq = newest.last();
    state.last_time_ns = newest.last_time_ns();
  } else if (position) {
    if (!position->counted) {
      return std::nullopt;
    }
    state.messages = position->messages;
    state.bytes = position->bytes;
    state.num_subjects = position->subjects;
    state.first_seq = position->first_seq;
    state.last_seq = position->last_seq;
    state.last_time_ns = position->last_time_ns;
  }
  return state;
}

}  // namespace

std::string EncodePosition(const StreamPosition& position) {
  std::string content;
  AppendInt(content, position.first_seq);
  AppendInt(content, position.last_seq);
  AppendInt(content, position.last_time_ns);
  for (uint64_t number : {position.messages, position.bytes, position.subjects,
                          position.lost_messages, position.lost_bytes}) {
    AppendInt(content, number);
  }
  return content;
}

std::optional<StreamPosition> DecodePosition(std::string_view content) {
  StreamPosition out;
  if (!TakeInt(content, out.first_seq) || !TakeInt(content, out.last_seq) ||
      !TakeInt(content, out.last_time_ns)) {
    return std::nullopt;
  }
  out.counted = TakeInt(content, out.messages) && TakeInt(content, out.bytes) &&
                TakeInt(content, out.subjects) && TakeInt(content, out.lost_messages) &&
                TakeInt(content, out.lost_bytes);
  return out;
}

std::optional<StreamPosition> ReadPosition(Database& db, StreamId stream,
                                           std::vector<std::string>& damage) {
  std::string key = StreamKey(stream, RecordKind::kStreamPosition);
  for (Family family : {Family::kMeta, Family::kState}) {
    std::string value;
    rocksdb::Status status = db.db().Get(rocksdb::ReadOptions(), db.family(family), key, &value);
    if (status.IsNotFound()) {
      continue;
    }
    auto content = status.ok() ? db.sealer().Open(key, value) : std::nullopt;
    if (auto position = content ? DecodePosition(*content) : std::nullopt) {
      return position;
    }
    damage.push_back(Cat("stream ", stream.value(), ": one copy of its position is damaged"));
  }
  return std::nullopt;
}

std::optional<PeekedState> PeekState(Database& db, StreamId stream) {
  std::vector<std::string> damage;
  auto position = ReadPosition(db, stream, damage);
  BlockSource source(db, stream);
  auto newest = source.Last();
  if (!damage.empty() || !newest.ok()) {
    return std::nullopt;
  }
  auto state = LatestCounters(position, newest->reader);
  if (!state || db.ends().Of(stream) > state->last_seq) {
    return std::nullopt;
  }
  if (state->messages == 0) {
    state->first_seq = state->last_seq == 0 ? 0 : state->last_seq + 1;
    return state;
  }
  auto oldest = source.Read(state->first_seq, state->first_seq, BlockSource::Tier::kDisk, 1, 1);
  if (!oldest.ok() || oldest->empty() || state->last_seq < state->first_seq) {
    return std::nullopt;
  }
  const BlockReader& reader = oldest->front().reader;
  MessageView first;
  if (state->first_seq < reader.first() ||
      reader.Record(static_cast<uint32_t>(state->first_seq - reader.first()), /*verify=*/true,
                    first) != record::State::kGood) {
    return std::nullopt;
  }
  state->first_time_ns = first.time_ns;
  state->num_deleted = state->last_seq - state->first_seq + 1 - state->messages;
  return state;
}

}  // namespace weir::storage

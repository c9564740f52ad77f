#include "storage/rocks_meta_store.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "rocksdb/db.h"
#include "rocksdb/options.h"

#include "protocol/base/strings.h"
#include "storage/coding.h"

namespace weir::storage {

namespace {

constexpr StreamId kNoStream{0};

bool IsMeta(RecordKind kind) {
  return kind == RecordKind::kStream || kind == RecordKind::kConsumer ||
         kind == RecordKind::kConsumerState || kind == RecordKind::kIds;
}

std::string Describe(const RecordKey& key) {
  switch (key.kind) {
    case RecordKind::kStream:
      return Cat("stream ", key.stream.value(), ": configuration");
    case RecordKind::kConsumer:
      return Cat("stream ", key.stream.value(), ": configuration of consumer ", key.consumer_id);
    case RecordKind::kConsumerState:
      return Cat("stream ", key.stream.value(), ": state of consumer ", key.consumer_id);
    default:
      return "the record of stream ids";
  }
}

bool DecodeStream(std::string_view content, StreamMeta& out) {
  uint32_t account = 0;
  if (!TakeInt(content, out.created_ns) || !TakeInt(content, account) || content.size() < account) {
    return false;
  }
  out.account = content.substr(0, account);
  out.config = content.substr(account);
  return true;
}

}  // namespace

Status RocksMetaStore::CollectOnce(Family family, Found& found) {
  std::unique_ptr<rocksdb::Iterator> at(
      db_.db().NewIterator(rocksdb::ReadOptions(), db_.family(family)));
  // Interior deletes share the state family and may be many: they are stepped over by stream.
  at->SeekToFirst();
  while (at->Valid()) {
    std::string key = at->key().ToString();
    auto parts = ParseRecordKey(key);
    if (parts.has_value() && parts->kind == RecordKind::kDeletes) {
      at->Seek(StreamKey(parts->stream, RecordKind::kIds));
      continue;
    }
    if (parts.has_value() && IsMeta(parts->kind)) {
      Copies& copies = found[key];
      std::string_view value(at->value().data(), at->value().size());
      auto content = db_.sealer().Open(key, value);
      if (!content.has_value()) {
        ++copies.damaged;
      } else if (!copies.good) {
        copies.content = *content;
        copies.good = true;
      }
    }
    at->Next();
  }
  return Database::FromRocks(at->status(), "read meta data");
}

void RocksMetaStore::Collect(Family family, Found& found, std::vector<std::string>& damaged) {
  Found here;
  Status status = CollectOnce(family, here);
  if (!status.ok() && db_.Mend()) {
    here.clear();
    status = CollectOnce(family, here);
  }
  if (!status.ok()) {
    damaged.emplace_back(Message(status));
  }
  for (auto& [key, copies] : here) {
    Copies& all = found[key];
    all.damaged += copies.damaged;
    if (copies.good && !all.good) {
      all.content = std::move(copies.content);
      all.good = true;
    }
  }
}

void RocksMetaStore::Interpret(const std::string& key, const Copies& copies, Contents& contents) {
  auto parts = ParseRecordKey(key);
  if (copies.damaged > 0) {
    contents.damaged.push_back(Cat(Describe(*parts), copies.good
                                                         ? " is damaged in one of two copies"
                                                         : " is damaged in both copies"));
  }
  last_id_ = std::max(last_id_, parts->stream.value());
  if (!copies.good) {
    return;
  }
  std::string_view content = copies.content;
  if (parts->kind == RecordKind::kStream) {
    StreamMeta stream;
    stream.id = parts->stream;
    if (DecodeStream(content, stream)) {
      contents.streams.push_back(std::move(stream));
    } else {
      contents.damaged.push_back(Cat(Describe(*parts), " makes no sense"));
    }
  } else if (parts->kind == RecordKind::kConsumer) {
    ConsumerMeta consumer;
    consumer.stream = parts->stream;
    consumer.consumer_id = parts->consumer_id;
    if (TakeInt(content, consumer.created_ns)) {
      consumer.config = content;
      contents.consumers.push_back(std::move(consumer));
    } else {
      contents.damaged.push_back(Cat(Describe(*parts), " makes no sense"));
    }
  } else if (parts->kind == RecordKind::kIds) {
    uint32_t last = 0;
    if (TakeInt(content, last)) {
      last_id_ = std::max(last_id_, last);
    }
  }
}

// Ids whose records are lost must not be handed out again while they have blocks.
Status RocksMetaStore::RaiseLastId() {
  std::unique_ptr<rocksdb::Iterator> at(
      db_.db().NewIterator(rocksdb::ReadOptions(), db_.family(Family::kBlocks)));
  at->SeekToLast();
  if (at->Valid()) {
    auto key = BlockKey::Parse({at->key().data(), at->key().size()});
    if (key.has_value()) {
      last_id_ = std::max(last_id_, key->stream.value());
    }
  }
  return OkStatus();
}

StatusOr<MetaStore::Contents> RocksMetaStore::Load() {
  Contents contents;
  Found found;
  Collect(Family::kMeta, found, contents.damaged);
  Collect(Family::kState, found, contents.damaged);
  for (const auto& [key, copies] : found) {
    Interpret(key, copies, contents);
  }
  for (ConsumerMeta& consumer : contents.consumers) {
    auto state =
        found.find(ConsumerKey(consumer.stream, RecordKind::kConsumerState, consumer.consumer_id));
    if (state != found.end() && state->second.good) {
      consumer.state = std::move(state->second.content);
    }
  }
  WEIR_RETURN_IF_ERROR(RaiseLastId());
  return contents;
}

void RocksMetaStore::PutTwice(StagedBatch& batch, const std::string& key,
                              std::string_view content) {
  std::string value = db_.sealer().Seal(key, content);
  batch.Put(Family::kMeta, key, value);
  batch.Put(Family::kState, key, value);
}

void RocksMetaStore::DeleteTwice(StagedBatch& batch, const std::string& key) {
  batch.Delete(Family::kMeta, key);
  batch.Delete(Family::kState, key);
}

StreamId RocksMetaStore::NewStreamId(StagedBatch& batch) {
  ++last_id_;
  std::string content;
  AppendInt(content, last_id_);
  PutTwice(batch, StreamKey(kNoStream, RecordKind::kIds), content);
  return StreamId(last_id_);
}

void RocksMetaStore::PutStream(StagedBatch& batch, const StreamMeta& stream) {
  std::string content;
  AppendInt(content, stream.created_ns);
  AppendInt(content, static_cast<uint32_t>(stream.account.size()));
  content.append(stream.account);
  content.append(stream.config);
  PutTwice(batch, StreamKey(stream.id, RecordKind::kStream), content);
}

void RocksMetaStore::DeleteStream(StagedBatch& batch, StreamId id) {
  std::string begin = StreamPrefix(id);
  std::string end = StreamPrefix(StreamId(id.value() + 1));
  batch.DeleteRange(Family::kMeta, begin, end);
  batch.DeleteRange(Family::kState, begin, end);
}

void RocksMetaStore::PutConsumer(StagedBatch& batch, const ConsumerMeta& consumer) {
  std::string content;
  AppendInt(content, consumer.created_ns);
  content.append(consumer.config);
  PutTwice(batch, ConsumerKey(consumer.stream, RecordKind::kConsumer, consumer.consumer_id),
           content);
}

void RocksMetaStore::PutConsumerState(StagedBatch& batch, StreamId stream, uint32_t consumer_id,
                                      std::string_view state) {
  PutTwice(batch, ConsumerKey(stream, RecordKind::kConsumerState, consumer_id), state);
}

void RocksMetaStore::DeleteConsumer(StagedBatch& batch, StreamId stream, uint32_t consumer_id) {
  DeleteTwice(batch, ConsumerKey(stream, RecordKind::kConsumer, consumer_id));
  DeleteTwice(batch, ConsumerKey(stream, RecordKind::kConsumerState, consumer_id));
}

void DeleteAllOf(StagedBatch& batch, StreamId id) {
  std::string begin = StreamPrefix(id);
  std::string end = StreamPrefix(StreamId(id.value() + 1));
  for (Family family : {Family::kMeta, Family::kBlocks, Family::kState}) {
    batch.DeleteRange(family, begin, end);
  }
}

}  // namespace weir::storage

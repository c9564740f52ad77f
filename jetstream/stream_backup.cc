#include "jetstream/stream_backup.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace weir::jetstream {

namespace {

constexpr std::string_view kState = "state.json";
constexpr std::string_view kConsumers = "consumers/";
// Where the format must have shown itself: the start of a stream and its first chunk.
constexpr uint64_t kDetectLimit = storage::kS2Start.size() + 4 + storage::kMaxS2Chunk;

void WritePair(JsonWriter& out, std::string_view name, const SequencePair& pair) {
  out.Key(name).OpenObject().Field("consumer_seq", pair.consumer);
  out.Field("stream_seq", pair.stream).CloseObject();
}

SequencePair ReadPair(JsonReader& in, std::string_view name) {
  SequencePair pair;
  if (const auto* object = in.Object(name, "SequencePair")) {
    JsonReader fields(*object);
    fields.Read("consumer_seq", pair.consumer);
    fields.Read("stream_seq", pair.stream);
    if (Status status = fields.Finish(/*strict=*/false); !status.ok()) {
      in.Fail(Message(status));
    }
  }
  return pair;
}

// The key of a map by sequence.
std::optional<StreamSeq> ReadSeq(std::string_view text) {
  return ParseNumber<StreamSeq>(text);
}

int64_t WaitOf(const ConsumerConfig& config, uint32_t deliveries) {
  if (config.backoff_ns.empty()) {
    return config.ack_wait_ns;
  }
  size_t step = std::min<size_t>(deliveries, config.backoff_ns.size());
  return config.backoff_ns[step == 0 ? 0 : step - 1];
}

struct Redelivered {
  std::map<StreamSeq, uint64_t> counts;
};

Status ReadRedelivered(const boost::json::object& object, Redelivered& out) {
  for (const auto& member : object) {
    auto seq = ReadSeq({member.key().data(), member.key().size()});
    JsonReader in(object);
    uint64_t count = 0;
    in.Read({member.key().data(), member.key().size()}, count);
    WEIR_RETURN_IF_ERROR(in.Finish(/*strict=*/false));
    if (!seq) {
      return InvalidArgument("redelivered: a key is no sequence");
    }
    out.counts[*seq] = std::min<uint64_t>(count, UINT32_MAX - 1);
  }
  return OkStatus();
}

Status ReadPending(const boost::json::object& object, std::map<StreamSeq, AckLedger::Entry>& out) {
  for (const auto& member : object) {
    auto seq = ReadSeq({member.key().data(), member.key().size()});
    const auto* fields = member.value().if_object();
    if (!seq || fields == nullptr) {
      return InvalidArgument("pending: no entry by sequence");
    }
    AckLedger::Entry entry;
    entry.stream_seq = *seq;
    JsonReader in(*fields);
    in.Read("Sequence", entry.consumer_seq);
    in.Read("Timestamp", entry.delivered_ns);
    WEIR_RETURN_IF_ERROR(in.Finish(/*strict=*/false));
    out[*seq] = entry;
  }
  return OkStatus();
}

Status CheckConsumerState(const ConsumerConfig& config, const AckLedger::Snapshot& ledger) {
  if (ledger.floor.consumer > ledger.delivered.consumer ||
      ledger.floor.stream > ledger.delivered.stream) {
    return InvalidArgument("bad ack floor for consumer");
  }
  if (!ledger.pending.empty() && config.ack_policy == AckPolicy::kNone) {
    return InvalidArgument("ack policy none can not have pending messages");
  }
  for (const auto& entry : ledger.pending) {
    if (entry.stream_seq <= ledger.floor.stream || entry.stream_seq > ledger.delivered.stream ||
        entry.consumer_seq > ledger.delivered.consumer || entry.delivered_ns < 0) {
      return InvalidArgument(
          Cat("bad pending entry, sequence [", entry.stream_seq, "] out of range"));
    }
  }
  return OkStatus();
}

StatusOr<ConsumerState> ReadConsumerState(const boost::json::object& object,
                                          const ConsumerConfig& config) {
  ConsumerState out;
  AckLedger::Snapshot& ledger = out.ledger;
  JsonReader in(object);
  ledger.delivered = ReadPair(in, "delivered");
  ledger.floor = ReadPair(in, "ack_floor");
  std::map<StreamSeq, AckLedger::Entry> pending;
  Redelivered redelivered;
  if (const auto* entries = in.Object("pending", "Pending")) {
    WEIR_RETURN_IF_ERROR(ReadPending(*entries, pending));
  }
  if (const auto* counts = in.Object("redelivered", "uint64")) {
    WEIR_RETURN_IF_ERROR(ReadRedelivered(*counts, redelivered));
  }
  WEIR_RETURN_IF_ERROR(in.Finish(/*strict=*/false));
  for (auto& [seq, entry] : pending) {
    auto count = redelivered.counts.find(seq);
    bool again = count != redelivered.counts.end();
    entry.deliveries = again ? static_cast<uint32_t>(count->second) + 1 : 1;
    entry.deadline_ns = entry.delivered_ns + WaitOf(config, entry.deliveries);
    ledger.pending.push_back(entry);
    if (again) {
      redelivered.counts.erase(count);
    }
  }
  for (const auto& [seq, count] : redelivered.counts) {
    if (seq > ledger.floor.stream && seq <= ledger.delivered.stream) {
      ledger.given_up.emplace_back(seq, static_cast<uint32_t>(count));
    }
  }
  WEIR_RETURN_IF_ERROR(CheckConsumerState(config, ledger));
  return out;
}

}  // namespace

Status ReadBackupState(const boost::json::object& object, bool strict, BackupState& out) {
  JsonReader in(object, "StreamState.state");
  in.Read("messages", out.messages);
  in.Read("bytes", out.bytes);
  in.Read("first_seq", out.first_seq);
  in.Read("last_seq", out.last_seq);
  in.Read("consumer_count", out.consumers, "int");
  int64_t time_ns = 0;
  in.ReadTime("first_ts", time_ns);
  in.ReadTime("last_ts", time_ns);
  for (auto other : {"num_subjects", "subjects", "num_deleted", "deleted", "lost"}) {
    in.Find(other);
  }
  return in.Finish(strict);
}

std::string WriteBackupConsumer(const ConsumerConfig& config, const ConsumerState& state,
                                StreamSeq last_seq) {
  const AckLedger::Snapshot& ledger = state.ledger;
  JsonWriter out;
  out.OpenObject().Key("config");
  WriteConsumerConfig(out, config);
  out.Key("state").OpenObject();
  SequencePair delivered = ledger.delivered;
  SequencePair floor = ledger.floor;
  delivered.stream = std::min(delivered.stream, last_seq);
  floor.stream = std::min(floor.stream, last_seq);
  WritePair(out, "delivered", delivered);
  WritePair(out, "ack_floor", floor);
  std::map<std::string, const AckLedger::Entry*> pending;  // keys sort as text, as in Go
  std::map<std::string, uint32_t> redelivered;
  for (const auto& entry : ledger.pending) {
    if (entry.stream_seq <= last_seq) {
      pending[Cat(entry.stream_seq)] = &entry;
      if (entry.deliveries > 1) {
        redelivered[Cat(entry.stream_seq)] = entry.deliveries - 1;
      }
    }
  }
  for (const auto& [seq, deliveries] : ledger.given_up) {
    if (seq <= last_seq) {
      redelivered[Cat(seq)] = deliveries;
    }
  }
  if (!pending.empty()) {
    out.Key("pending").OpenObject();
    for (const auto& [seq, entry] : pending) {
      out.Key(seq).OpenObject().Field("Sequence", entry->consumer_seq);
      out.Field("Timestamp", entry->delivered_ns).CloseObject();
    }
    out.CloseObject();
  }
  if (!redelivered.empty()) {
    out.Key("redelivered").OpenObject();
    for (const auto& [seq, count] : redelivered) {
      out.Field(seq, count);
    }
    out.CloseObject();
  }
  out.CloseObject().CloseObject();
  return out.Take();
}

StatusOr<BackupConsumer> ReadBackupConsumer(std::string_view name, std::string_view json) {
  std::string undecoded = Cat("failed to decode consumer ", Quoted(name), " state");
  auto value = ParseJson(json);
  if (!value.ok()) {
    return Annotate(value.status(), undecoded);
  }
  const auto* object = value->if_object();
  if (object == nullptr) {
    return InvalidArgument(Cat(undecoded, ": not an object"));
  }
  JsonReader in(*object);
  const auto* config = in.Object("config", "ConsumerConfig");
  const auto* state = in.Object("state", "ConsumerState");
  if (Status status = in.Finish(/*strict=*/false); !status.ok()) {
    return Annotate(status, undecoded);
  }
  if (config == nullptr || state == nullptr) {
    return InvalidArgument(
        Cat("consumer ", Quoted(name), " is missing ", config == nullptr ? "config" : "state"));
  }
  BackupConsumer out;
  auto read = ReadConsumerConfig(*config, /*strict=*/false);
  if (!read.ok()) {
    return Annotate(read.status(), undecoded);
  }
  out.config = *std::move(read);
  if (out.config.name.empty()) {
    out.config.name = out.config.durable_name.empty() ? std::string(name) : out.config.durable_name;
  }
  auto restored = ReadConsumerState(*state, out.config);
  if (!restored.ok()) {
    return Annotate(restored.status(), Cat("failed to set consumer ", Quoted(name), " state"));
  }
  out.state = *std::move(restored);
  return out;
}

// ---- the reader ----

void BackupReader::Feed(std::string_view bytes) {
  if (!done_ && status_.ok()) {
    fed_ += bytes.size();
    chunks_.Feed(bytes);
  }
}

StatusOr<BackupReader::Item> BackupReader::Next() {
  WEIR_RETURN_IF_ERROR(status_);
  if (done_) {
    return Item::kEnd;
  }
  auto item = ReadItem();
  status_ = item.status();
  return item;
}

StatusOr<BackupReader::Item> BackupReader::ReadItem() {
  while (true) {
    WEIR_ASSIGN_OR_RETURN(ArchiveReader::Step step, archive_.Next());
    if (step == ArchiveReader::Step::kEntry) {
      break;
    }
    WEIR_ASSIGN_OR_RETURN(bool more, chunks_.Next(archive_.input()));
    if (more) {
      continue;
    }
    if (!has_state_ && archive_.input().empty() && fed_ > kDetectLimit) {
      return DataLoss("snapshot format not detected within size limit");
    }
    if (!ended_) {
      return Item::kNeedInput;
    }
    if (chunks_.in_chunk()) {
      return DataLoss("s2: corrupt input");
    }
    return DataLoss(archive_.at_boundary() ? "EOF" : "archive: invalid archive stream");
  }
  if (!has_state_) {
    return ReadState();
  }
  return consumers_left_ > 0 ? ReadConsumer() : ReadMessage();
}

StatusOr<BackupReader::Item> BackupReader::ReadState() {
  if (archive_.entry().name != kState) {
    return InvalidArgument("expected state.json first");
  }
  auto value = ParseJson(archive_.payload());
  Status status = value.status();
  if (value.ok()) {
    status = value->is_object() ? ReadBackupState(value->get_object(), /*strict=*/false, state_)
                                : InvalidArgument("not an object");
  }
  if (!status.ok()) {
    return Annotate(status, "error in state.json");
  }
  constexpr std::string_view kInconsistent =
      "invalid stream state: inconsistent message count or sequence range";
  if (state_.consumers < 0) {
    return InvalidArgument("invalid stream state: negative consumer count");
  }
  if (state_.first_seq == 0) {
    if (state_.last_seq != 0 || state_.messages != 0) {
      return InvalidArgument(kInconsistent);
    }
  } else if (state_.first_seq > state_.last_seq) {
    if (state_.first_seq - 1 != state_.last_seq || state_.messages != 0) {
      return InvalidArgument(kInconsistent);
    }
  } else if (state_.messages > state_.last_seq - state_.first_seq + 1) {
    return InvalidArgument("invalid stream state: message count exceeds sequence range");
  }
  has_state_ = true;
  consumers_left_ = state_.consumers;
  last_ = state_.first_seq == 0 ? 0 : state_.first_seq - 1;
  return Item::kState;
}

StatusOr<BackupReader::Item> BackupReader::ReadConsumer() {
  std::string_view name = archive_.entry().name;
  if (!name.starts_with(kConsumers)) {
    return InvalidArgument(Cat("expected consumer, found ", Quoted(name)));
  }
  name.remove_prefix(kConsumers.size());
  WEIR_ASSIGN_OR_RETURN(consumer_, ReadBackupConsumer(name, archive_.payload()));
  --consumers_left_;
  return Item::kConsumer;
}

StatusOr<BackupReader::Item> BackupReader::ReadMessage() {
  const ArchiveEntry& entry = archive_.entry();
  if (entry.seq == 0) {
    if (!entry.name.empty() || entry.time_ns != 0 || entry.header_size != 0 ||
        entry.payload_size != 0) {
      return InvalidArgument("expected message sequence");
    }
    done_ = true;
    return Item::kEnd;
  }
  if (entry.seq <= last_) {
    return InvalidArgument(Cat("message sequence ", entry.seq, " out of order"));
  }
  if (entry.name.empty() || entry.name.size() > storage::kMaxSubjectBytes) {
    return InvalidArgument(Cat("message sequence ", entry.seq, " has no valid subject"));
  }
  last_ = entry.seq;
  message_ = {entry.seq, entry.time_ns, entry.name, archive_.headers(), archive_.payload()};
  return Item::kMessage;
}

}  // namespace weir::jetstream

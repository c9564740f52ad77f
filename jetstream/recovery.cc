#include "jetstream/recovery.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "jetstream/stream.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

constexpr size_t kRunMessages = 10'000;
constexpr size_t kRunBytes = 8 << 20;

using ConsumersOf = absl::flat_hash_map<StreamId, std::vector<storage::ConsumerMeta>>;

// The ids within the window, and the id of the last message whatever the window is; with messages
// that have lives of their own, or schedules, all of them are read.
Status ReadHeaders(Stream& stream) {
  auto& store = stream.store();
  const auto& state = store.state();
  if (state.messages == 0) {
    return OkStatus();
  }
  int64_t since = stream.env().clock.wall_ns() - stream.config().duplicate_window_ns;
  StreamSeq from = std::min(store.SeqAtTime(since), state.last_seq);
  if (stream.config().allow_msg_ttl || stream.config().allow_msg_schedules) {
    from = state.first_seq;
  }
  from = std::max(from, store.HeadersFrom());
  while (from <= state.last_seq) {
    WEIR_ASSIGN_OR_RETURN(auto run,
                          store.PrepareRun(from, state.last_seq, kRunMessages, kRunBytes)());
    if (run.last < from) {
      break;
    }
    for (const auto& message : run.messages) {
      stream.Remember(message.view);
    }
    from = run.last + 1;
  }
  return OkStatus();
}

class Recovery {
 public:
  explicit Recovery(Catalog& catalog) : catalog_(catalog), log_(catalog.env().log) {}

  StatusOr<RecoveryReport> Run() {
    WEIR_ASSIGN_OR_RETURN(auto contents, catalog_.env().meta.Load());
    for (const auto& line : contents.damaged) {
      log_.Error("JetStream recovery: ", line);
    }
    report_.damaged = std::move(contents.damaged);
    for (auto& consumer : contents.consumers) {
      consumers_[consumer.stream].push_back(std::move(consumer));
    }
    // The newest first: where a stream was deleted and made again, and the deletion never reached
    // the disk, the older one of the name goes.
    std::sort(contents.streams.begin(), contents.streams.end(),
              [](const auto& a, const auto& b) { return a.id > b.id; });
    for (const auto& stream : contents.streams) {
      if (Status status = Load(stream); !status.ok()) {
        SetAside(Message(status));
      }
    }
    return std::move(report_);
  }

 private:
  void SetAside(std::string_view line) {
    log_.Error("JetStream recovery: ", line);
    report_.set_aside.emplace_back(line);
  }

  Status Load(const storage::StreamMeta& meta) {
    std::string label = Cat("stream ", meta.id.value(), " of account '", meta.account, "'");
    auto config = ParseStreamConfig(meta.config);
    if (!config.ok()) {
      return Annotate(config.status(), label);
    }
    label = Cat("stream '", meta.account, " > ", config->name, "'");
    auto account = catalog_.env().accounts.Find(meta.account);
    // Nothing is wrong with these: the configuration may bring them back.
    if (!account) {
      log_.Error("JetStream recovery: ", label, ": there is no such account");
      return OkStatus();
    }
    if (catalog_.Find(*account, config->name) != nullptr) {
      log_.Error("JetStream recovery: ", label, ": a newer stream has the name");
      return OkStatus();
    }
    return Annotate(Place(meta, *account, *std::move(config)), label);
  }

  Status Place(const storage::StreamMeta& meta, AccountId account, StreamConfig config) {
    const auto& entry = catalog_.Add(account, meta.id, config, meta.created_ns);
    Shard& home = catalog_.home_of(entry);
    bool memory = config.storage == StorageType::kMemory;
    std::string name = config.name;
    auto store = home.env().stores.Open({meta.id, memory, /*is_new=*/false, 0, &home.env().executor,
                                         config.compression == Compression::kS2});
    if (!store.ok()) {
      catalog_.Erase(account, name, meta.id);
      catalog_.SetOffline(account, name, Message(store.status()));
      return store.status();
    }
    StreamSpec spec{meta.id, account, meta.created_ns, std::move(config), &catalog_.usage(account)};
    auto stream = std::make_unique<Stream>(home, std::move(spec), *std::move(store));
    if (Status status = ReadHeaders(*stream); !status.ok()) {
      catalog_.Erase(account, name, meta.id);
      catalog_.SetOffline(account, name, Message(status));
      return Annotate(status, "reading the messages' headers");
    }
    AdoptConsumers(*stream);
    home.Add(std::move(stream));
    ++report_.streams;
    return OkStatus();
  }

  void AdoptConsumers(Stream& stream) {
    for (auto& meta : consumers_[stream.id()]) {
      auto config = ParseConsumerConfig(meta.config);
      if (!config.ok()) {
        SetAside(Cat("consumer ", meta.consumer_id, " of stream '", stream.name(),
                     "': ", Message(config.status())));
        continue;
      }
      stream.AdoptConsumer(*std::move(config), meta.consumer_id, meta.created_ns,
                           std::move(meta.state));
      ++report_.consumers;
    }
  }

  Catalog& catalog_;
  Log& log_;
  ConsumersOf consumers_;
  RecoveryReport report_;
};

}  // namespace

StatusOr<RecoveryReport> Recover(Catalog& catalog) {
  return Recovery(catalog).Run();
}

}  // namespace weir::jetstream

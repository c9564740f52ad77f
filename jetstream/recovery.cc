#include "jetstream/recovery.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "jetstream/pending_stream.h"
#include "jetstream/stream.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kIncomplete = R"({"_incomplete":true,)";
using ConsumersOf = absl::flat_hash_map<StreamId, std::vector<storage::ConsumerMeta>>;

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
    catalog_.NoteSetAside(std::string(line));
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
    if (std::string_view(meta.config).starts_with(kIncomplete)) {
      return Annotate(PlaceIncomplete(meta, *account, *std::move(config)), label);
    }
    if (catalog_.Find(*account, config->name) != nullptr) {
      log_.Error("JetStream recovery: ", label, ": a newer stream has the name");
      return OkStatus();
    }
    Place(meta, *account, *std::move(config));
    return OkStatus();
  }

  void Place(const storage::StreamMeta& meta, AccountId account, StreamConfig config) {
    const auto& entry = catalog_.Add(account, meta.id, config, meta.created_ns);
    Shard& home = catalog_.home_of(entry);
    PendingStream::Spec spec;
    spec.consumers = ReadConsumers(meta.id, config.name);
    spec.record = meta.config;
    spec.state = home.env().stores.Peek(meta.id);
    spec.stream = {meta.id, account, meta.created_ns, std::move(config), &catalog_.usage(account)};
    ++report_.streams;
    report_.consumers += spec.consumers.size();
    home.AddPending(std::make_unique<PendingStream>(catalog_, home, std::move(spec)));
  }

  // It has no name any more, only a home that will destroy it.
  Status PlaceIncomplete(const storage::StreamMeta& meta, AccountId account, StreamConfig config) {
    size_t index = catalog_.LeastLoadedHome();
    Shard& home = *catalog_.shards()[index];
    WEIR_ASSIGN_OR_RETURN(auto store,
                          home.env().stores.Open({meta.id, /*memory=*/false,
                                                  /*is_new=*/false, 0, &home.env().executor}));
    log_.Warn("Stream '", meta.account, " > ", config.name, "' was not restored to its end");
    StreamSpec spec{meta.id, account, meta.created_ns, std::move(config), nullptr};
    home.Add(std::make_unique<Stream>(home, std::move(spec), std::move(store)));
    report_.incomplete.emplace_back(index, meta.id);
    return OkStatus();
  }

  std::vector<PendingStream::KnownConsumer> ReadConsumers(StreamId stream,
                                                          const std::string& name) {
    std::vector<PendingStream::KnownConsumer> out;
    for (auto& meta : consumers_[stream]) {
      auto config = ParseConsumerConfig(meta.config);
      if (config.ok()) {
        out.push_back(
            {*std::move(config), meta.consumer_id, meta.created_ns, std::move(meta.state)});
      } else {
        SetAside(Cat("consumer ", meta.consumer_id, " of stream '", name,
                     "': ", Message(config.status())));
      }
    }
    return out;
  }

  Catalog& catalog_;
  Log& log_;
  ConsumersOf consumers_;
  RecoveryReport report_;
};

}  // namespace

std::string MarkIncomplete(std::string_view config) {
  return Cat(kIncomplete, config.substr(1));
}

StatusOr<RecoveryReport> Recover(Catalog& catalog) {
  return Recovery(catalog).Run();
}

}  // namespace weir::jetstream

#include "jetstream/catalog.h"

#include <algorithm>

#include "jetstream/pending_stream.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

bool AnyOverlap(const std::vector<std::string>& subjects, std::string_view subject) {
  return std::any_of(subjects.begin(), subjects.end(),
                     [&](const std::string& own) { return protocol::Overlap(own, subject); });
}

int64_t Reservation(const StreamConfig& config) {
  return std::max<int64_t>(0, config.max_bytes);
}

}  // namespace

Catalog::Catalog(std::vector<Shard*> shards)
    : shards_(std::move(shards)), streams_of_home_(shards_.size()) {
  ReadServerLimits();
}

void Catalog::ReadServerLimits() {
  const JetStreamOptions& options = env().options;
  server_usage_.max_memory = options.max_memory_store;
  server_usage_.max_storage = options.max_file_store;
}

const Catalog::Entry* Catalog::Find(AccountId account, std::string_view name) const {
  auto streams = accounts_.find(account);
  if (streams == accounts_.end()) {
    return nullptr;
  }
  auto at = streams->second.find(name);
  return at == streams->second.end() || at->second.restoring || !at->second.offline.empty()
             ? nullptr
             : &at->second;
}

bool Catalog::IsTaken(AccountId account, std::string_view name) const {
  auto streams = accounts_.find(account);
  return streams != accounts_.end() && streams->second.contains(name);
}

StreamLookup Catalog::LookupOf(AccountId account) const {
  return [this, account](std::string_view name) {
    const Entry* entry = Find(account, name);
    return entry == nullptr ? nullptr : &entry->config;
  };
}

std::vector<const Catalog::Entry*> Catalog::List(AccountId account,
                                                 std::string_view subject) const {
  std::vector<const Entry*> out;
  auto streams = accounts_.find(account);
  if (streams == accounts_.end()) {
    return out;
  }
  for (const auto& [name, entry] : streams->second) {
    if (!entry.restoring && (subject.empty() || AnyOverlap(entry.config.subjects, subject))) {
      out.push_back(&entry);
    }
  }
  return out;
}

size_t Catalog::size() const {
  size_t count = 0;
  for (const auto& [account, streams] : accounts_) {
    count += streams.size();
  }
  return count;
}

AccountLimits Catalog::limits_of(AccountId account) const {
  return shards_[0]->env().accounts.JetStreamLimits(account).value_or(AccountLimits{});
}

AccountUsage& Catalog::usage(AccountId account) {
  auto& slot = usages_[account];
  if (slot == nullptr) {
    slot = std::make_unique<AccountUsage>();
    slot->server = &server_usage_;
  }
  AccountLimits limits = limits_of(account);
  slot->max_memory.store(limits.max_memory, std::memory_order_relaxed);
  slot->max_storage.store(limits.max_storage, std::memory_order_relaxed);
  return *slot;
}

int64_t Catalog::reserved(AccountId account, StorageType storage) const {
  int64_t sum = 0;
  if (auto streams = accounts_.find(account); streams != accounts_.end()) {
    for (const auto& [name, entry] : streams->second) {
      sum += entry.config.storage == storage ? Reservation(entry.config) : 0;
    }
  }
  return sum;
}

ApiError Catalog::CheckRoom(AccountId account, const StreamConfig& config, const Entry* old) const {
  AccountLimits limits = limits_of(account);
  auto streams = accounts_.find(account);
  auto count = static_cast<int64_t>(streams == accounts_.end() ? 0 : streams->second.size());
  if (old == nullptr && limits.max_streams > 0 && count >= limits.max_streams) {
    return MakeError(10027);
  }
  bool memory = config.storage == StorageType::kMemory;
  int64_t wanted = Reservation(config) - (old == nullptr ? 0 : Reservation(old->config));
  if (wanted <= 0) {
    return {};
  }
  const JetStreamOptions& options = shards_[0]->env().options;
  int64_t of_account = memory ? limits.max_memory : limits.max_storage;
  int64_t of_server = memory ? options.max_memory_store : options.max_file_store;
  int64_t everywhere = 0;
  for (const auto& [other, unused] : accounts_) {
    everywhere += reserved(other, config.storage);
  }
  bool fits = (of_account < 0 || reserved(account, config.storage) + wanted <= of_account) &&
              (of_server < 0 || everywhere + wanted <= of_server);
  return fits ? ApiError{} : MakeError(memory ? 10028 : 10047);
}

ApiError Catalog::CheckOverlap(AccountId account, const StreamConfig& config,
                               const Entry* old) const {
  auto streams = accounts_.find(account);
  if (streams == accounts_.end()) {
    return {};
  }
  for (const auto& [name, entry] : streams->second) {
    if (&entry == old) {
      continue;
    }
    for (const auto& subject : config.subjects) {
      if (AnyOverlap(entry.config.subjects, subject)) {
        return MakeError(10065);
      }
    }
  }
  return {};
}

size_t Catalog::LeastLoadedHome() const {
  auto least = std::min_element(streams_of_home_.begin(), streams_of_home_.end());
  return static_cast<size_t>(least - streams_of_home_.begin());
}

Catalog::Entry& Catalog::Insert(Entry entry) {
  ++streams_of_home_[entry.home];
  std::string name = entry.config.name;
  auto& streams = accounts_[entry.account];
  return streams.insert_or_assign(std::move(name), std::move(entry)).first->second;
}

const Catalog::Entry& Catalog::Add(AccountId account, StreamId id, StreamConfig config,
                                   int64_t created_ns) {
  return Insert({id, account, created_ns, std::move(config), LeastLoadedHome()});
}

void Catalog::Reserve(AccountId account, StreamId id, StreamConfig config, int64_t created_ns,
                      size_t home) {
  Insert({id, account, created_ns, std::move(config), home, /*restoring=*/true});
}

void Catalog::Publish(AccountId account, std::string_view name) {
  auto& streams = accounts_[account];
  if (auto at = streams.find(name); at != streams.end()) {
    at->second.restoring = false;
  }
}

void Catalog::GiveUp(AccountId account, const std::string& name, StreamId id) {
  executor().Post([this, account, name, id] {
    Erase(account, name, id);
    env().meta.DeleteStream(meta_shard().batch(), id);
  });
}

void Catalog::SetConfig(AccountId account, std::string_view name, StreamConfig config) {
  auto& streams = accounts_[account];
  if (auto at = streams.find(name); at != streams.end()) {
    at->second.config = std::move(config);
  }
}

void Catalog::Erase(AccountId account, std::string_view name, StreamId id) {
  auto& streams = accounts_[account];
  auto at = streams.find(name);
  if (at != streams.end() && at->second.id == id) {
    --streams_of_home_[at->second.home];
    streams.erase(at);
  }
}

void Catalog::SetOffline(AccountId account, std::string_view name, StreamId id,
                         std::string_view why) {
  auto& streams = accounts_[account];
  if (auto at = streams.find(name); at != streams.end() && at->second.id == id) {
    at->second.offline = why.empty() ? std::string("unknown") : std::string(why);
  }
}

const Catalog::Entry* Catalog::FindOffline(AccountId account, std::string_view name) const {
  auto streams = accounts_.find(account);
  if (streams == accounts_.end()) {
    return nullptr;
  }
  auto at = streams->second.find(name);
  return at == streams->second.end() || at->second.offline.empty() ? nullptr : &at->second;
}

ApiError Catalog::NotFoundError(AccountId account, std::string_view name) const {
  const Entry* offline = FindOffline(account, name);
  return offline == nullptr ? MakeError(10059) : MakeError(10194, offline->offline);
}

void Catalog::Forward(ApiRequest request, std::string_view stream, std::string_view type,
                      StreamHandler handler, EarlyHandler early) {
  const Entry* entry = Find(request.account, stream);
  if (entry == nullptr) {
    RespondError(env(), request, type, NotFoundError(request.account, stream));
    return;
  }
  Shard& home = home_of(*entry);
  home.env().executor.Post([&home, id = entry->id, request = std::move(request),
                            type = std::string(type), handler = std::move(handler),
                            early = std::move(early)]() mutable {
    auto run = [&home, type = std::move(type), handler = std::move(handler)](
                   Stream* found, const ApiRequest& asked) mutable {
      if (found == nullptr || found->stopped()) {
        RespondError(home.env(), asked, type, MakeError(10059));
        return;
      }
      std::move(handler)(*found, asked);
    };
    PendingStream* pending = home.FindPending(id);
    if (pending == nullptr) {
      run(home.Find(id), request);
    } else if (!early || !early(*pending, request)) {
      pending->WhenReady([request = std::move(request),
                          run = std::move(run)](Stream* found) mutable { run(found, request); });
    }
  });
}

}  // namespace weir::jetstream

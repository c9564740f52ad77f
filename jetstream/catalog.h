#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"

#include "jetstream/account_usage.h"
#include "jetstream/api_errors.h"
#include "jetstream/api_request.h"
#include "jetstream/environment.h"
#include "jetstream/origin_rules.h"
#include "jetstream/shard.h"
#include "jetstream/stream_config.h"

namespace weir::jetstream {

class PendingStream;

// Every stream of the server as the control plane sees it: names, configurations, subjects, limits
// and homes (architecture 4.6). Lives on the meta shard, the first one; only executor()
// may be used from elsewhere.
//
// A name is taken and given back here at once; what has to be written and what has to happen at the
// home follows.
class Catalog {
 public:
  struct Entry {
    StreamId id;
    AccountId account;
    int64_t created_ns = 0;
    StreamConfig config;
    size_t home = 0;         // index of the shard
    bool restoring = false;  // has the name, but is not there yet
    // Why a stream of the disk cannot be loaded; empty: it is there, or will be. It keeps its name
    // and subjects, requests to it are told why, and it can be deleted.
    std::string offline = {};
  };

  // The shards outlive the catalog; the first one is the meta shard.
  explicit Catalog(std::vector<Shard*> shards);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  Environment& env() { return shards_[0]->env(); }
  // Of the meta shard. From any thread.
  Executor& executor() { return shards_[0]->env().executor; }
  Shard& meta_shard() { return *shards_[0]; }
  Shard& home_of(const Entry& entry) { return *shards_[entry.home]; }
  const std::vector<Shard*>& shards() const { return shards_; }

  // nullptr: no such stream, or one that is being restored or offline.
  const Entry* Find(AccountId account, std::string_view name) const;
  // Also by a stream that is being restored.
  bool IsTaken(AccountId account, std::string_view name) const;
  // The configurations of the account's streams by name, for checks of one of them.
  StreamLookup LookupOf(AccountId account) const;
  // By name, offline ones included; of those that have a subject overlapping `subject`, unless that
  // is empty.
  std::vector<const Entry*> List(AccountId account, std::string_view subject) const;
  size_t size() const;

  // The limits of an account; as if there were none when the account has no JetStream.
  AccountLimits limits_of(AccountId account) const;
  AccountUsage& usage(AccountId account);
  AccountUsage& server_usage() { return server_usage_; }
  // Takes the server's limits over, at the beginning and when a reload has raised them.
  void ReadServerLimits();
  // What the streams' max_bytes reserve of an account.
  int64_t reserved(AccountId account, StorageType storage) const;

  // Is there room in the account and on the server for this stream, and are its subjects free
  // (jetstream-api.md 4.1, steps 2 and 24)? `old` is the stream that it replaces in an update.
  ApiError CheckRoom(AccountId account, const StreamConfig& config, const Entry* old) const;
  ApiError CheckOverlap(AccountId account, const StreamConfig& config, const Entry* old) const;

  // Takes the name. The home is the shard with the fewest streams.
  const Entry& Add(AccountId account, StreamId id, StreamConfig config, int64_t created_ns);
  // The same for a stream that is being restored at this home: nobody finds it until Publish().
  size_t LeastLoadedHome() const;
  void Reserve(AccountId account, StreamId id, StreamConfig config, int64_t created_ns,
               size_t home);
  void Publish(AccountId account, std::string_view name);
  // Gives the name back and removes the stream's record; from any home.
  void GiveUp(AccountId account, const std::string& name, StreamId id);
  void SetConfig(AccountId account, std::string_view name, StreamConfig config);
  // Gives the name back, if it still belongs to this stream.
  void Erase(AccountId account, std::string_view name, StreamId id);

  // The stream with this id is on the disk and cannot be loaded.
  void SetOffline(AccountId account, std::string_view name, StreamId id, std::string_view why);
  const Entry* FindOffline(AccountId account, std::string_view name) const;
  // 10194 for one that is offline, else 10059.
  ApiError NotFoundError(AccountId account, std::string_view name) const;
  // What could not be loaded, one line each, for health pages.
  void NoteSetAside(std::string line) { set_aside_.push_back(std::move(line)); }
  const std::vector<std::string>& set_aside() const { return set_aside_; }

  // Runs `handler` with the stream at its home; answers 10059 under the response type `type` when
  // the stream does not exist (any more). Of a stream that is still being read the handler waits
  // for it, unless `early` says that it has done all there was to do.
  using StreamHandler = absl::AnyInvocable<void(Stream&, const ApiRequest&) &&>;
  using EarlyHandler = std::function<bool(PendingStream&, const ApiRequest&)>;
  void Forward(ApiRequest request, std::string_view stream, std::string_view type,
               StreamHandler handler, EarlyHandler early = nullptr);

 private:
  Entry& Insert(Entry entry);

  using ByName = absl::btree_map<std::string, Entry, std::less<>>;

  std::vector<Shard*> shards_;
  absl::flat_hash_map<AccountId, ByName> accounts_;
  std::vector<size_t> streams_of_home_;
  std::vector<std::string> set_aside_;
  AccountUsage server_usage_;
  absl::flat_hash_map<AccountId, std::unique_ptr<AccountUsage>> usages_;
};

}  // namespace weir::jetstream

#pragma once

#include <cstdint>
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
#include "jetstream/shard.h"
#include "jetstream/stream_config.h"

namespace weir::jetstream {

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
    size_t home = 0;  // index of the shard
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

  // nullptr: no such stream.
  const Entry* Find(AccountId account, std::string_view name) const;
  // By name; of those that have a subject overlapping `subject`, unless that is empty.
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
  void SetConfig(AccountId account, std::string_view name, StreamConfig config);
  // Gives the name back, if it still belongs to this stream.
  void Erase(AccountId account, std::string_view name, StreamId id);

  // A stream that is on the disk and cannot be loaded: its name is taken, requests to it are told
  // why it is not there.
  void SetOffline(AccountId account, std::string_view name, std::string_view why);
  // 10194 for one that was set aside, else 10059.
  ApiError NotFoundError(AccountId account, std::string_view name) const;
  bool IsOffline(AccountId account, std::string_view name) const;

  // Runs `handler` with the stream at its home; answers 10059 under the response type `type` when
  // the stream does not exist (any more).
  using StreamHandler = absl::AnyInvocable<void(Stream&, const ApiRequest&) &&>;
  void Forward(ApiRequest request, std::string_view stream, std::string_view type,
               StreamHandler handler);

 private:
  using ByName = absl::btree_map<std::string, Entry, std::less<>>;

  std::vector<Shard*> shards_;
  absl::flat_hash_map<AccountId, ByName> accounts_;
  absl::flat_hash_map<AccountId, StringMap<std::string>> offline_;  // name → why
  std::vector<size_t> streams_of_home_;
  AccountUsage server_usage_;
  absl::flat_hash_map<AccountId, std::unique_ptr<AccountUsage>> usages_;
};

}  // namespace weir::jetstream

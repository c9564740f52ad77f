#include "jetstream/jetstream.h"

#include <utility>

namespace weir::jetstream {

namespace {

std::vector<Shard*> Pointers(const std::vector<std::unique_ptr<Shard>>& shards) {
  std::vector<Shard*> out;
  out.reserve(shards.size());
  for (const auto& shard : shards) {
    out.push_back(shard.get());
  }
  return out;
}

}  // namespace

JetStream::JetStream(const std::vector<Environment*>& homes) {
  for (Environment* env : homes) {
    shards_.push_back(std::make_unique<Shard>(*env));
  }
  catalog_ = std::make_unique<Catalog>(Pointers(shards_));
  api_ = std::make_unique<ApiRouter>(*catalog_);
}

JetStream::~JetStream() {
  // Streams count themselves out of the catalog's usage.
  api_.reset();
  shards_.clear();
}

StatusOr<RecoveryReport> JetStream::Recover() {
  return jetstream::Recover(*catalog_);
}

void JetStream::Start(Task ready) {
  homes_starting_ = shards_.size();
  auto shared_ready = std::make_shared<Task>(std::move(ready));
  for (auto& shard : shards_) {
    shard->env().executor.Post([this, home = shard.get(), shared_ready] {
      for (Stream* stream : home->streams()) {
        stream->Start();
      }
      catalog_->env().executor.Post([this, shared_ready] { HomeStarted(*shared_ready); });
    });
  }
}

void JetStream::HomeStarted(Task& ready) {
  if (--homes_starting_ > 0) {
    return;
  }
  api_->Subscribe();
  if (ready) {
    std::move(ready)();
  }
}

void JetStream::CloseApi() {
  api_.reset();
}

void JetStream::AccountsChanged() {
  catalog_->env().executor.Post([this] {
    if (api_ == nullptr) {
      return;
    }
    catalog_->ReadServerLimits();
    for (AccountId account : catalog_->env().accounts.JetStreamAccounts()) {
      catalog_->usage(account);  // takes the limits over
    }
    api_->Subscribe();
  });
}

}  // namespace weir::jetstream

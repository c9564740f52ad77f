#include "jetstream/jetstream.h"

#include <utility>

#include "jetstream/pending_stream.h"

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
  WEIR_ASSIGN_OR_RETURN(RecoveryReport report, jetstream::Recover(*catalog_));
  incomplete_ = report.incomplete;
  return report;
}

void JetStream::DestroyIncomplete(size_t index) {
  for (const auto& [home, id] : incomplete_) {
    Stream* stream = home == index ? shards_[home]->Find(id) : nullptr;
    if (stream != nullptr) {
      stream->Stop(409, "Server Shutdown");
      stream->Destroy();
      shards_[home]->Remove(*stream);
    }
  }
}

void JetStream::Start(Task ready) {
  homes_starting_ = shards_.size();
  auto shared_ready = std::make_shared<Task>(std::move(ready));
  for (size_t index = 0; index < shards_.size(); ++index) {
    Shard* home = shards_[index].get();
    home->env().executor.Post([this, index, home, shared_ready] {
      DestroyIncomplete(index);
      for (PendingStream* pending : home->pending()) {
        pending->Start();
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

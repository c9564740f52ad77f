#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/js_home.h"

namespace weir::testing {

// A store whose messages are on a disk: each has to be loaded before it can be read.
class ColdStore : public FileLikeStore {
 public:
  using FileLikeStore::FileLikeStore;

  storage::ReadOutcome Get(StreamSeq seq, storage::StoredMessage& out) override {
    auto outcome = FileLikeStore::Get(seq, out);
    return outcome == storage::ReadOutcome::kFound ? Thaw(out) : outcome;
  }
  storage::ReadOutcome Next(StreamSeq from, const protocol::SubjectFilters& filters,
                            storage::StoredMessage& out) override {
    auto outcome = FileLikeStore::Next(from, filters, out);
    return outcome == storage::ReadOutcome::kFound ? Thaw(out) : outcome;
  }
  void Load(StreamSeq seq, absl::AnyInvocable<void(Status) &&> done) override {
    ++loads;
    if (load_error.ok()) {
      warm_.insert(seq);
    }
    FileLikeStore::Load(
        seq, [this, done = std::move(done)](Status) mutable { std::move(done)(load_error); });
  }

  size_t loads = 0;
  Status load_error;

 private:
  storage::ReadOutcome Thaw(storage::StoredMessage& out) const {
    if (warm_.contains(out.view.seq)) {
      return storage::ReadOutcome::kFound;
    }
    StreamSeq seq = out.view.seq;
    out = {};
    out.view.seq = seq;
    return storage::ReadOutcome::kWouldBlock;
  }

  std::set<StreamSeq> warm_;
};

}  // namespace weir::testing

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/commit_queue.h"
#include "storage/memory_stream_store.h"
#include "storage/stream_store.h"

namespace weir::testing_support {

// A store with what is around it, so that one test runs on every implementation. Reads that would
// block load and try again.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual storage::StreamStore& store() = 0;
  // Flushes the store and commits.
  virtual void Commit() = 0;
  // Closes and opens again what survives that; a memory store stays as it is. Commit() first.
  virtual void Reopen() = 0;
  virtual void DestroyAndRecreate() = 0;
  virtual uint64_t BytesOf(const storage::MessageView& message) const = 0;
  // Runs what was posted to the home, waiting for work elsewhere.
  virtual void Settle() {}

  storage::ReadOutcome Get(StreamSeq seq, storage::StoredMessage& out) {
    while (true) {
      storage::ReadOutcome outcome = store().Get(seq, out);
      if (outcome != storage::ReadOutcome::kWouldBlock) {
        return outcome;
      }
      LoadAt(seq);
    }
  }
  storage::ReadOutcome Next(StreamSeq from, const std::vector<std::string>& filters,
                            storage::StoredMessage& out) {
    while (true) {
      storage::ReadOutcome outcome = store().Next(from, filters, out);
      if (outcome != storage::ReadOutcome::kWouldBlock) {
        return outcome;
      }
      from = out.view.seq;
      LoadAt(from);
    }
  }

 private:
  void LoadAt(StreamSeq seq) {
    bool done = false;
    store().Load(seq, [&done](Status status) {
      WEIR_CHECK(status.ok());
      done = true;
    });
    while (!done) {
      Settle();
    }
  }
};

class MemoryHarness : public StoreHarness {
 public:
  storage::StreamStore& store() override { return *store_; }
  void Commit() override {}
  void Reopen() override {}
  void DestroyAndRecreate() override { store_ = std::make_unique<storage::MemoryStreamStore>(0); }
  uint64_t BytesOf(const storage::MessageView& message) const override {
    return storage::MemoryMessageBytes(message);
  }

 private:
  std::unique_ptr<storage::MemoryStreamStore> store_ =
      std::make_unique<storage::MemoryStreamStore>(0);
};

enum class HarnessKind : uint8_t { kMemory };

inline std::vector<HarnessKind> AllHarnessKinds() {
  return {HarnessKind::kMemory};
}
inline std::string NameOf(HarnessKind /*kind*/) {
  return "Memory";
}
inline std::unique_ptr<StoreHarness> MakeStoreHarness(HarnessKind /*kind*/) {
  return std::make_unique<MemoryHarness>();
}

}  // namespace weir::testing_support

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/btree_map.h"

#include "protocol/base/executor.h"
#include "storage/indexed_stream_store.h"

namespace weir::storage {

// A stream in memory: messages packed one after the other into chunks of up to 64 KiB, 26 bytes of
// overhead each. A chunk that is mostly deleted is rewritten, an empty one is freed. Reads hand out
// views into the chunk and share its bytes; they never block.
class MemoryStreamStore : public IndexedStreamStore {
 public:
  // `first_seq` of the new stream; 0 means 1. `home` is where Load() answers; without one it
  // answers at once.
  explicit MemoryStreamStore(StreamSeq first_seq, Executor* home = nullptr)
      : IndexedStreamStore(first_seq), home_(home) {}

  void Append(const MessageView& message) override;
  void Flush(StagedBatch& /*batch*/) override {}
  void Destroy(StagedBatch& batch) override;

  void Load(StreamSeq seq, absl::AnyInvocable<void(Status) &&> done) override;
  absl::AnyInvocable<StatusOr<MessageRun>() &&> PrepareRun(StreamSeq from, StreamSeq upto,
                                                           size_t max_messages,
                                                           size_t max_bytes) override;

 protected:
  ReadOutcome Fetch(StreamSeq seq, Wait wait, Fetched& out) override;
  uint64_t BytesOf(const MessageView& message) const override {
    return MemoryMessageBytes(message);
  }
  void OnRemoved(const MessageView& message, bool erase) override;
  void OnTrimmed(StreamSeq first) override;
  void OnDamaged(StreamSeq) override {}

 private:
  struct Slot {
    uint32_t distance;  // from the chunk's first sequence
    uint32_t offset;    // kDead: deleted
  };
  struct Chunk {
    SharedBytes bytes;
    uint32_t used = 0;
    uint32_t live = 0;
    uint32_t live_bytes = 0;
    std::vector<Slot> slots;  // by sequence
  };
  static constexpr uint32_t kDead = UINT32_MAX;
  using Chunks = absl::btree_map<StreamSeq, std::unique_ptr<Chunk>>;

  Chunk& ChunkFor(StreamSeq seq, size_t size);
  Chunks::iterator FindChunk(StreamSeq seq);
  static Slot* FindSlot(Chunk& chunk, StreamSeq base, StreamSeq seq);
  void Rewrite(Chunks::iterator at);

  Executor* home_;
  Chunks chunks_;  // by first sequence
  // The chunk of the latest read: the next one is usually in it.
  Chunk* recent_ = nullptr;
  StreamSeq recent_base_ = 0;
  StreamSeq recent_end_ = 0;
};

}  // namespace weir::storage

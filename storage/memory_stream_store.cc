#include "storage/memory_stream_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::storage {

namespace {

constexpr size_t kSmallestChunk = 1024;
constexpr size_t kLargestChunk = 64 * 1024;

// What stands in front of subject, headers and payload in a chunk.
struct __attribute__((packed)) Prefix {
  int64_t time_ns;
  uint32_t headers;
  uint32_t payload;
  uint16_t subject;
};

size_t SizeOf(const MessageView& message) {
  return sizeof(Prefix) + message.subject.size() + message.headers.size() + message.payload.size();
}

Prefix PrefixAt(const char* at) {
  Prefix prefix;
  std::memcpy(&prefix, at, sizeof prefix);
  return prefix;
}

size_t SizeAt(const char* at) {
  Prefix prefix = PrefixAt(at);
  return sizeof prefix + prefix.subject + prefix.headers + prefix.payload;
}

char* Put(char* at, std::string_view bytes) {
  if (!bytes.empty()) {
    std::memcpy(at, bytes.data(), bytes.size());
  }
  return at + bytes.size();
}

void Encode(char* at, const MessageView& message) {
  Prefix prefix;
  prefix.time_ns = message.time_ns;
  prefix.headers = static_cast<uint32_t>(message.headers.size());
  prefix.payload = static_cast<uint32_t>(message.payload.size());
  prefix.subject = static_cast<uint16_t>(message.subject.size());
  std::memcpy(at, &prefix, sizeof prefix);
  at = Put(at + sizeof prefix, message.subject);
  at = Put(at, message.headers);
  Put(at, message.payload);
}

MessageView Decode(const char* at, StreamSeq seq) {
  Prefix prefix = PrefixAt(at);
  at += sizeof prefix;
  MessageView view;
  view.seq = seq;
  view.time_ns = prefix.time_ns;
  view.subject = {at, prefix.subject};
  view.headers = {at + prefix.subject, prefix.headers};
  view.payload = {at + prefix.subject + prefix.headers, prefix.payload};
  return view;
}

}  // namespace

MemoryStreamStore::Chunk& MemoryStreamStore::ChunkFor(StreamSeq seq, size_t size) {
  size_t capacity = 0;
  if (!chunks_.empty()) {
    auto& [base, last] = *chunks_.rbegin();
    capacity = last->bytes.size();
    if (capacity - last->used >= size && seq - base < UINT32_MAX) {
      return *last;
    }
    last->slots.shrink_to_fit();
  }
  capacity = std::clamp(capacity * 2, kSmallestChunk, kLargestChunk);
  auto chunk = std::make_unique<Chunk>();
  chunk->bytes = SharedBytes::Uninitialized(std::max(capacity, size));
  recent_ = nullptr;
  return *chunks_.emplace_hint(chunks_.end(), seq, std::move(chunk))->second;
}

void MemoryStreamStore::Append(const MessageView& message) {
  NoteAppended(message);
  size_t size = SizeOf(message);
  Chunk& chunk = ChunkFor(message.seq, size);
  Encode(chunk.bytes.mutable_data() + chunk.used, message);
  StreamSeq base = chunks_.rbegin()->first;
  chunk.slots.push_back({static_cast<uint32_t>(message.seq - base), chunk.used});
  chunk.used += static_cast<uint32_t>(size);
  chunk.live_bytes += static_cast<uint32_t>(size);
  ++chunk.live;
}

void MemoryStreamStore::Destroy(StagedBatch& /*batch*/) {
  recent_ = nullptr;
  chunks_.clear();
}

MemoryStreamStore::Chunks::iterator MemoryStreamStore::FindChunk(StreamSeq seq) {
  auto at = chunks_.upper_bound(seq);
  return at == chunks_.begin() ? chunks_.end() : std::prev(at);
}

MemoryStreamStore::Slot* MemoryStreamStore::FindSlot(Chunk& chunk, StreamSeq base, StreamSeq seq) {
  StreamSeq distance = seq - base;
  std::vector<Slot>& slots = chunk.slots;
  if (distance < slots.size() && slots[distance].distance == distance) {
    return &slots[distance];
  }
  auto at = std::lower_bound(slots.begin(), slots.end(), distance,
                             [](const Slot& slot, StreamSeq d) { return slot.distance < d; });
  return at == slots.end() || at->distance != distance ? nullptr : &*at;
}

ReadOutcome MemoryStreamStore::Fetch(StreamSeq seq, Wait /*wait*/, Fetched& out) {
  if (recent_ == nullptr || seq < recent_base_ || seq >= recent_end_) {
    auto at = FindChunk(seq);
    if (at == chunks_.end()) {
      return ReadOutcome::kMissing;
    }
    recent_ = at->second.get();
    recent_base_ = at->first;
    auto next = std::next(at);
    recent_end_ = next == chunks_.end() ? UINT64_MAX : next->first;
  }
  Slot* slot = FindSlot(*recent_, recent_base_, seq);
  if (slot == nullptr || slot->offset == kDead) {
    return ReadOutcome::kMissing;
  }
  out.view = Decode(recent_->bytes.view().data() + slot->offset, seq);
  out.keep = &recent_->bytes;
  return ReadOutcome::kFound;
}

void MemoryStreamStore::OnRemoved(const MessageView& message, bool erase) {
  auto at = FindChunk(message.seq);
  if (at == chunks_.end()) {
    return;
  }
  Chunk& chunk = *at->second;
  Slot* slot = FindSlot(chunk, at->first, message.seq);
  if (slot == nullptr || slot->offset == kDead) {
    return;
  }
  chunk.live_bytes -= static_cast<uint32_t>(SizeAt(chunk.bytes.view().data() + slot->offset));
  slot->offset = kDead;
  --chunk.live;
  bool open = std::next(at) == chunks_.end();
  if (chunk.live == 0 && !open) {
    recent_ = nullptr;
    chunks_.erase(at);
  } else if (erase || (!open && chunk.live_bytes < chunk.bytes.size() / 2)) {
    Rewrite(at);
  }
}

// Copies what lives into a buffer of its own size; readers of the old one keep it.
void MemoryStreamStore::Rewrite(Chunks::iterator at) {
  recent_ = nullptr;
  Chunk& chunk = *at->second;
  SharedBytes fresh = SharedBytes::Uninitialized(chunk.live_bytes);
  std::vector<Slot> slots;
  slots.reserve(chunk.live);
  uint32_t used = 0;
  for (const Slot& slot : chunk.slots) {
    if (slot.offset != kDead) {
      const char* from = chunk.bytes.view().data() + slot.offset;
      size_t size = SizeAt(from);
      std::memcpy(fresh.mutable_data() + used, from, size);
      slots.push_back({slot.distance, used});
      used += static_cast<uint32_t>(size);
    }
  }
  chunk.bytes = std::move(fresh);
  chunk.slots = std::move(slots);
  chunk.used = used;
}

void MemoryStreamStore::OnTrimmed(StreamSeq first) {
  recent_ = nullptr;
  while (!chunks_.empty()) {
    auto next = std::next(chunks_.begin());
    StreamSeq end = next == chunks_.end() ? raw_state().last_seq + 1 : next->first;
    if (end > first) {
      break;
    }
    chunks_.erase(chunks_.begin());
  }
}

void MemoryStreamStore::Load(StreamSeq /*seq*/, absl::AnyInvocable<void(Status) &&> done) {
  if (home_ == nullptr) {
    std::move(done)(OkStatus());
    return;
  }
  home_->Post([done = std::move(done)]() mutable { std::move(done)(OkStatus()); });
}

absl::AnyInvocable<StatusOr<MessageRun>() &&> MemoryStreamStore::PrepareRun(StreamSeq from,
                                                                            StreamSeq upto,
                                                                            size_t max_messages,
                                                                            size_t max_bytes) {
  MessageRun run;
  upto = std::min(upto, raw_state().last_seq);
  if (from <= upto) {
    run.first = from;
    run.last = upto;
    size_t bytes = 0;
    for (StreamSeq seq = NextExisting(from); seq <= upto; seq = NextExisting(seq + 1)) {
      if (run.messages.size() >= max_messages || (bytes >= max_bytes && !run.messages.empty())) {
        run.last = seq - 1;
        break;
      }
      Fetched fetched;
      if (Fetch(seq, Wait::kNo, fetched) == ReadOutcome::kFound) {
        bytes += BytesOf(fetched.view);
        run.messages.push_back({fetched.view, *fetched.keep});
      }
    }
  }
  return [run = std::move(run)]() mutable -> StatusOr<MessageRun> {
    return std::move(run);
  };
}

}  // namespace weir::storage

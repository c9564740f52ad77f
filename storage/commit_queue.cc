#include "storage/commit_queue.h"

#include <algorithm>
#include <utility>

#include "storage/coding.h"

namespace weir::storage {

namespace {

// RocksDB's write batch, which is also the format of its log: sequence u64 (filled in by the
// database), count u32, then per write a tag, the column family and the fields, each with its
// length in front; numbers as varints.
constexpr size_t kHeader = 12;
constexpr uint8_t kTagDelete = 0x4;
constexpr uint8_t kTagPut = 0x5;
constexpr uint8_t kTagDeleteRange = 0xE;

char* PutVarint(char* at, size_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

void AppendField(std::string& out, std::string_view field) {
  char length[10];
  out.append(length, static_cast<size_t>(PutVarint(length, field.size()) - length));
  out.append(field);
}

}  // namespace

void StagedBatch::Begin(uint8_t tag, Family family, std::string_view key, size_t more) {
  if (writes_.empty()) {
    writes_.assign(kHeader, '\0');
  }
  size_t need = writes_.size() + key.size() + more + 24;
  if (need > writes_.capacity()) {
    writes_.reserve(std::max(need, writes_.capacity() * 2));
  }
  writes_.push_back(static_cast<char>(tag));
  writes_.push_back(static_cast<char>(family));
  AppendField(writes_, key);
  ++count_;
}

void StagedBatch::Put(Family family, std::string_view key, std::string_view value) {
  Begin(kTagPut, family, key, value.size());
  AppendField(writes_, value);
}

void StagedBatch::Delete(Family family, std::string_view key) {
  Begin(kTagDelete, family, key, 0);
}

void StagedBatch::DeleteRange(Family family, std::string_view begin, std::string_view end) {
  Begin(kTagDeleteRange, family, begin, end.size());
  AppendField(writes_, end);
}

void StagedBatch::MoveMarks(std::shared_ptr<CommitMarks> marks, StreamSeq last, StreamSeq first) {
  marks_.push_back({std::move(marks), last, first});
}

std::string StagedBatch::TakeEncoded() {
  if (writes_.empty()) {
    writes_.assign(kHeader, '\0');
  }
  StoreInt(writes_.data() + kHeader - sizeof count_, count_);
  count_ = 0;
  return std::exchange(writes_, std::string());
}

void StagedBatch::Restore(std::string encoded) {
  writes_ = std::move(encoded);
  count_ = LoadInt<uint32_t>(writes_.data() + kHeader - sizeof count_);
}

void StagedBatch::Merge(const StagedBatch& other) {
  if (other.count_ == 0) {
    return;
  }
  if (writes_.empty()) {
    writes_.assign(kHeader, '\0');
  }
  writes_.append(other.writes_, kHeader);
  count_ += other.count_;
}

void StagedBatch::ApplyMarks() {
  for (const Mark& mark : marks_) {
    mark.marks->last.store(mark.last, std::memory_order_release);
    mark.marks->first.store(mark.first, std::memory_order_release);
    mark.marks->moves.fetch_add(1, std::memory_order_release);
  }
}

}  // namespace weir::storage

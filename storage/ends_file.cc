#include "storage/ends_file.h"

#include <string_view>
#include <utility>

#include "storage/coding.h"
#include "storage/crc32c.h"
#include "storage/guarded_files.h"
#include "storage/store_files.h"

namespace weir::storage {

namespace {

// Stream id u32, checksum u32 of id and sequence, sequence u64. Never across two sectors.
constexpr size_t kSlotBytes = 16;
constexpr size_t kChecksumAt = 4;
constexpr size_t kLastAt = 8;

std::string EncodeSlot(StreamId stream, StreamSeq last) {
  std::string slot(kSlotBytes, '\0');
  StoreInt(slot.data(), stream.value());
  StoreInt(slot.data() + kLastAt, last);
  StoreInt(slot.data() + kChecksumAt,
           Crc32c(std::string_view(slot).substr(kLastAt), stream.value()));
  return slot;
}

}  // namespace

EndsFile::EndsFile(std::shared_ptr<rocksdb::FileSystem> files, std::string path)
    : files_(std::move(files)), path_(std::move(path)) {
  MutexLock lock(mu_);
  Load();
}

void EndsFile::Load() {
  auto read = StoreFiles(*files_).Read(path_);
  std::string bytes = read.ok() ? *std::move(read) : std::string();
  used_ = static_cast<uint32_t>(bytes.size() / kSlotBytes);
  for (uint32_t index = 0; index < used_; ++index) {
    std::string_view slot = std::string_view(bytes).substr(index * kSlotBytes, kSlotBytes);
    StreamId stream(LoadInt<uint32_t>(slot.data()));
    auto last = LoadInt<uint64_t>(slot.data() + kLastAt);
    if (stream.value() == 0 || slot != EncodeSlot(stream, last) ||
        !slots_.emplace(stream, Slot{index, last}).second) {
      free_.push_back(index);
    }
  }
}

StreamSeq EndsFile::Of(StreamId stream) {
  MutexLock lock(mu_);
  auto at = slots_.find(stream);
  return at == slots_.end() ? 0 : at->second.last;
}

void EndsFile::Note(StreamId stream, StreamSeq last) {
  MutexLock lock(mu_);
  auto [at, is_new] = slots_.try_emplace(stream);
  if (!is_new && at->second.last >= last) {
    return;
  }
  if (is_new) {
    if (free_.empty()) {
      at->second.index = used_++;
    } else {
      at->second.index = free_.back();
      free_.pop_back();
    }
  }
  at->second.last = last;
  Write(at->second.index, stream, last);
}

void EndsFile::Forget(StreamId stream) {
  MutexLock lock(mu_);
  auto at = slots_.find(stream);
  if (at != slots_.end()) {
    Write(at->second.index, StreamId(), 0);
    free_.push_back(at->second.index);
    slots_.erase(at);
  }
}

void EndsFile::Discard() {
  MutexLock lock(mu_);
  for (const auto& [stream, slot] : slots_) {
    Write(slot.index, StreamId(), 0);
    free_.push_back(slot.index);
  }
  slots_.clear();
}

void EndsFile::Write(uint32_t index, StreamId stream, StreamSeq last) {
  if (file_ == nullptr && !failed_) {
    failed_ = !StoreFiles(*files_).OpenForUpdate(path_, file_).ok();
  }
  if (failed_) {
    return;  // nothing depends on it but what damage may do
  }
  std::string slot = stream.value() == 0 ? std::string(kSlotBytes, '\0') : EncodeSlot(stream, last);
  file_->Write(uint64_t{index} * kSlotBytes, slot, rocksdb::IOOptions(), nullptr)
      .PermitUncheckedError();
}

}  // namespace weir::storage

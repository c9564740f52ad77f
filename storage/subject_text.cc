#include "storage/subject_text.h"

#include <algorithm>
#include <cstring>

#include "protocol/base/status.h"

namespace weir::storage {

SubjectText::Ref SubjectText::Add(std::string_view text) {
  WEIR_CHECK(text.size() <= kMaxBytes);
  auto length = static_cast<uint16_t>(text.size());
  size_t need = sizeof length + text.size();
  if (chunk_size_ - chunk_used_ < need) {
    // Small streams have few subjects: chunks start small and double.
    if (!chunks_.empty()) {
      full_.push_back(static_cast<uint32_t>(chunk_used_));
    }
    chunk_size_ = std::max(need, std::min(kChunkBytes, std::max<size_t>(chunk_size_ * 2, 128)));
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_size_));
    WEIR_CHECK(chunks_.size() <= 0x10000);
    chunk_used_ = 0;
    allocated_bytes_ += chunk_size_;
  }
  char* at = chunks_.back().get() + chunk_used_;
  std::memcpy(at, &length, sizeof length);
  std::memcpy(at + sizeof length, text.data(), text.size());
  auto ref = static_cast<Ref>((chunks_.size() - 1) << 16 | chunk_used_);
  chunk_used_ += need;
  used_bytes_ += need;
  return ref;
}

std::string_view SubjectText::At(Ref ref) const {
  const char* at = chunks_[ref >> 16].get() + (ref & 0xffff);
  uint16_t length = 0;
  std::memcpy(&length, at, sizeof length);
  return {at + sizeof length, length};
}

}  // namespace weir::storage

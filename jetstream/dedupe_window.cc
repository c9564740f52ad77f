#include "jetstream/dedupe_window.h"

namespace weir::jetstream {

const DedupeWindow::Entry* DedupeWindow::FindEntry(std::string_view id, uint32_t tag) const {
  const Entry* found = nullptr;
  index_.Find(tag, [&](uint32_t number) {
    const Entry& entry = entries_[number - first_];
    found = std::string_view(entry.id, entry.size) == id ? &entry : nullptr;
    return found != nullptr;
  });
  return found;
}

std::optional<StreamSeq> DedupeWindow::Find(std::string_view id, int64_t now_ns) {
  Expire(now_ns);
  const Entry* entry = FindEntry(id, IdIndex::TagOf(StringHash{}(id)));
  return entry == nullptr ? std::nullopt : std::optional(entry->seq);
}

void DedupeWindow::Add(std::string_view id, StreamSeq seq, int64_t time_ns) {
  last_id_.assign(id);
  if (window_ns_ <= 0) {
    return;
  }
  Expire(time_ns);
  uint32_t tag = IdIndex::TagOf(StringHash{}(id));
  if (FindEntry(id, tag) != nullptr) {
    return;
  }
  index_.Insert(tag, first_ + static_cast<uint32_t>(entries_.size()));
  std::string_view kept = ids_.Push(id);
  entries_.push_back({kept.data(), static_cast<uint32_t>(kept.size()), tag, seq, time_ns});
}

void DedupeWindow::Expire(int64_t now_ns) {
  while (!entries_.empty() && now_ns - entries_.front().time_ns >= window_ns_) {
    index_.Erase(entries_.front().tag, first_);
    ids_.Pop();
    entries_.pop_front();
    ++first_;
  }
}

}  // namespace weir::jetstream

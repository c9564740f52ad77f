#include "jetstream/dedupe_window.h"

namespace weir::jetstream {

std::optional<StreamSeq> DedupeWindow::Find(std::string_view id, int64_t now_ns) {
  Expire(now_ns);
  auto at_id = index_.find(Key{StringHash{}(id), id});
  if (at_id == index_.end()) {
    return std::nullopt;
  }
  return at(at_id->number).seq;
}

void DedupeWindow::Add(std::string_view id, StreamSeq seq, int64_t time_ns) {
  last_id_.assign(id);
  if (window_ns_ <= 0) {
    return;
  }
  Expire(time_ns);
  uint64_t hash = StringHash{}(id);
  if (index_.contains(Key{hash, id})) {
    return;
  }
  entries_.push_back({ids_.Push(id), hash, seq, time_ns});
  index_.insert(Slot{hash, first_ + entries_.size() - 1});
}

void DedupeWindow::Expire(int64_t now_ns) {
  while (!entries_.empty() && now_ns - entries_.front().time_ns >= window_ns_) {
    index_.erase(Slot{entries_.front().hash, first_});
    ids_.Pop();
    entries_.pop_front();
    ++first_;
  }
}

}  // namespace weir::jetstream

#include "jetstream/dedupe_window.h"

namespace weir::jetstream {

std::optional<StreamSeq> DedupeWindow::Find(std::string_view id, int64_t now_ns) {
  Expire(now_ns);
  auto at_id = index_.find(id);
  if (at_id == index_.end()) {
    return std::nullopt;
  }
  return at(*at_id).seq;
}

void DedupeWindow::Add(std::string_view id, StreamSeq seq, int64_t time_ns) {
  last_id_.assign(id);
  if (window_ns_ <= 0) {
    return;
  }
  Expire(time_ns);
  if (index_.contains(id)) {
    return;
  }
  entries_.push_back({ids_.Push(id), seq, time_ns});
  index_.insert(first_ + entries_.size() - 1);
}

void DedupeWindow::Expire(int64_t now_ns) {
  while (!entries_.empty() && now_ns - entries_.front().time_ns >= window_ns_) {
    index_.erase(first_);
    ids_.Pop();
    entries_.pop_front();
    ++first_;
  }
}

}  // namespace weir::jetstream

#include "jetstream/commit_waiters.h"

#include <algorithm>
#include <string>
#include <utility>

namespace weir::jetstream {

void CommitWaiters::Link(CommitListener& listener, const protocol::SubjectFilters& filters) {
  listener.filters_ = &filters;
  for (const std::string& pattern : filters.patterns()) {
    by_filter_.Insert(pattern, &listener);
  }
  if (filters.patterns().empty()) {
    linked_unfiltered_.insert(&listener);
  }
}

void CommitWaiters::Unlink(CommitListener& listener) {
  if (listener.filters_ == nullptr) {
    return;
  }
  const bool all = listener.filters_->covers_all();
  for (const std::string& pattern : listener.filters_->patterns()) {
    by_filter_.Remove(pattern, &listener);
  }
  linked_unfiltered_.erase(&listener);
  if (listener.listed_) {
    std::erase(all ? unfiltered_ : filtered_, &listener);
  }
  if (listener.waiting_ && !all) {
    --filtered_waiting_;
  }
  listener.filters_ = nullptr;
  listener.waiting_ = listener.listed_ = false;
}

void CommitWaiters::Wait(CommitListener& listener) {
  if (listener.waiting_ || listener.filters_ == nullptr) {
    return;
  }
  listener.waiting_ = true;
  const bool all = listener.filters_->covers_all();
  filtered_waiting_ += all ? 0 : 1;
  if (!listener.listed_) {
    listener.listed_ = true;
    (all ? unfiltered_ : filtered_).push_back(&listener);
  }
}

void CommitWaiters::Collect(CommitListener& listener, List& woken) {
  if (listener.waiting_) {
    listener.waiting_ = false;
    filtered_waiting_ -= listener.filters_->covers_all() ? 0 : 1;
    woken.push_back(&listener);
  }
}

void CommitWaiters::CollectMatching(storage::StreamStore& store, StreamSeq first, StreamSeq last,
                                    List& woken) {
  // With more messages than listeners, each of these finds out for itself.
  bool everybody = last - first >= filtered_waiting_;
  storage::StoredMessage message;
  for (StreamSeq seq = first; seq <= last && !everybody; ++seq) {
    const storage::ReadOutcome outcome = store.Get(seq, message);
    everybody = outcome == storage::ReadOutcome::kWouldBlock;
    if (outcome == storage::ReadOutcome::kFound) {
      by_filter_.Match(message.view.subject,
                       [&](CommitListener* listener) { Collect(*listener, woken); });
    }
  }
  if (everybody) {
    for (CommitListener* listener : std::exchange(filtered_, {})) {
      listener->listed_ = false;
      Collect(*listener, woken);
    }
  }
}

void CommitWaiters::Wake(storage::StreamStore& store, StreamSeq first, StreamSeq last) {
  List woken;
  for (CommitListener* listener : std::exchange(unfiltered_, {})) {
    listener->listed_ = false;
    Collect(*listener, woken);
  }
  if (filtered_waiting_ > 0) {
    CollectMatching(store, first, last, woken);
  }
  for (CommitListener* listener : woken) {
    if (listener->filters_ != nullptr) {  // still linked
      listener->OnCommitted();
    }
  }
}

void CommitWaiters::Removed(StreamSeq seq, std::string_view subject) {
  List concerned(linked_unfiltered_.begin(), linked_unfiltered_.end());
  by_filter_.Match(subject, [&](CommitListener* listener) { concerned.push_back(listener); });
  for (CommitListener* listener : concerned) {
    if (listener->filters_ != nullptr) {  // still linked
      listener->OnRemoved(seq, subject);
    }
  }
}

}  // namespace weir::jetstream

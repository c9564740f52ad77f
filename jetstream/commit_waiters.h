#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"

#include "protocol/base/ids.h"
#include "protocol/subject_filters.h"
#include "protocol/subject_tree.h"
#include "storage/stream_store.h"

namespace weir::jetstream {

// Somebody who has read a stream to its end and wants to know when there is more, and always what
// is removed.
class CommitListener {
 public:
  virtual ~CommitListener() = default;
  virtual void OnCommitted() = 0;
  // A message that matches its filters is gone, and not by its own doing.
  virtual void OnRemoved(StreamSeq seq, std::string_view subject) = 0;

 private:
  friend class CommitWaiters;
  const protocol::SubjectFilters* filters_ = nullptr;  // as linked; null: not linked
  bool waiting_ = false;
  bool listed_ = false;
};

// Who of a stream's consumers is told of a commit: those that wait, and of them only those whose
// filters match one of the new messages. Ten thousand idle consumers cost a publish nothing.
//
// Confined to the stream's home.
class CommitWaiters {
 public:
  // `filters` must outlive the link; Unlink() before they change and before the listener goes.
  void Link(CommitListener& listener, const protocol::SubjectFilters& filters);
  void Unlink(CommitListener& listener);

  // Have this linked listener told of the next commit that concerns it, once.
  void Wait(CommitListener& listener);
  // The messages from `first` to `last` are committed. A listener may wait again meanwhile, or be
  // unlinked; destroyed it may be only later.
  void Wake(storage::StreamStore& store, StreamSeq first, StreamSeq last);
  // A message with this subject was removed: tells those it matters to, waiting or not.
  void Removed(StreamSeq seq, std::string_view subject);

 private:
  using List = std::vector<CommitListener*>;

  void Collect(CommitListener& listener, List& woken);
  void CollectMatching(storage::StreamStore& store, StreamSeq first, StreamSeq last, List& woken);

  protocol::SubjectTree<CommitListener*> by_filter_;
  absl::flat_hash_set<CommitListener*> linked_unfiltered_;
  List unfiltered_;  // waiting
  List filtered_;    // waiting, and some that have been told since
  size_t filtered_waiting_ = 0;
};

}  // namespace weir::jetstream

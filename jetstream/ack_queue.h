#pragma once

#include <deque>
#include <string_view>

#include "jetstream/string_fifo.h"
#include "protocol/base/ids.h"

namespace weir::jetstream {

// Publishers of one stream that wait for a commit, in the order in which they published.
class AckQueue {
 public:
  // `seq` is what the ack will say. For a duplicate it is the original, which may be committed long
  // before the messages in front of it here; the order is kept all the same.
  void Push(StreamSeq seq, std::string_view reply, bool duplicate) {
    entries_.push_back({seq, replies_.Push(reply), duplicate});
  }

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }

  // Calls visit(reply, seq, duplicate) for everybody up to the first who has to wait longer.
  template <typename Visit>
  void Release(StreamSeq committed, Visit&& visit) {
    while (!entries_.empty() && entries_.front().seq <= committed) {
      Entry entry = entries_.front();
      entries_.pop_front();
      visit(entry.reply, entry.seq, entry.duplicate);
      replies_.Pop();
    }
  }

 private:
  struct Entry {
    StreamSeq seq;
    std::string_view reply;
    bool duplicate;
  };

  std::deque<Entry> entries_;
  StringFifo replies_;
};

}  // namespace weir::jetstream

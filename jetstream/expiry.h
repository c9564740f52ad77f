#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/container/btree_set.h"

#include "jetstream/environment.h"
#include "jetstream/message_ttl.h"
#include "protocol/base/ids.h"
#include "protocol/base/timer_queue.h"

namespace weir::jetstream {

class Stream;

// What goes out of a stream by its age: max_age, and the lives of single messages (jetstream-api.md
// 4, 5.10). With a delete marker TTL, the last message of a subject that expires is followed by a
// marker. Belongs to its stream, at the stream's home; one timer for all of it.
//
// Lives are kept in memory, 16 bytes each; recovery reads them from the stored headers.
class Expiry {
 public:
  explicit Expiry(Stream& stream) : stream_(stream) {}
  ~Expiry();
  Expiry(const Expiry&) = delete;
  Expiry& operator=(const Expiry&) = delete;

  // A message that has been appended with a life of its own.
  void Add(StreamSeq seq, int64_t time_ns, const MessageTtl& ttl);
  // Sets the timer for what expires next, unless it is set.
  void Watch();
  // Another configuration, or a life that ends before the timer: expires what is due and sets the
  // timer anew.
  void Run();

 private:
  enum class Progress : uint8_t { kDone, kMore, kLoading };

  Progress ExpireOld(int64_t now_ns);
  Progress ExpireOldOneByOne(int64_t cutoff_ns);
  Progress ExpireLives(int64_t now_ns);
  // Removes the message and writes a marker where one is due.
  Progress Expire(StreamSeq seq);
  void LoadThenRun(StreamSeq seq);
  int64_t NextDue();

  Stream& stream_;
  absl::btree_set<std::pair<int64_t, StreamSeq>> lives_;  // end, message; may be gone already
  absl::btree_set<StreamSeq> never_;
  StreamSeq mortal_from_ = 0;  // everything below is in never_ or gone
  TimerQueue::TimerId timer_;
  bool loading_ = false;
};

}  // namespace weir::jetstream

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/btree_set.h"

#include "jetstream/environment.h"
#include "jetstream/publish_headers.h"
#include "jetstream/schedule.h"
#include "protocol/base/ids.h"
#include "protocol/base/strings.h"
#include "protocol/base/timer_queue.h"

namespace weir::jetstream {

class Stream;

// The message schedules of a stream (jetstream-api.md 5.8): one per subject, each a stored message
// with Nats-Schedule. When one is due, a message made from it, or from the last one of its source,
// is stored on its target; the headers of that message say when the schedule fires next, so that a
// restart goes on from there. Belongs to its stream, at its home; one timer for all.
class Scheduler {
 public:
  explicit Scheduler(Stream& stream) : stream_(stream) {}
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // A message that has been stored, or is found at boot: it may be a schedule, or move or end one.
  // Returns the subject of a schedule that is to be purged, else nothing.
  std::string_view Note(const storage::MessageView& message);
  // Sets the timer for what is due next.
  void Watch();

 private:
  struct Schedule {
    StreamSeq seq = 0;
    int64_t due_ns = 0;
  };

  void Put(std::string_view subject, StreamSeq seq, int64_t due_ns);
  void Forget(std::string_view subject);
  void Run();
  // False: something has to be loaded first, and Run() will be called then.
  bool Fire(const std::string& subject, Schedule schedule, int64_t now_ns);
  bool Load(StreamSeq seq, storage::StoredMessage& message, bool& found);
  // False: the stream refuses the message.
  bool Store(const PublishHeaders& wanted, const Firing& next, const std::string& subject,
             std::string_view content_headers, std::string_view payload, int64_t now_ns);

  Stream& stream_;
  StringMap<Schedule> schedules_;
  absl::btree_set<std::pair<int64_t, std::string>> due_;
  TimerQueue::TimerId timer_;
  int64_t timer_due_ns_ = 0;
  bool loading_ = false;
};

}  // namespace weir::jetstream

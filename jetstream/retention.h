#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "jetstream/environment.h"
#include "protocol/base/ids.h"

namespace weir::jetstream {

class Consumer;
class Stream;

// What goes out of a stream by itself: over the limits, or done with by its consumers
// (jetstream-api.md 4, 5.3, 5.4). Belongs to its stream, at the stream's home.
//
// Limits of the whole stream are applied once, at the end of the turn, before anything of the turn
// is visible; limits of a subject at each append.
class Retention {
 public:
  explicit Retention(Stream& stream) : stream_(stream) {}
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  // Why a stream with discard policy "new" refuses this message (10077); nullptr when it does not.
  const char* Refusal(const storage::MessageView& message) const;
  // Interest retention: does anybody want a message that is about to get this sequence?
  bool IsWanted(StreamSeq seq, std::string_view subject) const;

  void AfterAppend(std::string_view subject);
  // Another configuration: applies the limit of a subject to all of them.
  void EnforceSubjectLimit();
  // End of turn.
  void EnforceLimits();

  // A consumer is done with one message, or with all up to and including `seq`.
  void Done(StreamSeq seq);
  void DoneUpTo(Consumer& consumer, StreamSeq seq);
  // Interest retention: removes what no consumer needs (any more), up to and including `upto`. In
  // pieces, with a turn of the home between them.
  void Sweep(StreamSeq upto);
  // The same for all, when a consumer has other filters now: it may have in flight what goes, and
  // is told.
  void SweepInFlight();

 private:
  void SweepOn();
  bool AnybodyNeeds(StreamSeq seq, std::string_view subject) const;
  // Runs `resume` of this stream's retention when the message is in memory.
  void LoadThen(StreamSeq seq, void (Retention::*resume)());
  void RetryDone();
  // After a failed load: what waits stays in the stream until the next sweep.
  void GiveUp();

  Stream& stream_;
  StreamSeq sweep_next_ = 0;  // 0: no sweep
  StreamSeq sweep_end_ = 0;
  bool sweep_tells_ = false;           // consumers of what it removes
  std::vector<StreamSeq> done_later_;  // whose subjects have to be read from the disk first
};

}  // namespace weir::jetstream

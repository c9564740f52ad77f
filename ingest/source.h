#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/status.h"
#include "storage/stream_store.h"

namespace weir::ingest {

// The stream side of an export: runs of messages in sequence order.
//
// Used by one pipeline thread at a time, and blocking, except Cancel(). After Cancel() every call
// fails with kCancelled; with kNotFound when the stream is gone; with kUnavailable when its server
// is out of reach for now.
class Source {
 public:
  struct Bounds {
    StreamSeq first = 0;  // the oldest message that exists, last + 1 in an empty stream
    StreamSeq last = 0;   // the newest committed one
    uint64_t messages = 0;
  };
  // What the closed interval [first, last] of the stream has for this export. Sequences without a
  // message were deleted, or do not match the filters.
  struct Run {
    std::vector<storage::StoredMessage> messages;
    StreamSeq first = 0;
    StreamSeq last = 0;    // 0: nothing new
    uint64_t skipped = 0;  // messages that exist and do not match
  };

  virtual ~Source() = default;

  // Names this stream over its whole life: another text when it was deleted and created again.
  virtual const std::string& identity() const = 0;

  virtual StatusOr<Bounds> bounds() = 0;

  // The next run from `from`, not beyond `upto` (0: no bound). When nothing is committed there yet
  // it waits up to `wait`.
  virtual StatusOr<Run> Read(StreamSeq from, StreamSeq upto, size_t max_messages, size_t max_bytes,
                             std::chrono::milliseconds wait) = 0;

  // Everything up to and including `seq` is stored in the target; retention may follow.
  virtual Status MoveFloor(StreamSeq seq) = 0;

  // Wakes a waiting call. Thread-safe.
  virtual void Cancel() = 0;
};

}  // namespace weir::ingest

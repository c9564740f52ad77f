#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jetstream/environment.h"

namespace weir::jetstream {

class Catalog;

// Bulk reading of a local stream for exports (architecture 7.5): committed blocks in sequence
// order, no per-message delivery, no per-message ack; one floor is moved by the reader.
//
// The cursor owns a durable consumer of the stream ("exp_<name>", metadata "_export": "true"), so
// that consumer info, lag tools and interest or work-queue retention see the export.
//
// Calls block until the stream's home has answered: use it from one pipeline thread at a time,
// never from a worker. All calls fail with Cancelled after Cancel() or when the server stops, and
// with NotFound when the stream is deleted.
class LogCursor {
 public:
  struct Options {
    AccountId account = kGlobalAccount;
    std::string stream;
    std::string name;  // of the export; the consumer is "exp_" + name
    std::vector<std::string>
        filters;          // for the consumer's pending count; reading returns everything
    StreamSeq start = 0;  // of a new consumer; 0: the first message
  };
  // What identifies this stream over its whole life: a stream that is deleted and created again
  // under the same name has another id and another creation time.
  struct Identity {
    StreamId id;
    int64_t created_ns = 0;
  };
  struct Bounds {
    StreamSeq first = 0;
    StreamSeq last = 0;  // committed
    uint64_t messages = 0;
    StreamSeq floor = 0;  // the consumer's ack floor
  };

  virtual ~LogCursor() = default;

  static StatusOr<std::unique_ptr<LogCursor>> Open(Catalog& catalog, const Options& options);

  virtual const Identity& identity() const = 0;
  virtual StatusOr<Bounds> bounds() = 0;

  // The next run from `from`, not beyond `upto` (0: no bound). When nothing is committed there yet
  // it waits up to `wait` for something; an empty run (last == 0) means that nothing came.
  virtual StatusOr<storage::MessageRun> Read(StreamSeq from, StreamSeq upto, size_t max_messages,
                                             size_t max_bytes, std::chrono::milliseconds wait) = 0;

  // Everything up to and including `seq` is stored in the target.
  virtual Status MoveFloor(StreamSeq seq) = 0;

  // Wakes a waiting Read(); thread-safe.
  virtual void Cancel() = 0;
};

}  // namespace weir::jetstream

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"

#include "jetstream/environment.h"
#include "jetstream/stream.h"
#include "protocol/base/json.h"

namespace weir::jetstream {

// Which message a get asks for (jetstream-api.md 6.1, 7).
struct MessageQuery {
  StreamSeq seq = 0;
  std::string last_by_subject = {};
  std::string next_by_subject = {};
  std::optional<int64_t> start_time_ns = {};  // Unix
  bool no_headers = false;

  bool empty() const {
    return seq == 0 && last_by_subject.empty() && next_by_subject.empty() && !start_time_ns;
  }
};

// Reads the fields that all gets have.
void ReadMessageQuery(JsonReader& in, MessageQuery& query);

// What `found` gets: the message and OK, NotFound, or what went wrong on the disk. The views live
// for the duration of the call.
using MessageFound = absl::AnyInvocable<void(const StatusOr<storage::StoredMessage>& message) &&>;

// Finds a message and calls `found` at the stream's home: at once when the message is in memory and
// committed, later otherwise; never when the stream is gone before.
void FindMessage(Stream& stream, MessageQuery query, MessageFound found);

}  // namespace weir::jetstream

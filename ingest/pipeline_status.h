#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "ingest/sink.h"
#include "protocol/base/ids.h"
#include "protocol/base/status.h"

namespace weir::ingest {

enum class PipelineState : uint8_t {
  kStarting,  // opening stream and target
  kRunning,
  kWaitingForSink,    // an outage of the target; retried for ever
  kWaitingForStream,  // no such stream yet, or its server is out of reach
  kDone,              // the stop rule was reached
  kStopped,           // on request
  kFailed,            // see `error`
};
std::string_view PipelineStateName(PipelineState state);
inline bool IsFinal(PipelineState state) {
  return state >= PipelineState::kDone;
}

// A picture of a pipeline, as STATUS answers it. Counters are of this run.
struct PipelineStatus {
  std::string name;
  std::string account;
  std::string stream;
  std::string sink;  // masked
  std::string table;
  std::string stop;
  std::string guarantee;
  PipelineState state = PipelineState::kStarting;
  std::string error;  // of a failed run, or what an outage says
  int exit_code = 0;  // export.md 5.1

  StreamSeq start_seq = 0;   // the position when the run began
  StreamSeq position = 0;    // everything up to here is in the target
  StreamSeq target_seq = 0;  // where a bounded run ends; 0: open
  StreamSeq stream_first = 0;
  StreamSeq stream_last = 0;
  int64_t position_time_ns = 0;  // of the newest exported message

  uint64_t rows = 0;
  uint64_t bytes = 0;  // payloads, subjects and headers of the rows
  uint64_t bad_rows = 0;
  uint64_t skipped = 0;  // messages that do not match the filters
  uint64_t duplicate_keys = 0;
  uint64_t batches = 0;
  uint64_t retries = 0;
  std::string last_bad_row;
  std::vector<Gap> gaps;  // the newest ones

  int64_t started_ns = 0;  // wall clock
  int64_t ended_ns = 0;    // 0: running
  int64_t updated_ns = 0;

  uint64_t lag() const { return stream_last > position ? stream_last - position : 0; }
};

boost::json::object StatusToJson(const PipelineStatus& status);
StatusOr<PipelineStatus> StatusFromJson(const boost::json::object& object);

// The command's exit code for what ended a run: 0, 2 config, 3 sink unreachable, 4 contract or too
// many bad rows, 5 a gap, 1 anything else.
int ExitCodeOf(const Status& status);

}  // namespace weir::ingest

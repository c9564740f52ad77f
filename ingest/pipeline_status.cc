#include "ingest/pipeline_status.h"

#include <array>

#include "protocol/base/json.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

namespace json = boost::json;

constexpr auto kStateNames = std::to_array<std::string_view>(
    {"starting", "running", "waiting for sink", "waiting for stream", "done", "stopped", "failed"});

}  // namespace

std::string_view PipelineStateName(PipelineState state) {
  return kStateNames[static_cast<size_t>(state)];
}

json::object StatusToJson(const PipelineStatus& status) {
  json::object out;
  std::string_view state = PipelineStateName(status.state);
  out["name"] = status.name;
  out["account"] = status.account;
  out["state"] = json::string(state.data(), state.size());
  out["stream"] = status.stream;
  out["sink"] = status.sink;
  out["table"] = status.table;
  out["stop"] = status.stop;
  out["guarantee"] = status.guarantee;
  if (!status.error.empty()) {
    out["error"] = status.error;
  }
  out["exit_code"] = status.exit_code;
  out["start_seq"] = status.start_seq;
  out["position"] = status.position;
  out["target_seq"] = status.target_seq;
  out["stream_first"] = status.stream_first;
  out["stream_last"] = status.stream_last;
  out["lag_messages"] = status.lag();
  out["position_time_ns"] = status.position_time_ns;
  out["rows"] = status.rows;
  out["bytes"] = status.bytes;
  out["bad_rows"] = status.bad_rows;
  out["skipped"] = status.skipped;
  out["duplicate_keys"] = status.duplicate_keys;
  out["batches"] = status.batches;
  out["retries"] = status.retries;
  if (!status.last_bad_row.empty()) {
    out["last_bad_row"] = status.last_bad_row;
  }
  json::array gaps;
  for (const Gap& gap : status.gaps) {
    gaps.push_back(json::object{{"from", gap.from}, {"to", gap.to}, {"reason", gap.reason}});
  }
  out["gaps"] = std::move(gaps);
  out["started_ns"] = status.started_ns;
  out["ended_ns"] = status.ended_ns;
  out["updated_ns"] = status.updated_ns;
  return out;
}

StatusOr<PipelineStatus> StatusFromJson(const json::object& object) {
  PipelineStatus status;
  JsonReader in(object);
  std::string state;
  int64_t exit_code = 0;
  in.Read("name", status.name);
  in.Read("account", status.account);
  in.Read("state", state);
  in.Read("stream", status.stream);
  in.Read("sink", status.sink);
  in.Read("table", status.table);
  in.Read("stop", status.stop);
  in.Read("guarantee", status.guarantee);
  in.Read("error", status.error);
  in.Read("exit_code", exit_code);
  in.Read("start_seq", status.start_seq);
  in.Read("position", status.position);
  in.Read("target_seq", status.target_seq);
  in.Read("stream_first", status.stream_first);
  in.Read("stream_last", status.stream_last);
  in.Read("position_time_ns", status.position_time_ns);
  in.Read("rows", status.rows);
  in.Read("bytes", status.bytes);
  in.Read("bad_rows", status.bad_rows);
  in.Read("skipped", status.skipped);
  in.Read("duplicate_keys", status.duplicate_keys);
  in.Read("batches", status.batches);
  in.Read("retries", status.retries);
  in.Read("last_bad_row", status.last_bad_row);
  in.Read("started_ns", status.started_ns);
  in.Read("ended_ns", status.ended_ns);
  in.Read("updated_ns", status.updated_ns);
  if (const json::value* gaps = in.Find("gaps"); gaps != nullptr && gaps->is_array()) {
    for (const json::value& item : gaps->get_array()) {
      if (!item.is_object()) {
        continue;
      }
      Gap gap;
      JsonReader inner(item.get_object());
      inner.Read("from", gap.from);
      inner.Read("to", gap.to);
      inner.Read("reason", gap.reason);
      status.gaps.push_back(std::move(gap));
    }
  }
  WEIR_RETURN_IF_ERROR(in.Finish(false));
  status.exit_code = static_cast<int>(exit_code);
  for (size_t i = 0; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == state) {
      status.state = static_cast<PipelineState>(i);
    }
  }
  return status;
}

int ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return 0;
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kNotFound:
    case StatusCode::kUnimplemented:
    case StatusCode::kAlreadyExists:
      return 2;
    case StatusCode::kUnavailable:
    case StatusCode::kPermissionDenied:
      return 3;
    case StatusCode::kResourceExhausted:
    case StatusCode::kOutOfRange:
      return 4;
    case StatusCode::kDataLoss:
      return 5;
    default:
      return 1;
  }
}

}  // namespace weir::ingest

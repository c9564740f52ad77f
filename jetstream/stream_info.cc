#include "jetstream/stream_info.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "jetstream/consumer_config.h"

namespace weir::jetstream {

namespace {

constexpr uint64_t kSubjectsLimit = 100'000;
constexpr size_t kDeletedRunsLimit = 100'000;

void WriteSubjects(JsonWriter& out, const storage::StreamStore& store,
                   const StreamInfoOptions& options, StreamInfoPage& page) {
  std::vector<std::pair<std::string, uint64_t>> subjects;
  store.ForEachSubject(options.subjects_filter,
                       [&](std::string_view subject, const storage::SubjectState& state) {
                         subjects.emplace_back(subject, state.messages);
                         return true;
                       });
  if (subjects.empty()) {
    return;
  }
  std::sort(subjects.begin(), subjects.end());
  page.total = subjects.size();
  page.limit = kSubjectsLimit;
  page.offset = options.offset;
  uint64_t end = std::min(page.total, page.offset + kSubjectsLimit);
  if (page.offset >= end) {
    return;
  }
  out.Key("subjects").OpenObject();
  for (uint64_t i = page.offset; i < end; ++i) {
    out.Field(subjects[i].first, subjects[i].second);
  }
  out.CloseObject();
}

void WriteDeleted(JsonWriter& out, const storage::StreamStore& store) {
  auto runs = store.DeletedRuns(kDeletedRunsLimit);
  if (runs.empty()) {
    return;
  }
  out.Key("deleted").OpenArray();
  for (const auto& [first, last] : runs) {
    for (StreamSeq seq = first; seq <= last; ++seq) {
      out.Value(seq);
    }
  }
  out.CloseArray();
}

void WriteLost(JsonWriter& out, const storage::StreamStore& store) {
  out.Key("lost").OpenObject().Key("msgs").OpenArray();
  for (const auto& [first, last] : store.LostRuns(kDeletedRunsLimit)) {
    for (StreamSeq seq = first; seq <= last; ++seq) {
      out.Value(seq);
    }
  }
  out.CloseArray();
  out.Field("bytes", store.state().lost_bytes).CloseObject();
}

void WriteCounters(JsonWriter& out, const storage::StoreState& state, int64_t first_time_ns) {
  out.Field("messages", state.messages).Field("bytes", state.bytes);
  out.Field("first_seq", state.first_seq);
  out.Key("first_ts").Time(first_time_ns == 0 ? kZeroTime : first_time_ns);
  out.Field("last_seq", state.last_seq);
  out.Key("last_ts").Time(state.last_time_ns == 0 ? kZeroTime : state.last_time_ns);
  out.Optional("num_subjects", state.num_subjects);
}

// What stands around the state in every answer.
void WriteHead(JsonWriter& out, Environment& env, const StreamConfig& config, int64_t created_ns,
               const StreamInfoOptions& options) {
  out.Key("config");
  WriteStreamConfig(out, config,
                    options.stamps ? AnswerMetadata(env.server.version) : StringMap<std::string>{});
  out.Key("created").Time(created_ns);
}

void WriteMiddle(JsonWriter& out, Environment& env, const StreamInfoOptions& options) {
  if (options.domain) {
    out.Optional("domain", env.options.domain);
  }
  if (options.cluster) {
    out.Key("cluster").OpenObject().Field("leader", env.server.name).CloseObject();
  }
}

}  // namespace

std::string StreamStateJson(const Stream& stream, const StreamInfoOptions& options,
                            StreamInfoPage& page) {
  const storage::StreamStore& store = stream.store();
  const auto& state = store.state();
  JsonWriter out;
  out.OpenObject();
  WriteCounters(out, state, stream.store().FirstTimeNs());
  if (!options.subjects_filter.empty()) {
    WriteSubjects(out, store, options, page);
  }
  out.Optional("num_deleted", state.num_deleted);
  if (options.deleted && state.num_deleted > 0) {
    WriteDeleted(out, store);
  }
  if (state.num_lost > 0) {
    WriteLost(out, store);
  }
  out.Field("consumer_count", stream.num_consumers()).CloseObject();
  return out.Take();
}

void WriteStreamInfo(JsonWriter& out, Stream& stream, std::string_view state,
                     const StreamInfoOptions& options) {
  Environment& env = stream.env();
  WriteHead(out, env, stream.config(), stream.created_ns(), options);
  out.Key("state").Raw(state);
  WriteMiddle(out, env, options);
  stream.WriteOrigins(out);
  out.Key("ts").Time(env.clock.wall_ns());
}

std::string PendingStateJson(const storage::PeekedState& state, size_t consumers) {
  JsonWriter out;
  out.OpenObject();
  WriteCounters(out, state, state.first_time_ns);
  out.Optional("num_deleted", state.num_deleted);
  out.Field("consumer_count", consumers).CloseObject();
  return out.Take();
}

void WritePendingInfo(JsonWriter& out, Environment& env, const PendingStream& stream,
                      const StreamInfoOptions& options) {
  WriteHead(out, env, stream.config(), stream.created_ns(), options);
  out.Key("state").Raw(PendingStateJson(*stream.state(), stream.num_consumers()));
  WriteMiddle(out, env, options);
  out.Key("ts").Time(env.clock.wall_ns());
}

bool CanAnswer(const PendingStream& stream, const StreamInfoOptions& options) {
  const StreamConfig& config = stream.config();
  return stream.state() && !config.mirror && config.sources.empty() &&
         options.subjects_filter.empty() && (!options.deleted || stream.state()->num_deleted == 0);
}

}  // namespace weir::jetstream

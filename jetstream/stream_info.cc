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

// Of how many bytes what is lost was, nobody knows any more.
void WriteLost(JsonWriter& out, const storage::StreamStore& store) {
  out.Key("lost").OpenObject().Key("msgs").OpenArray();
  for (const auto& [first, last] : store.LostRuns(kDeletedRunsLimit)) {
    for (StreamSeq seq = first; seq <= last; ++seq) {
      out.Value(seq);
    }
  }
  out.CloseArray().Field("bytes", 0).CloseObject();
}

}  // namespace

std::string StreamStateJson(const Stream& stream, const StreamInfoOptions& options,
                            StreamInfoPage& page) {
  const storage::StreamStore& store = stream.store();
  const auto& state = store.state();
  JsonWriter out;
  out.OpenObject().Field("messages", state.messages).Field("bytes", state.bytes);
  out.Field("first_seq", state.first_seq);
  out.Key("first_ts").Time(state.first_time_ns == 0 ? kZeroTime : state.first_time_ns);
  out.Field("last_seq", state.last_seq);
  out.Key("last_ts").Time(state.last_time_ns == 0 ? kZeroTime : state.last_time_ns);
  out.Optional("num_subjects", state.num_subjects);
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
  out.Field("consumer_count", stream.consumers().size()).CloseObject();
  return out.Take();
}

void WriteStreamInfo(JsonWriter& out, Stream& stream, std::string_view state,
                     const StreamInfoOptions& options) {
  Environment& env = stream.env();
  out.Key("config");
  WriteStreamConfig(out, stream.config(),
                    options.stamps ? AnswerMetadata(env.server.version) : StringMap<std::string>{});
  out.Key("created").Time(stream.created_ns());
  out.Key("state").Raw(state);
  if (options.domain) {
    out.Optional("domain", env.options.domain);
  }
  if (options.cluster) {
    out.Key("cluster").OpenObject().Field("leader", env.server.name).CloseObject();
  }
  out.Key("ts").Time(env.clock.wall_ns());
}

}  // namespace weir::jetstream

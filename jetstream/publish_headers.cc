#include "jetstream/publish_headers.h"

#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

struct Row {
  std::string_view name;  // behind "Nats-"
  std::string_view PublishHeaders::* field;
};

constexpr Row kRows[] = {
    {"Msg-Id", &PublishHeaders::id},
    {"Expected-Stream", &PublishHeaders::expected_stream},
    {"Expected-Last-Sequence", &PublishHeaders::last_seq},
    {"Expected-Last-Subject-Sequence", &PublishHeaders::last_subject_seq},
    {"Expected-Last-Subject-Sequence-Subject", &PublishHeaders::last_subject},
    {"Expected-Last-Msg-Id", &PublishHeaders::last_id},
    {"Rollup", &PublishHeaders::rollup},
    {"Incr", &PublishHeaders::increment},
    {"TTL", &PublishHeaders::ttl},
    {"Stream-Source", &PublishHeaders::source},
    {"Batch-Id", &PublishHeaders::batch_id},
    {"Batch-Sequence", &PublishHeaders::batch_seq},
    {"Batch-Commit", &PublishHeaders::batch_commit},
    {"Required-Api-Level", &PublishHeaders::required_level},
    {"Schedule", &PublishHeaders::schedule},
    {"Schedule-Target", &PublishHeaders::schedule_target},
    {"Schedule-Source", &PublishHeaders::schedule_source},
    {"Schedule-TTL", &PublishHeaders::schedule_ttl},
    {"Schedule-Time-Zone", &PublishHeaders::schedule_zone},
    {"Schedule-Rollup", &PublishHeaders::schedule_rollup},
    {"Schedule-Next", &PublishHeaders::schedule_next},
    {"Scheduler", &PublishHeaders::scheduler},
};

}  // namespace

PublishHeaders PublishHeaders::Read(std::string_view headers) {
  PublishHeaders out;
  out.block = headers;
  for (protocol::HeaderCursor line(headers); line.Next();) {
    std::string_view key = line.key();
    if (!key.starts_with("Nats-")) {
      continue;
    }
    key.remove_prefix(5);
    for (const Row& row : kRows) {
      if (key == row.name) {
        std::string_view& field = out.*row.field;
        out.more = out.more || &field != &out.id;
        field = IsThere(field) ? field : line.value().empty() ? "" : line.value();
        break;
      }
    }
    out.request_info = out.request_info || key == "Request-Info";
  }
  return out;
}

}  // namespace weir::jetstream

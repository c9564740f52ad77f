#include "ingest/log_source.h"

#include <algorithm>

#include "protocol/base/strings.h"
#include "protocol/subject.h"

namespace weir::ingest {

LogSource::LogSource(std::unique_ptr<jetstream::LogCursor> cursor, std::vector<std::string> filters)
    : cursor_(std::move(cursor)), filters_(std::move(filters)) {
  const auto& identity = cursor_->identity();
  identity_ = Cat(identity.id.value(), ":", identity.created_ns);
}

bool LogSource::Wanted(std::string_view subject) const {
  return std::any_of(filters_.begin(), filters_.end(),
                     [&](const std::string& filter) { return protocol::Matches(subject, filter); });
}

StatusOr<Source::Bounds> LogSource::bounds() {
  WEIR_ASSIGN_OR_RETURN(auto bounds, cursor_->bounds());
  return Bounds{bounds.first, bounds.last, bounds.messages};
}

StatusOr<Source::Run> LogSource::Read(StreamSeq from, StreamSeq upto, size_t max_messages,
                                      size_t max_bytes, std::chrono::milliseconds wait) {
  WEIR_ASSIGN_OR_RETURN(auto run, cursor_->Read(from, upto, max_messages, max_bytes, wait));
  Run out;
  out.first = run.first;
  out.last = run.last;
  if (!filters_.empty()) {
    size_t before = run.messages.size();
    std::erase_if(run.messages, [&](const storage::StoredMessage& message) {
      return !Wanted(message.view.subject);
    });
    out.skipped = before - run.messages.size();
  }
  out.messages = std::move(run.messages);
  return out;
}

}  // namespace weir::ingest

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ingest/source.h"
#include "jetstream/log_cursor.h"

namespace weir::ingest {

// A stream of this server, read through its log cursor (architecture 7.5); applies the filters.
class LogSource : public Source {
 public:
  LogSource(std::unique_ptr<jetstream::LogCursor> cursor, std::vector<std::string> filters);

  const std::string& identity() const override { return identity_; }
  StatusOr<Bounds> bounds() override;
  StatusOr<Run> Read(StreamSeq from, StreamSeq upto, size_t max_messages, size_t max_bytes,
                     std::chrono::milliseconds wait) override;
  Status MoveFloor(StreamSeq seq) override { return cursor_->MoveFloor(seq); }
  void Cancel() override { cursor_->Cancel(); }

 private:
  bool Wanted(std::string_view subject) const;

  std::unique_ptr<jetstream::LogCursor> cursor_;
  const std::vector<std::string> filters_;
  std::string identity_;
};

}  // namespace weir::ingest

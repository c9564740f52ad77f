#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ingest/batch_writer.h"
#include "ingest/decoder.h"
#include "ingest/pipeline_config.h"
#include "ingest/pipeline_status.h"
#include "ingest/sink.h"
#include "ingest/source.h"
#include "ingest/table_schema.h"
#include "protocol/base/executor.h"
#include "protocol/base/log.h"
#include "protocol/base/mutex.h"
#include "protocol/base/nuid.h"

namespace weir::ingest {

// What a pipeline gets from outside; all of it outlives the pipeline. Factories are called on the
// pipeline's thread and may block.
struct PipelineParts {
  std::function<StatusOr<std::unique_ptr<Source>>(const ExportSpec&)> open_source;
  std::function<StatusOr<std::unique_ptr<Sink>>(const ExportSpec&)> make_sink;
  Clock& clock;
  Log& log;
  std::chrono::milliseconds retry_base{200};  // doubles up to retry_max, with jitter
  std::chrono::milliseconds retry_max{30'000};
};

// One export: read → decode → batch → write → move the floor (architecture 7.5).
//
// A batch is a closed interval of the stream's sequences. While one batch commits, the next is read
// and decoded; there are never more than two. The position is the target's: after any trouble the
// pipeline opens everything again and goes on from what the target says, so a crash or an outage
// between any two steps neither loses nor repeats a row. Outages are waited out for ever with
// back-off; mistakes end the run with an error.
//
// Run() blocks until the stop rule is reached, Stop() is called or the run fails; it wants a thread
// of its own. Stop() and status() are thread-safe.
class Pipeline {
 public:
  Pipeline(ExportSpec spec, PipelineParts parts);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  void Run();
  // The batch under way is finished or abandoned; nothing is lost either way.
  void Stop();
  PipelineStatus status() const;
  const ExportSpec& spec() const { return spec_; }

 private:
  // Everything that lives from one opening of source and sink to the next.
  struct Session {
    std::unique_ptr<Sink> sink;
    FieldTable fields;
    std::unique_ptr<Decoder> decoder;
    std::unique_ptr<TableSchema> schema;
    std::unique_ptr<RowBatch> batch;  // being filled
    StreamSeq next = 0;               // to be read
    StreamSeq handed_over = 0;        // last sequence given to the writer, or the position
    StreamSeq floor = 0;
    std::vector<Gap> gaps;                // for the open batch
    int64_t batch_started_ns = 0;         // steady; 0: the batch is empty
    int64_t last_message_ns = 0;          // steady; when something last came
    bool at_end = false;                  // a stop rule was met
    std::unique_ptr<BatchWriter> writer;  // last: stops before what it uses goes away
  };

  Status RunOnce();
  Status OpenAll(Session& session);
  StatusOr<StreamSeq> FirstWanted(const Source::Bounds& bounds);
  Status TakePosition(Session& session, const SinkPosition& found, const SinkPosition& initial,
                      const Source::Bounds& bounds);
  Status AdoptTable(Session& session);
  void ChooseTarget(const Source::Bounds& bounds, StreamSeq position);
  Status Loop(Session& session);
  Status ReadOnce(Session& session);
  Status TakeRun(Session& session, Source::Run run);
  bool StopsBefore(const storage::MessageView& message) const;
  Status NoteGap(Session& session, const Source::Run& run);
  Status AddGap(Session& session, StreamSeq from, StreamSeq to);
  Status HandOver(Session& session);
  Status CheckBadRows(const RowBatch& batch);
  Status MoveFloor(Session& session);
  bool BatchIsFull(const Session& session) const;
  bool BatchIsOld(const Session& session) const;
  bool NothingMoreToCome(const Session& session) const;
  std::chrono::milliseconds ReadPatience(const Session& session) const;

  bool ShouldRetry(const Status& status) const;
  void WaitToRetry(uint64_t attempt);
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  void SetState(PipelineState state, std::string_view error = {});
  void NoteCommitted(const BatchWriter::Committed& committed);
  void Finish(const Status& status);
  std::string_view label() const { return spec_.name; }

  const ExportSpec spec_;
  PipelineParts parts_;
  Random random_;
  std::atomic<bool> stopping_{false};

  // Of the pipeline's thread; kept over reopenings.
  std::optional<StreamSeq> target_;  // the last sequence wanted
  uint64_t messages_committed_ = 0;  // for the rule messages:N; under status_mu_
  uint64_t messages_taken_ = 0;      // in this session
  std::unique_ptr<Source> source_;   // replaced under stop_mu_

  mutable Mutex status_mu_;
  PipelineStatus status_ ABSL_GUARDED_BY(status_mu_);

  Mutex stop_mu_;  // source_ for Stop(), and the wait between retries
  std::condition_variable stop_changed_;
};

}  // namespace weir::ingest

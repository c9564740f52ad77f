#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "ingest/row_batch.h"
#include "ingest/sink.h"
#include "protocol/base/mutex.h"
#include "protocol/base/status.h"

namespace weir::ingest {

// A settled batch with everything that its write needs.
struct PendingBatch {
  std::unique_ptr<RowBatch> rows;
  SchemaPlan plan;
  std::vector<Gap> gaps;
  StreamSeq previous = 0;
  uint64_t bad_rows_left = UINT64_MAX;
};

// Commits one batch on its own thread while the pipeline decodes the next: at most two batches
// exist, and that is the back-pressure. The first error stops it for good.
//
// Submit() and the accessors belong to the pipeline's thread.
class BatchWriter {
 public:
  struct Committed {
    StreamSeq last = 0;
    WriteResult result;
    size_t bytes = 0;
    int64_t newest_time_ns = 0;
    uint64_t rejected = 0;  // by decoder and schema
  };
  using OnCommitted = std::function<void(const Committed&)>;  // on the writer's thread

  BatchWriter(Sink& sink, OnCommitted on_committed);
  ~BatchWriter();  // waits for the running write

  BatchWriter(const BatchWriter&) = delete;
  BatchWriter& operator=(const BatchWriter&) = delete;

  // Waits until the batch before is through, then hands this one over. Returns an empty batch to
  // fill. The earlier batch's error comes out here.
  StatusOr<std::unique_ptr<RowBatch>> Submit(PendingBatch batch);

  // Waits for the batch under way.
  Status Drain();
  bool busy();
  // The last sequence of the newest committed batch; 0: none yet.
  StreamSeq committed();

 private:
  void ThreadMain();

  Sink& sink_;
  const OnCommitted on_committed_;

  Mutex mu_;
  std::condition_variable changed_;
  bool has_batch_ ABSL_GUARDED_BY(mu_) = false;  // handed over and not yet through
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  PendingBatch batch_;  // of the writer while has_batch_, else of the pipeline
  Status error_ ABSL_GUARDED_BY(mu_);
  StreamSeq committed_ ABSL_GUARDED_BY(mu_) = 0;

  std::thread thread_;  // last: starts when all of the above exists
};

}  // namespace weir::ingest

#include "ingest/batch_writer.h"

#include <pthread.h>

namespace weir::ingest {

BatchWriter::BatchWriter(Sink& sink, OnCommitted on_committed)
    : sink_(sink), on_committed_(std::move(on_committed)), thread_([this] { ThreadMain(); }) {
  pthread_setname_np(thread_.native_handle(), "weir-export-wr");
}

BatchWriter::~BatchWriter() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

StatusOr<std::unique_ptr<RowBatch>> BatchWriter::Submit(PendingBatch batch) {
  MutexLock lock(mu_);
  while (has_batch_) {
    lock.Wait(changed_);
  }
  WEIR_RETURN_IF_ERROR(error_);
  std::unique_ptr<RowBatch> empty = std::move(batch_.rows);
  batch_ = std::move(batch);
  has_batch_ = true;
  changed_.notify_all();
  if (empty == nullptr) {
    empty = std::make_unique<RowBatch>();
  }
  return empty;
}

Status BatchWriter::Drain() {
  MutexLock lock(mu_);
  while (has_batch_) {
    lock.Wait(changed_);
  }
  return error_;
}

bool BatchWriter::busy() {
  MutexLock lock(mu_);
  return has_batch_;
}

StreamSeq BatchWriter::committed() {
  MutexLock lock(mu_);
  return committed_;
}

void BatchWriter::ThreadMain() {
  for (;;) {
    {
      MutexLock lock(mu_);
      while (!has_batch_ && !stopping_) {
        lock.Wait(changed_);
      }
      if (!has_batch_) {
        return;
      }
    }
    const RowBatch& rows = *batch_.rows;
    auto result = sink_.Write(
        {rows, batch_.plan, batch_.previous, rows.last(), batch_.gaps, batch_.bad_rows_left});
    if (result.ok()) {
      Committed committed{rows.last(), *result, rows.bytes(), 0, rows.rejected().size()};
      if (rows.rows() > 0) {
        committed.newest_time_ns = rows.message(rows.rows() - 1).time_ns;
      }
      on_committed_(committed);
    }
    StreamSeq last = rows.last();
    batch_.rows->Clear();
    MutexLock lock(mu_);
    if (result.ok()) {
      committed_ = last;
    } else {
      error_ = result.status();
    }
    has_batch_ = false;
    changed_.notify_all();
  }
}

}  // namespace weir::ingest

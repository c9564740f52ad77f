#include "ingest/pipeline.h"

#include <algorithm>

#include "ingest/address.h"
#include "ingest/start_position.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

using std::chrono::milliseconds;

constexpr size_t kGapsKept = 100;
// How long a read waits for news when nothing else is due.
constexpr milliseconds kIdleRead{1000};
// The same while a batch is being committed.
constexpr milliseconds kBusyRead{50};

bool HasContent(const RowBatch& batch) {
  return !batch.empty();
}

}  // namespace

Pipeline::Pipeline(ExportSpec spec, PipelineParts parts)
    : spec_(std::move(spec)), parts_(std::move(parts)) {
  status_.name = spec_.name;
  status_.account = spec_.account;
  status_.stream = spec_.stream;
  status_.sink = MaskAddress(spec_.sink);
  status_.table = spec_.table;
  status_.stop = ToString(spec_.stop);
  status_.started_ns = status_.updated_ns = parts_.clock.wall_ns();
}

Pipeline::~Pipeline() = default;

void Pipeline::Run() {
  Status status;
  for (uint64_t attempt = 0; !stopping(); ++attempt) {
    uint64_t batches_before = this->status().batches;
    status = RunOnce();
    if (stopping() || !ShouldRetry(status)) {
      break;
    }
    if (this->status().batches != batches_before) {
      attempt = 0;  // it worked in between: begin with short waits again
    }
    parts_.log.Warn("export ", label(), ": ", PipelineStateName(this->status().state), ": ",
                    Message(status));
    WaitToRetry(attempt);
  }
  Finish(status);
}

void Pipeline::Stop() {
  stopping_.store(true, std::memory_order_release);
  MutexLock lock(stop_mu_);
  if (source_ != nullptr) {
    source_->Cancel();
  }
  stop_changed_.notify_all();
}

PipelineStatus Pipeline::status() const {
  MutexLock lock(status_mu_);
  return status_;
}

Status Pipeline::RunOnce() {
  Session session;
  Status status = OpenAll(session);
  if (status.ok()) {
    status = Loop(session);
  }
  if (session.writer != nullptr) {
    // What is under way may finish; its error is the more telling one.
    Status written = session.writer->Drain();
    if (written.ok()) {
      IgnoreError(MoveFloor(session), "the next session moves it again");
    } else {
      status = written;
      SetState(PipelineState::kWaitingForSink, Message(written));
    }
  }
  session.writer.reset();
  session.sink.reset();
  MutexLock lock(stop_mu_);
  source_.reset();
  return status;
}

// Source first: its identity belongs into the target's first position.
Status Pipeline::OpenAll(Session& session) {
  auto source = parts_.open_source(spec_);
  if (!source.ok()) {
    SetState(PipelineState::kWaitingForStream, Message(source.status()));
    return source.status();
  }
  {
    MutexLock lock(stop_mu_);
    source_ = *std::move(source);
  }
  if (stopping()) {
    return Cancelled("stopped");
  }
  auto bounds = source_->bounds();
  if (!bounds.ok()) {
    SetState(PipelineState::kWaitingForStream, Message(bounds.status()));
    return bounds.status();
  }
  WEIR_ASSIGN_OR_RETURN(StreamSeq first, FirstWanted(*bounds));
  SinkPosition initial{source_->identity(), first - 1};
  WEIR_ASSIGN_OR_RETURN(session.sink, parts_.make_sink(spec_));
  auto found = session.sink->Open(initial);
  if (!found.ok()) {
    SetState(PipelineState::kWaitingForSink, Message(found.status()));
    return found.status();
  }
  WEIR_RETURN_IF_ERROR(TakePosition(session, found->value_or(initial), initial, *bounds));
  WEIR_RETURN_IF_ERROR(AdoptTable(session));
  ChooseTarget(*bounds, session.handed_over);
  session.writer = std::make_unique<BatchWriter>(
      *session.sink, [this](const BatchWriter::Committed& done) { NoteCommitted(done); });
  session.last_message_ns = parts_.clock.steady_ns();
  SetState(PipelineState::kRunning);
  return OkStatus();
}

StatusOr<StreamSeq> Pipeline::FirstWanted(const Source::Bounds& bounds) {
  switch (spec_.start.kind) {
    case StartRule::Kind::kEarliest:
      return std::max<StreamSeq>(bounds.first, 1);
    case StartRule::Kind::kNew:
      return bounds.last + 1;
    case StartRule::Kind::kSequence:
      return std::max<StreamSeq>(spec_.start.sequence, 1);
    case StartRule::Kind::kTime:
      return FirstAtOrAfter(*source_, bounds, spec_.start.time_ns);
  }
  return Internal("no such start rule");
}

Status Pipeline::TakePosition(Session& session, const SinkPosition& found,
                              const SinkPosition& initial, const Source::Bounds& bounds) {
  SinkPosition position = found;
  bool other = position.stream_identity != initial.stream_identity;
  bool shorter = !other && position.last_seq > bounds.last && position.last_seq > initial.last_seq;
  if (other || shorter) {
    std::string what =
        other ? Cat("the stream ", spec_.stream, " was deleted and created again since")
              : Cat("the stream ", spec_.stream, " ends at ", bounds.last,
                    ": it was emptied or set back since");
    if (spec_.on_recreate == OnRecreate::kFail) {
      return FailedPrecondition(Cat(what, " the export wrote up to sequence ", position.last_seq,
                                    "; on_recreate: restart would put the table aside and begin "
                                    "again"));
    }
    WEIR_ASSIGN_OR_RETURN(std::string aside, session.sink->StartOver(initial));
    parts_.log.Warn("export ", label(), ": ", what, "; beginning again",
                    aside.empty() ? "" : ", the rows so far are in ", aside);
    position = initial;
  }
  session.handed_over = session.floor = position.last_seq;
  session.next = position.last_seq + 1;
  messages_taken_ = messages_committed_;
  {
    MutexLock lock(status_mu_);
    if (status_.batches == 0) {
      status_.start_seq = position.last_seq;
    }
    status_.position = position.last_seq;
    status_.stream_first = bounds.first;
    status_.stream_last = bounds.last;
    status_.guarantee = std::string(session.sink->traits().guarantee);
  }
  if (bounds.first > session.next) {
    StreamSeq from = session.next;
    session.next = bounds.first;
    return AddGap(session, from, bounds.first - 1);
  }
  return OkStatus();
}

Status Pipeline::AdoptTable(Session& session) {
  WEIR_ASSIGN_OR_RETURN(auto columns, session.sink->DescribeTable());
  if (!columns && !spec_.create_table) {
    return FailedPrecondition(
        Cat("the table ", spec_.table, " does not exist, and create_table is false"));
  }
  TableSchema::Options options{spec_.type_hints,  Decoder::FixedColumns(spec_.layout),
                               spec_.primary_key, spec_.contract,
                               spec_.type_drift,  spec_.max_columns,
                               spec_.create_table};
  if (spec_.strategy != Strategy::kMerge) {
    options.primary_key.clear();
  }
  session.decoder = std::make_unique<Decoder>(spec_.layout, session.fields, spec_.max_columns);
  session.schema =
      std::make_unique<TableSchema>(std::move(options), session.sink->traits(), session.fields);
  if (columns) {
    session.schema->Adopt(*columns);
  }
  session.batch = std::make_unique<RowBatch>();
  return OkStatus();
}

// Fixed once per run: a retry must not move the end further away.
void Pipeline::ChooseTarget(const Source::Bounds& bounds, StreamSeq position) {
  if (!target_ && spec_.stop.kind == StopRule::Kind::kLatest) {
    target_ = std::max(bounds.last, position);
  }
  if (!target_ && spec_.stop.kind == StopRule::Kind::kSequence) {
    target_ = spec_.stop.sequence;
  }
  MutexLock lock(status_mu_);
  status_.target_seq = target_.value_or(0);
}

Status Pipeline::Loop(Session& session) {
  while (!stopping()) {
    if (target_ && session.next > *target_) {
      session.at_end = true;
    }
    if (spec_.stop.kind == StopRule::Kind::kMessages && messages_taken_ >= spec_.stop.messages) {
      session.at_end = true;
    }
    if (session.at_end) {
      WEIR_RETURN_IF_ERROR(HandOver(session));
      WEIR_RETURN_IF_ERROR(session.writer->Drain());
      IgnoreError(MoveFloor(session), "the next run moves it");
      return OkStatus();
    }
    WEIR_RETURN_IF_ERROR(ReadOnce(session));
    if (BatchIsFull(session) || BatchIsOld(session)) {
      WEIR_RETURN_IF_ERROR(HandOver(session));
    }
    WEIR_RETURN_IF_ERROR(MoveFloor(session));
  }
  return Cancelled("stopped");
}

Status Pipeline::ReadOnce(Session& session) {
  const RowBatch& batch = *session.batch;
  size_t room_rows = spec_.batch_rows - (batch.rows() + batch.rejected().size());
  size_t room_bytes = spec_.batch_bytes - std::min(spec_.batch_bytes - 1, batch.bytes());
  if (spec_.stop.kind == StopRule::Kind::kMessages) {
    room_rows = std::min<size_t>(room_rows, spec_.stop.messages - messages_taken_);
  }
  auto run = source_->Read(session.next, target_.value_or(0), room_rows, room_bytes,
                           ReadPatience(session));
  if (!run.ok()) {
    if (!stopping()) {
      SetState(PipelineState::kWaitingForStream, Message(run.status()));
    }
    return run.status();
  }
  if (run->last != 0) {
    return TakeRun(session, *std::move(run));
  }
  if (NothingMoreToCome(session)) {
    session.at_end = true;
    return OkStatus();
  }
  // Caught up: the time is there to see the running commit through and let retention follow.
  return session.writer->Drain();
}

bool Pipeline::StopsBefore(const storage::MessageView& message) const {
  return spec_.stop.kind == StopRule::Kind::kTime && message.time_ns >= spec_.stop.time_ns;
}

Status Pipeline::TakeRun(Session& session, Source::Run run) {
  WEIR_RETURN_IF_ERROR(NoteGap(session, run));
  session.last_message_ns = parts_.clock.steady_ns();
  if (session.batch_started_ns == 0) {
    session.batch_started_ns = session.last_message_ns;
  }
  StreamSeq last = run.last;
  for (const storage::StoredMessage& message : run.messages) {
    bool counted_out =
        spec_.stop.kind == StopRule::Kind::kMessages && messages_taken_ >= spec_.stop.messages;
    if (counted_out || StopsBefore(message.view)) {
      last = message.view.seq - 1;
      session.at_end = true;
      break;
    }
    session.decoder->Decode(message, *session.batch);
    ++messages_taken_;
  }
  session.next = last + 1;
  MutexLock lock(status_mu_);
  status_.skipped += run.skipped;
  status_.stream_last = std::max(status_.stream_last, last);
  status_.duplicate_keys = session.decoder->duplicate_keys();
  return OkStatus();
}

// Numbers that are missing at the front of a run were deleted one by one, which is no gap, or have
// left the stream by retention before they were read, which is one. The stream's first tells.
Status Pipeline::NoteGap(Session& session, const Source::Run& run) {
  bool complete = run.first == session.next && !run.messages.empty() &&
                  run.messages.front().view.seq == session.next;
  if (complete) {
    return OkStatus();
  }
  WEIR_ASSIGN_OR_RETURN(Source::Bounds bounds, source_->bounds());
  StreamSeq present =
      std::min(bounds.first, run.messages.empty() ? std::max(run.last + 1, run.first)
                                                  : run.messages.front().view.seq);
  if (present > session.next) {
    return AddGap(session, session.next, present - 1);
  }
  return OkStatus();
}

Status Pipeline::AddGap(Session& session, StreamSeq from, StreamSeq to) {
  Gap gap{from, to, "left the stream before it was exported"};
  parts_.log.Warn("export ", label(), ": the messages ", from, " to ", to, " of ", spec_.stream,
                  " ", gap.reason);
  {
    MutexLock lock(status_mu_);
    if (status_.gaps.size() < kGapsKept) {
      status_.gaps.push_back(gap);
    }
  }
  if (spec_.on_gap == OnGap::kFail) {
    return DataLoss(Cat("the messages ", from, " to ", to, " of ", spec_.stream, " ", gap.reason));
  }
  session.gaps.push_back(std::move(gap));
  return OkStatus();
}

Status Pipeline::HandOver(Session& session) {
  StreamSeq last = session.next - 1;
  if (last == session.handed_over) {
    session.batch_started_ns = 0;
    return OkStatus();
  }
  RowBatch& batch = *session.batch;
  batch.SetInterval(session.handed_over + 1, last);
  batch.Pad();
  WEIR_ASSIGN_OR_RETURN(SchemaPlan plan, session.schema->Settle(batch));
  if (spec_.max_bad_rows > 0) {
    // The count must be exact, so the batch before must be counted.
    WEIR_RETURN_IF_ERROR(session.writer->Drain());
  }
  WEIR_RETURN_IF_ERROR(CheckBadRows(batch));
  PendingBatch pending;
  pending.plan = std::move(plan);
  pending.gaps = std::move(session.gaps);
  pending.previous = session.handed_over;
  if (spec_.max_bad_rows > 0) {
    pending.bad_rows_left = spec_.max_bad_rows - status().bad_rows - batch.rejected().size();
  }
  pending.rows = std::move(session.batch);
  session.gaps.clear();
  WEIR_ASSIGN_OR_RETURN(session.batch, session.writer->Submit(std::move(pending)));
  session.handed_over = last;
  session.batch_started_ns = 0;
  return OkStatus();
}

Status Pipeline::CheckBadRows(const RowBatch& batch) {
  if (batch.rejected().empty()) {
    return OkStatus();
  }
  const RejectedRow& first = batch.rejected().front();
  std::string what =
      Cat("sequence ", first.message.seq, " (", first.message.subject, "): ", first.reason);
  uint64_t so_far = 0;
  {
    MutexLock lock(status_mu_);
    status_.last_bad_row = what;
    so_far = status_.bad_rows;
  }
  if (spec_.on_bad_row == BadRowPolicy::kFail) {
    return ResourceExhausted(Cat("a bad row and on_bad_row is fail: ", what));
  }
  if (spec_.max_bad_rows > 0 && so_far + batch.rejected().size() > spec_.max_bad_rows) {
    return ResourceExhausted(Cat("more than ", spec_.max_bad_rows, " bad rows; ", what));
  }
  parts_.log.Warn("export ", label(), ": ", batch.rejected().size(),
                  spec_.on_bad_row == BadRowPolicy::kSkip ? " bad rows skipped, the first: "
                                                          : " bad rows put aside, the first: ",
                  what);
  return OkStatus();
}

Status Pipeline::MoveFloor(Session& session) {
  StreamSeq committed = session.writer->committed();
  if (committed <= session.floor) {
    return OkStatus();
  }
  session.floor = committed;
  Status moved = source_->MoveFloor(committed);
  // Somebody has deleted the export's consumer, or the stream: opening again makes the one anew and
  // tells the other.
  return moved.code() == StatusCode::kNotFound ? Unavailable(Message(moved)) : moved;
}

bool Pipeline::BatchIsFull(const Session& session) const {
  const RowBatch& batch = *session.batch;
  return batch.rows() + batch.rejected().size() >= spec_.batch_rows ||
         batch.bytes() >= spec_.batch_bytes;
}

bool Pipeline::BatchIsOld(const Session& session) const {
  return session.batch_started_ns != 0 &&
         parts_.clock.steady_ns() - session.batch_started_ns >= spec_.batch_interval_ns;
}

bool Pipeline::NothingMoreToCome(const Session& session) const {
  if (spec_.stop.kind == StopRule::Kind::kTime) {
    return parts_.clock.wall_ns() >= spec_.stop.time_ns;
  }
  return spec_.stop.kind == StopRule::Kind::kIdle &&
         parts_.clock.steady_ns() - session.last_message_ns >= spec_.stop.idle_ns;
}

milliseconds Pipeline::ReadPatience(const Session& session) const {
  int64_t now = parts_.clock.steady_ns();
  int64_t wait_ns = std::chrono::nanoseconds(kIdleRead).count();
  if (session.batch_started_ns != 0) {
    wait_ns = std::min(wait_ns, session.batch_started_ns + spec_.batch_interval_ns - now);
  }
  if (spec_.stop.kind == StopRule::Kind::kIdle) {
    wait_ns = std::min(wait_ns, session.last_message_ns + spec_.stop.idle_ns - now);
  }
  if (session.writer->busy() && !HasContent(*session.batch)) {
    // Its floor waits to be moved. Long enough for the stream's home to answer when there is more.
    wait_ns = std::min(wait_ns, std::chrono::nanoseconds(kBusyRead).count());
  }
  return milliseconds(std::max<int64_t>(0, (wait_ns + 999'999) / 1'000'000));
}

bool Pipeline::ShouldRetry(const Status& status) const {
  if (status.code() == StatusCode::kUnavailable) {
    return true;
  }
  // A stream that an export for ever waits for may come later.
  return status.code() == StatusCode::kNotFound && spec_.stop.kind == StopRule::Kind::kNever;
}

void Pipeline::WaitToRetry(uint64_t attempt) {
  auto wait = parts_.retry_base * (int64_t{1} << std::min<uint64_t>(attempt, 16));
  wait = std::min<milliseconds>(wait, parts_.retry_max);
  // Half of it at least: exports that failed together do not come back together.
  wait = wait / 2 + milliseconds(random_.Below(static_cast<uint64_t>(wait.count() / 2) + 1));
  {
    MutexLock lock(status_mu_);
    ++status_.retries;
  }
  auto until = std::chrono::steady_clock::now() + wait;
  MutexLock lock(stop_mu_);
  while (!stopping() && std::chrono::steady_clock::now() < until) {
    lock.WaitFor(stop_changed_, until - std::chrono::steady_clock::now());
  }
}

void Pipeline::SetState(PipelineState state, std::string_view error) {
  MutexLock lock(status_mu_);
  status_.state = state;
  status_.error = std::string(error);
  status_.updated_ns = parts_.clock.wall_ns();
}

void Pipeline::NoteCommitted(const BatchWriter::Committed& committed) {
  MutexLock lock(status_mu_);
  status_.position = committed.last;
  status_.rows += committed.result.rows;
  status_.bytes += committed.bytes;
  status_.bad_rows += committed.rejected + committed.result.bad_rows;
  messages_committed_ += committed.result.rows + committed.rejected + committed.result.bad_rows;
  ++status_.batches;
  if (committed.newest_time_ns != 0) {
    status_.position_time_ns = committed.newest_time_ns;
  }
  if (!committed.result.first_bad_row.empty()) {
    status_.last_bad_row = committed.result.first_bad_row;
  }
  status_.updated_ns = parts_.clock.wall_ns();
}

void Pipeline::Finish(const Status& status) {
  PipelineState state = PipelineState::kFailed;
  if (status.ok() && !stopping()) {
    state = PipelineState::kDone;
  } else if (stopping() || status.code() == StatusCode::kCancelled) {
    state = PipelineState::kStopped;
  }
  SetState(state, state == PipelineState::kFailed ? Message(status) : std::string_view());
  PipelineStatus last = this->status();
  {
    MutexLock lock(status_mu_);
    status_.ended_ns = parts_.clock.wall_ns();
    status_.exit_code = state == PipelineState::kFailed ? ExitCodeOf(status) : 0;
  }
  if (state == PipelineState::kFailed) {
    parts_.log.Error("export ", label(), " failed: ", Message(status));
    return;
  }
  parts_.log.Info("export ", label(), ": ", PipelineStateName(state), " at sequence ",
                  last.position, ", ", last.rows, " rows, ", last.bad_rows, " bad rows");
}

}  // namespace weir::ingest

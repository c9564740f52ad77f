#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/source.h"
#include "protocol/base/bytes.h"
#include "protocol/base/executor.h"
#include "protocol/base/mutex.h"
#include "protocol/base/strings.h"

namespace weir::ingest {

// A message that owns its bytes.
inline storage::StoredMessage MakeMessage(StreamSeq seq, std::string_view payload,
                                          std::string_view subject = "orders.new",
                                          std::string_view headers = {}, int64_t time_ns = 0) {
  SharedBytes bytes = SharedBytes::Copy(Cat(subject, headers, payload));
  storage::StoredMessage message;
  message.view.seq = seq;
  message.view.time_ns = time_ns;
  message.view.subject = bytes.view().substr(0, subject.size());
  message.view.headers = bytes.view().substr(subject.size(), headers.size());
  message.view.payload = bytes.view().substr(subject.size() + headers.size());
  message.keep = std::move(bytes);
  return message;
}

// A stream in memory that outlives the sources reading it, as a server's does. Thread-safe.
struct FakeStream {
  Mutex mu;
  std::map<StreamSeq, storage::StoredMessage> messages ABSL_GUARDED_BY(mu);
  StreamSeq first ABSL_GUARDED_BY(mu) = 1;
  StreamSeq last ABSL_GUARDED_BY(mu) = 0;
  StreamSeq floor ABSL_GUARDED_BY(mu) = 0;
  std::string identity = "1:1000";
  size_t run_length = 7;  // messages per run at most
  // Called before each operation ("read", "floor"); an error is returned instead.
  std::function<Status(std::string_view operation)> failpoint;

  void Append(std::string_view payload, std::string_view subject = "orders.new",
              int64_t time_ns = 0) {
    MutexLock lock(mu);
    ++last;
    messages.emplace(last, MakeMessage(last, payload, subject, {}, time_ns));
  }
  void TrimTo(StreamSeq seq) {
    MutexLock lock(mu);
    messages.erase(messages.begin(), messages.lower_bound(seq));
    first = std::max(first, seq);
    last = std::max(last, seq - 1);
  }
  void Remove(StreamSeq seq) {
    MutexLock lock(mu);
    messages.erase(seq);
  }
  StreamSeq floor_now() {
    MutexLock lock(mu);
    return floor;
  }
};

// Never waits: an empty read comes back at once, and `on_idle` (of the test) decides what happens
// next, for example by stopping the pipeline.
class FakeSource : public Source {
 public:
  explicit FakeSource(FakeStream& stream, std::function<void()> on_idle = {})
      : stream_(stream), on_idle_(std::move(on_idle)) {}

  const std::string& identity() const override { return stream_.identity; }

  StatusOr<Bounds> bounds() override {
    MutexLock lock(stream_.mu);
    return Bounds{stream_.first, stream_.last, stream_.messages.size()};
  }

  StatusOr<Run> Read(StreamSeq from, StreamSeq upto, size_t max_messages, size_t /*max_bytes*/,
                     std::chrono::milliseconds /*wait*/) override {
    WEIR_RETURN_IF_ERROR(Check("read"));
    Run run;
    {
      MutexLock lock(stream_.mu);
      StreamSeq end = upto == 0 ? stream_.last : std::min(upto, stream_.last);
      size_t limit = std::min(max_messages, stream_.run_length);
      for (auto at = stream_.messages.lower_bound(from);
           at != stream_.messages.end() && at->first <= end && run.messages.size() < limit; ++at) {
        run.messages.push_back(at->second);
      }
      if (from <= end) {
        run.first = std::max(from, stream_.first);
        run.last = run.messages.size() == limit ? run.messages.back().view.seq : end;
      }
    }
    if (run.last == 0 && on_idle_) {
      on_idle_();
    }
    return run;
  }

  Status MoveFloor(StreamSeq seq) override {
    WEIR_RETURN_IF_ERROR(Check("floor"));
    MutexLock lock(stream_.mu);
    stream_.floor = std::max(stream_.floor, seq);
    return OkStatus();
  }

  void Cancel() override {
    MutexLock lock(stream_.mu);
    cancelled_ = true;
  }

 private:
  Status Check(std::string_view operation) {
    if (stream_.failpoint) {
      WEIR_RETURN_IF_ERROR(stream_.failpoint(operation));
    }
    MutexLock lock(stream_.mu);
    return cancelled_ ? Cancelled("cancelled") : OkStatus();
  }

  FakeStream& stream_;
  std::function<void()> on_idle_;
  bool cancelled_ = false;
};

// Moves by hand. Thread-safe.
class HandClock : public Clock {
 public:
  int64_t steady_ns() const override { return now_.load(); }
  int64_t wall_ns() const override { return kStart + now_.load() - 1; }
  void Advance(int64_t ns) { now_ += ns; }

  static constexpr int64_t kStart = 1'700'000'000'000'000'000;

 private:
  std::atomic<int64_t> now_{1};
};

}  // namespace weir::ingest

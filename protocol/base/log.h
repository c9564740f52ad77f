#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "protocol/base/mutex.h"
#include "protocol/base/strings.h"

namespace weir {

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kFatal };

// The server's log: one line per entry in nats-server's shape,
// "[pid] 2026/11/21 14:00:00.000000 [INF] text", to stderr, a file or syslog (the sink).
// Thread-safe; one of the six locks, never held while calling out except into the sink.
class Log {
 public:
  // Takes complete lines, newline included. Runs under the log's lock.
  using Sink = std::function<void(LogLevel, std::string_view line)>;

  Log();  // info and above to stderr
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void set_sink(Sink sink);
  void set_debug(bool on) { debug_.store(on, std::memory_order_relaxed); }
  void set_trace(bool on) { trace_.store(on, std::memory_order_relaxed); }
  void set_timestamps(bool on, bool utc);
  // The id at the front of a line; without timestamps it is left out, as in the reference.
  void set_process_id(int64_t pid);

  bool debug() const { return debug_.load(std::memory_order_relaxed); }
  bool trace() const { return trace_.load(std::memory_order_relaxed); }

  template <typename... Pieces>
  void Info(const Pieces&... pieces) {
    Write(LogLevel::kInfo, Cat(pieces...));
  }
  template <typename... Pieces>
  void Warn(const Pieces&... pieces) {
    Write(LogLevel::kWarning, Cat(pieces...));
  }
  template <typename... Pieces>
  void Error(const Pieces&... pieces) {
    Write(LogLevel::kError, Cat(pieces...));
  }
  // Logs only; whoever calls it ends the process.
  template <typename... Pieces>
  void Fatal(const Pieces&... pieces) {
    Write(LogLevel::kFatal, Cat(pieces...));
  }
  template <typename... Pieces>
  void Debug(const Pieces&... pieces) {
    if (debug()) {
      Write(LogLevel::kDebug, Cat(pieces...));
    }
  }
  template <typename... Pieces>
  void Trace(const Pieces&... pieces) {
    if (trace()) {
      Write(LogLevel::kTrace, Cat(pieces...));
    }
  }

  void Write(LogLevel level, std::string_view text);

 private:
  std::atomic<bool> debug_{false};
  std::atomic<bool> trace_{false};
  Mutex mu_;
  Sink sink_ ABSL_GUARDED_BY(mu_);
  bool timestamps_ ABSL_GUARDED_BY(mu_) = true;
  bool utc_ ABSL_GUARDED_BY(mu_) = false;
  int64_t pid_ ABSL_GUARDED_BY(mu_);
};

}  // namespace weir

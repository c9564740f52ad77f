#include "protocol/base/log.h"

#include <ctime>
#include <utility>

#include <unistd.h>

namespace weir {

namespace {

std::string_view Label(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return "[TRC] ";
    case LogLevel::kDebug:
      return "[DBG] ";
    case LogLevel::kInfo:
      return "[INF] ";
    case LogLevel::kWarning:
      return "[WRN] ";
    case LogLevel::kError:
      return "[ERR] ";
    case LogLevel::kFatal:
      return "[FTL] ";
  }
  return "";
}

std::string Timestamp(bool utc) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  if (utc) {
    gmtime_r(&now.tv_sec, &parts);
  } else {
    localtime_r(&now.tv_sec, &parts);
  }
  char text[64];
  size_t n = std::strftime(text, sizeof text, "%Y/%m/%d %H:%M:%S", &parts);
  std::snprintf(text + n, sizeof text - n, ".%06ld ", now.tv_nsec / 1000);
  return text;
}

void WriteToStderr(LogLevel /*level*/, std::string_view line) {
  // One write per line, so that lines of several processes do not mix; a full pipe loses the line.
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) {
    return;
  }
}

}  // namespace

Log::Log() : sink_(WriteToStderr), pid_(::getpid()) {}

void Log::set_sink(Sink sink) {
  MutexLock lock(mu_);
  sink_ = sink ? std::move(sink) : Sink(WriteToStderr);
}

void Log::set_timestamps(bool on, bool utc) {
  MutexLock lock(mu_);
  timestamps_ = on;
  utc_ = utc;
}

void Log::set_process_id(int64_t pid) {
  MutexLock lock(mu_);
  pid_ = pid;
}

void Log::Write(LogLevel level, std::string_view text) {
  MutexLock lock(mu_);
  std::string line = timestamps_ ? Cat('[', pid_, "] ", Timestamp(utc_), Label(level), text, '\n')
                                 : Cat('[', pid_, "] ", Label(level), text, '\n');
  sink_(level, line);
}

}  // namespace weir

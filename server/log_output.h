#pragma once

#include <memory>
#include <string>

#include "protocol/base/log.h"
#include "protocol/base/status.h"
#include "server/log_file.h"
#include "server/options.h"
#include "server/syslog_writer.h"

namespace weir::server {

// Where the log goes, by configuration: a file, a syslog daemon, or stderr (in colour on a
// terminal). Start() may be called again with other options (reload): the log goes to the old place
// until the new one is open.
//
// Not thread-safe: start, reload and signals are handled on one thread. The log itself may be
// written from any thread meanwhile; when this object goes, it falls back to plain stderr.
class LogOutput {
 public:
  LogOutput(Log& log, std::string program) : log_(log), program_(std::move(program)) {}
  ~LogOutput();
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;

  // Also sets the log's levels and the form of its lines.
  Status Start(const LogOptions& options);

  // Opens the file anew and logs what came of it, in the reference's words.
  void Reopen();

 private:
  struct Place {
    std::unique_ptr<LogFile> file;
    std::unique_ptr<SyslogWriter> syslog;
  };

  Log& log_;
  const std::string program_;
  std::shared_ptr<Place> place_;  // the sink holds it, too
};

// The line with its label in the reference's colours.
std::string ColouredLogLine(LogLevel level, std::string_view line);

}  // namespace weir::server

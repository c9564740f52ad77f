#include "server/log_output.h"

#include <utility>

#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

std::string_view Colour(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "32";
    case LogLevel::kDebug:
      return "36";
    case LogLevel::kWarning:
      return "0;93";
    case LogLevel::kError:
    case LogLevel::kFatal:
      return "31";
    case LogLevel::kTrace:
      return "33";
  }
  return "0";
}

void WriteColoured(LogLevel level, std::string_view line) {
  auto coloured = ColouredLogLine(level, line);
  if (::write(STDERR_FILENO, coloured.data(), coloured.size()) < 0) {
    return;  // nowhere to say so
  }
}

}  // namespace

std::string ColouredLogLine(LogLevel level, std::string_view line) {
  constexpr size_t kLabel = 5;  // "[INF]"
  size_t label = line.find('[', 1);
  if (label == std::string_view::npos || label + kLabel > line.size()) {
    return std::string(line);
  }
  return Cat(line.substr(0, label), "[\x1b[", Colour(level), "m", line.substr(label + 1, 3),
             "\x1b[0m]", line.substr(label + kLabel));
}

LogOutput::~LogOutput() {
  log_.set_sink(nullptr);
}

Status LogOutput::Start(const LogOptions& options) {
  auto place = std::make_shared<Place>();
  Log::Sink sink;
  if (!options.file.empty()) {
    WEIR_ASSIGN_OR_RETURN(place->file,
                          LogFile::Open(options.file, {.size = options.file_size_limit,
                                                       .max_files = options.file_max_num}));
    sink = [place](LogLevel, std::string_view line) {
      place->file->Write(line);
    };
  } else if (!options.remote_syslog.empty()) {
    WEIR_ASSIGN_OR_RETURN(place->syslog, SyslogWriter::Remote(options.remote_syslog, program_));
  } else if (options.syslog) {
    WEIR_ASSIGN_OR_RETURN(place->syslog, SyslogWriter::Local(program_));
  } else if (::isatty(STDERR_FILENO) != 0) {
    sink = WriteColoured;
  }
  if (place->syslog != nullptr) {
    sink = [place](LogLevel level, std::string_view line) {
      place->syslog->Write(level, line);
    };
  }
  place_ = place;
  log_.set_debug(options.debug);
  log_.set_trace(options.trace);
  log_.set_timestamps(options.timestamps, options.timestamps_utc);
  log_.set_sink(std::move(sink));
  return OkStatus();
}

void LogOutput::Reopen() {
  if (place_ == nullptr || place_->file == nullptr) {
    log_.Info("File log re-open ignored, not a file logger");
    return;
  }
  // The sink is swapped for one on a new file, so that the old one is only touched under the log's
  // lock.
  auto fresh = std::make_shared<Place>();
  auto opened = LogFile::Open(place_->file->path(), place_->file->limits());
  if (!opened.ok()) {
    log_.Error("Unable to re-open the log file: ", Message(opened.status()));
    return;
  }
  fresh->file = *std::move(opened);
  place_ = fresh;
  log_.set_sink([fresh](LogLevel, std::string_view line) { fresh->file->Write(line); });
  log_.Info("File log re-opened");
}

}  // namespace weir::server

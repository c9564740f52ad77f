#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/base/status.h"

namespace weir::server {

// A log file that starts anew above a size (server-config.md 11): the full one is renamed to
// "<name>.YYYY.MM.DD.HH.MM.SS.nnnnnnnnn", and of those only the newest are kept. Mode 0640,
// appended to when it exists.
//
// Not thread-safe: it is written under the log's lock. A write that fails loses the line.
class LogFile {
 public:
  struct Limits {
    int64_t size = 0;       // bytes; 0: never rotates
    int64_t max_files = 0;  // the current one included; 0: all are kept
  };

  static StatusOr<std::unique_ptr<LogFile>> Open(const std::string& path, Limits limits);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  void Write(std::string_view line);
  // Closes the file and opens the path again: whoever moved it away gets a new one (SIGUSR1). Keeps
  // the old file when the new one cannot be opened.
  Status Reopen();

  const std::string& path() const { return path_; }
  Limits limits() const { return limits_; }

 private:
  LogFile(std::string path, Limits limits) : path_(std::move(path)), limits_(limits) {}

  void Append(std::string_view line);
  // `prefix` is what stands in front of a line's label: process id and time.
  void Rotate(std::string_view prefix);
  void Purge(std::string_view prefix);

  std::string path_;
  Limits limits_;
  int fd_ = -1;
  int64_t size_ = 0;
  int64_t rotate_above_ = 0;
};

}  // namespace weir::server

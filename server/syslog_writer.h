#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "protocol/base/log.h"
#include "protocol/base/status.h"

namespace weir::server {

// Log lines to a syslog daemon: the local one, or a remote one named by a URL ("udp://host:514",
// "tcp://host:514", "unix:///path"). Facility daemon for the local one and none for the others, and
// the severities, as the reference; the program name is the one that the server was started by.
//
// Not thread-safe: it is written under the log's lock. A message that cannot be sent is tried once
// more on a new connection and then lost.
class SyslogWriter {
 public:
  static StatusOr<std::unique_ptr<SyslogWriter>> Local(std::string program);
  static StatusOr<std::unique_ptr<SyslogWriter>> Remote(std::string_view url, std::string program);
  ~SyslogWriter();
  SyslogWriter(const SyslogWriter&) = delete;
  SyslogWriter& operator=(const SyslogWriter&) = delete;

  // `line` as the log makes it: "[pid] time [LVL] text\n"; only the text is sent.
  void Write(LogLevel level, std::string_view line);

 private:
  enum class Network : uint8_t { kLocal, kUnix, kUdp, kTcp };
  SyslogWriter(Network network, std::string address, std::string program);

  Status Connect();
  bool Send(std::string_view message) const;

  Network network_;
  std::string address_;  // "host:port" or a path
  std::string program_;
  std::string host_name_;
  int fd_ = -1;
};

// The text of a log line: what follows its label.
std::string_view TextOfLogLine(std::string_view line);

}  // namespace weir::server

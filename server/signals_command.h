#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"

namespace weir::server {

// What `--signal` needs of the system; tests bring their own.
struct SignalSystem {
  // Process ids of all running servers but this one.
  std::function<StatusOr<std::vector<int>>()> find_servers;
  // 0, or the errno of the failure.
  std::function<int(int pid, int number)> send;

  // Looks through /proc for processes named nats-server or weir.
  static SignalSystem Real();
};

// Sends a signal to a running server (server-config.md 2): "reload", "stop=123", "ldm=/run/x.pid",
// "quit=12*". Without a process id there must be exactly one server. The error texts are the
// reference's.
Status SendSignalCommand(std::string_view command, const SignalSystem& system);

}  // namespace weir::server

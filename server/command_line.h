#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"
#include "server/options.h"

namespace weir::server {

// What the command line asks for (server-config.md 2), with the configuration file already read and
// the flags laid over it.
struct CommandLine {
  enum class Action : uint8_t {
    kRun,         // start a server with `options`; print `err` (warnings) before
    kExit,        // print `out` and `err` and leave with `exit_code`
    kSendSignal,  // hand `signal` to SendSignalCommand
  };
  Action action = Action::kRun;
  Options options;
  std::string out;  // for stdout
  std::string err;  // for stderr
  int exit_code = 0;
  std::string signal;
};

// `arguments` is argv with its first element, the name that the binary was called by: errors begin
// with "weir: " under that name, with "nats-server: " under any other. Subcommands are main's.
CommandLine ParseCommandLine(std::span<const std::string> arguments);

// The same options again, as a reload sees them: the file is read anew, the flags still win.
StatusOr<Options> LoadOptions(std::span<const std::string> arguments);

// "weir" or "nats-server", by the last part of argv[0].
std::string_view CalledName(std::string_view argv0);

// What --version prints.
std::string VersionText(std::string_view called_name);

// Blanks the secrets of a command line (--user, --pass, --auth, and what stands before an @ in
// --routes, --cluster and --cluster_listen) for whoever shows it.
void RedactArguments(std::vector<std::string>& arguments);

}  // namespace weir::server

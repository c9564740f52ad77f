#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/status.h"
#include "server/options.h"

namespace weir::server {

// The part of the server that a change concerns.
enum class ReloadPart : uint8_t {
  kLog,
  kClientLimits,  // limits of connections that are checked as they happen
  kMaxConnections,
  kInfo,  // what INFO and the monitoring pages show
  kAuthorization,
  kAccounts,
  kTls,
  kJetStream,        // on or off
  kJetStreamSizes,   // max_mem, max_file: only upwards
  kJetStreamLimits,  // for streams and consumers that are created or changed from now on
  kPidFile,
  kPortsFile,
  kExports,
};

struct ReloadChange {
  ReloadPart part;
  std::string text;  // to be logged behind "Reloaded: "
};

// What a reload changes, in the order in which the reference logs it (server-config.md 10). An
// error when something differs that needs a restart: "config reload not supported for MaxPending:
// old=1, new=2"; then nothing may be changed. `fresh` has passed ValidateOptions; a random port in
// it means the one in use.
StatusOr<std::vector<ReloadChange>> CompareOptions(const Options& running, const Options& fresh);

}  // namespace weir::server

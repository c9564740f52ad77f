#pragma once

#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "server/pages.h"

namespace weir::server {

// What a health probe asks for (monitoring.md 11).
struct HealthzOptions {
  bool js_enabled = false;  // deprecated name of the next
  bool js_enabled_only = false;
  bool js_server_only = false;
  bool js_meta_only = false;
  std::string account;
  std::string stream;
  std::string consumer;
  bool details = false;
};

// The answer. Several errors only with `details`.
struct Health {
  struct Error {
    std::string type;  // "CONNECTION", "BAD_REQUEST", "JETSTREAM", "ACCOUNT", "STREAM", "CONSUMER"
    std::string account = {};
    std::string stream = {};
    std::string consumer = {};
    std::string text = {};
  };
  int code = 200;
  std::string status = "ok";
  std::vector<Error> errors;
  bool details = false;
  // Told with details: what of the store is damaged, and whether its disk is full. It serves.
  std::vector<std::string> store = {};

  // `with_code`: over $SYS, where no HTTP status says it.
  std::string Json(bool with_code) const;
};

using HealthDone = absl::AnyInvocable<void(Health) &&>;

// May ask the home of a stream; runs `done` on the first worker.
void CheckHealth(PageSources& sources, HealthzOptions options, HealthDone done);

// The lines that a probe over HTTP leaves in the log.
void LogHealth(Log& log, const HealthzOptions& options, const Health& health);

}  // namespace weir::server

// Composition root: reads the arguments, builds the server with its parts, runs it, and turns
// errors into one line and an exit code.

#include <cstdio>

#include <sodium/core.h>

#include "protocol/base/log.h"
#include "server/options.h"
#include "server/server.h"

int main(int argc, char** argv) {
  if (sodium_init() < 0) {
    return 1;
  }
  weir::Log log;
  weir::server::Options options;
  if (argc > 1) {
    options.client.port = std::atoi(argv[1]);
  }
  if (argc > 2) {
    options.workers = std::atoi(argv[2]);
  }
  weir::server::Server server(options, log);
  weir::Status status = server.Run();
  if (!status.ok()) {
    log.Fatal(weir::Message(status));
    return 1;
  }
  return 0;
}

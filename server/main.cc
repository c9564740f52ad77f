#include <cstdio>
#include <sodium/core.h>
#include "protocol/base/log.h"
#include "server/options.h"
#include "server/server.h"
#include "server/jetstream_part.h"
int main(int argc, char** argv) {
  if (sodium_init() < 0) {
    return 1;
  }
  weir::Log log;
  weir::server::Options options;
  options.client.port = std::atoi(argv[1]);
  options.workers = std::atoi(argv[2]);
  options.jetstream.enabled = argc > 3;
  if (argc > 3) options.jetstream.store_dir = argv[3];
  if (argc > 4) options.jetstream.sync_always = false;
  if (argc > 5) log.set_debug(true);
  weir::server::Server server(options, log);
  std::unique_ptr<weir::server::JetStreamPart> js;
  if (options.jetstream.enabled) { js = std::make_unique<weir::server::JetStreamPart>(server); server.AddPart(js->AsPart()); }
  weir::Status status = server.Run();
  if (!status.ok()) {
    log.Fatal(weir::Message(status));
    return 1;
  }
  return 0;
}

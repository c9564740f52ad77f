// Composition root: reads the arguments, builds the server with its parts, runs it, and turns
// errors into one line and an exit code. The only file that sees every folder.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <sodium/core.h>

#include "ingest/export_commands.h"
#include "ingest/local_source.h"
#include "ingest/pipeline_manager.h"
#include "protocol/base/log.h"
#include "server/jetstream_part.h"
#include "server/options.h"
#include "server/server.h"

namespace weir {
namespace {

// The exports of this server as a part: its manager lives on worker 0 and ends before JetStream
// does.
class ExportsPart {
 public:
  ExportsPart(server::Server& server, server::JetStreamPart& jetstream)
      : server_(server), jetstream_(jetstream) {}

  server::Server::Part AsPart() {
    return {.start = [this] { return Start(); },
            .serve =
                [this](Task next) {
                  manager_->Start();
                  std::move(next)();
                },
            .stop =
                [this] {
                  Stop();
                }};
  }

 private:
  Status Start() {
    const server::Options& options = server_.context().options;
    ingest::ExportsConfig config;
    if (const auto* block = options.exports.if_object()) {
      auto read = ingest::ExportsFromJson(*block);
      if (!read.ok()) {
        return Annotate(read.status(), Cat(options.exports_position, ": exports"));
      }
      config = std::move(*read);
    }
    server::ServerContext& context = server_.context();
    manager_ = std::make_unique<ingest::PipelineManager>(ingest::PipelineManager::Options{
        .router = jetstream_.environment().router,
        .accounts = context.accounts,
        .clock = context.clock,
        .log = context.log,
        .open_source =
            [this](AccountId account, const ingest::ExportSpec& spec) {
              return ingest::OpenLocalSource(jetstream_.jetstream().catalog(), account, spec);
            },
        .make_sink = {},
        .config = std::move(config),
        .state_dir = jetstream_.directory() + "/exports"});
    return OkStatus();
  }

  void Stop() {
    if (!manager_) {
      return;
    }
    server_.RunOnAllWorkers([this](server::Worker& worker) {
      if (worker.index() == 0) {
        manager_->Detach();
      }
    });
    manager_->Shutdown();
  }

  server::Server& server_;
  server::JetStreamPart& jetstream_;
  std::unique_ptr<ingest::PipelineManager> manager_;
};

int RunServer(server::Options options, Log& log) {
  bool with_jetstream = options.jetstream.enabled;
  server::Server server(std::move(options), log);
  std::unique_ptr<server::JetStreamPart> jetstream;
  std::unique_ptr<ExportsPart> exports;
  if (with_jetstream) {
    jetstream = std::make_unique<server::JetStreamPart>(server);
    exports = std::make_unique<ExportsPart>(server, *jetstream);
    server.AddPart(jetstream->AsPart());
    server.AddPart(exports->AsPart());
  }
  Status status = server.Run();
  if (!status.ok()) {
    log.Fatal(Message(status));
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  if (sodium_init() < 0) {
    std::fprintf(stderr, "weir: the random generator of the system cannot be used\n");
    return 1;
  }
  if (argc > 1 && std::string_view(argv[1]) == "export") {
    return weir::ingest::RunExportCommand(argc, argv);
  }
  weir::Log log;
  weir::server::Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view flag(argv[i]);
    auto value = [&] {
      return std::string(i + 1 < argc ? argv[++i] : "");
    };
    if (flag == "--version" || flag == "-v") {
      std::printf("nats-server: v2.15.2\n");
      return 0;
    }
    if (flag == "-c") {
      options.config_file = value();
      if (auto status = weir::server::LoadConfigFile(options.config_file, options); !status.ok()) {
        std::fprintf(stderr, "nats-server: %s\n", std::string(weir::Message(status)).c_str());
        return 1;
      }
    } else if (flag == "-p" || flag == "--port") {
      options.client.port = std::atoi(value().c_str());
    } else if (flag == "-a" || flag == "--addr") {
      options.client.host = value();
    } else if (flag == "-js" || flag == "-jetstream" || flag == "--jetstream") {
      options.jetstream.enabled = true;
    } else if (flag == "-sd" || flag == "--store_dir") {
      options.jetstream.store_dir = value();
    } else if (flag == "-n" || flag == "--name") {
      options.server_name = value();
    } else if (flag == "-D" || flag == "-DV") {
      log.set_debug(true);
    }
  }
  if (auto status = weir::server::ValidateOptions(options); !status.ok()) {
    std::fprintf(stderr, "nats-server: %s\n", std::string(weir::Message(status)).c_str());
    return 1;
  }
  if (auto status = weir::server::RefuseUnsupported(options); !status.ok()) {
    std::fprintf(stderr, "nats-server: %s\n", std::string(weir::Message(status)).c_str());
    return 1;
  }
  return weir::RunServer(std::move(options), log);
}

// Composition root: reads the arguments, builds the server with its parts, runs it, and turns
// errors into one line and an exit code. The only file that sees every folder.

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sodium/core.h>

#include "ingest/export_commands.h"
#include "ingest/local_source.h"
#include "ingest/pipeline_manager.h"
#include "protocol/base/log.h"
#include "server/command_line.h"
#include "server/connection_recorder.h"
#include "server/jetstream_part.h"
#include "server/log_output.h"
#include "server/monitor.h"
#include "server/options.h"
#include "server/prometheus_text.h"
#include "server/server.h"
#include "server/signals_command.h"
#include "server/system_services.h"
#include "storage/store_tool.h"

namespace weir {
namespace {

// The exports of this server as a part: its manager lives on worker 0 and ends before JetStream
// does.
class ExportsPart {
 public:
  ExportsPart(server::Server& server, server::JetStreamPart& jetstream)
      : server_(server), jetstream_(jetstream) {}

  server::Server::Part AsPart() {
    using server::ReloadChange;
    jetstream_.SetDependents([this] { Stop(); }, [this] { Restart(); });
    return {.start = [this] { return jetstream_.running() ? Start() : OkStatus(); },
            .serve =
                [this](Task next) {
                  if (manager_) {
                    manager_->Start();
                  }
                  std::move(next)();
                },
            .stop = [this] { Stop(); },
            .check_reload = [](const server::Options& fresh) { return ReadConfig(fresh).status(); },
            .after_reload =
                [this](const std::vector<ReloadChange>& changes) {
                  for (const ReloadChange& change : changes) {
                    if (change.part == server::ReloadPart::kExports && manager_) {
                      Restart();
                    }
                  }
                }};
  }

  // How far each export is. On worker 0.
  void AddMetrics(server::PrometheusText& out) {
    if (!manager_) {
      return;
    }
    using Type = server::PrometheusText::Type;
    for (const ingest::PipelineStatus& each : manager_->Statuses()) {
      server::PrometheusText::Labels labels = {
          {"export", each.name}, {"account", each.account}, {"stream", each.stream}};
      auto add = [&](std::string_view name, Type type, std::string_view help, uint64_t number) {
        out.Add(name, type, help, labels, static_cast<double>(number));
      };
      add("weir_export_lag_messages", Type::kGauge,
          "Messages of the stream that are not in the target yet", each.lag());
      add("weir_export_position", Type::kGauge, "Everything up to this sequence is in the target",
          each.position);
      add("weir_export_up", Type::kGauge, "1: the export runs, and its target takes rows",
          each.state == ingest::PipelineState::kRunning ? 1 : 0);
      add("weir_export_rows_total", Type::kCounter, "Rows written in this run", each.rows);
      add("weir_export_bytes_total", Type::kCounter, "Bytes of these rows", each.bytes);
      add("weir_export_bad_rows_total", Type::kCounter, "Rows that the target could not take",
          each.bad_rows);
      add("weir_export_batches_total", Type::kCounter, "Batches written", each.batches);
      add("weir_export_retries_total", Type::kCounter, "Batches that were tried again",
          each.retries);
    }
  }

 private:
  static StatusOr<ingest::ExportsConfig> ReadConfig(const server::Options& options) {
    const auto* block = options.exports.if_object();
    if (block == nullptr) {
      return ingest::ExportsConfig();
    }
    auto read = ingest::ExportsFromJson(*block);
    if (!read.ok()) {
      return Annotate(read.status(), Cat(options.exports_position, ": exports"));
    }
    return read;
  }

  Status Start() {
    WEIR_ASSIGN_OR_RETURN(manager_, MakeManager());
    return OkStatus();
  }

  StatusOr<std::unique_ptr<ingest::PipelineManager>> MakeManager() {
    WEIR_ASSIGN_OR_RETURN(ingest::ExportsConfig config, ReadConfig(server_.context().options));
    server::ServerContext& context = server_.context();
    return std::make_unique<ingest::PipelineManager>(ingest::PipelineManager::Options{
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
    server_.RunOnAllWorkers([this](server::Worker& worker) {
      if (worker.index() == 0) {
        manager_.reset();
      }
    });
  }

  // Exports resume where they were, the changed ones with their new settings.
  void Restart() {
    Stop();
    auto fresh = MakeManager();
    if (!fresh.ok()) {
      server_.context().log.Error("exports: ", Message(fresh.status()));
      return;
    }
    server_.RunOnAllWorkers([this, &fresh](server::Worker& worker) {
      if (worker.index() == 0) {
        manager_ = *std::move(fresh);
        manager_->Start();
      }
    });
  }

  server::Server& server_;
  server::JetStreamPart& jetstream_;
  std::unique_ptr<ingest::PipelineManager> manager_;
};

// The log's file can be opened; the rest is up to a daemon.
Status CheckLog(const server::LogOptions& options) {
  return options.file.empty() ? OkStatus() : server::LogFile::Open(options.file, {}).status();
}

int RunServer(server::Options options, const std::vector<std::string>& arguments) {
  std::string_view called_name = server::CalledName(arguments[0]);
  Log log;
  server::LogOutput output(log, std::string(called_name));
  Status status = output.Start(options.log);
  if (status.ok()) {
    server::Server server(std::move(options), log);
    server.SetReopenLog([&output] { output.Reopen(); });
    server.SetReloading({.load = [&arguments] { return server::LoadOptions(arguments); },
                         .check_log = CheckLog,
                         .restart_log =
                             [&output](const server::LogOptions& fresh) {
                               return output.Start(fresh);
                             }});
    server::JetStreamPart jetstream(server);
    ExportsPart exports(server, jetstream);
    server::PageSources sources(server.context(), server.workers(), &jetstream);
    server::SystemEvents events(sources);
    server::SystemServices services(server, sources, events);
    server::ConnectionRecorder recorder(sources, events);
    server.context().observer = &recorder;
    std::unique_ptr<server::Monitor> monitor;
    const server::MonitorOptions& pages = server.context().options.monitor;
    if (pages.http_port != 0 || pages.https_port != 0) {
      monitor = std::make_unique<server::Monitor>(server, sources);
      monitor->SetMoreMetrics([&exports](server::PrometheusText& out) { exports.AddMetrics(out); });
      server.AddPart(monitor->AsPart());
    }
    server.AddPart(services.AsPart());
    server.AddPart(jetstream.AsPart());
    server.AddPart(exports.AsPart());
    status = server.Run();
  }
  if (!status.ok()) {
    log.Fatal(Message(status));
    return 1;
  }
  return 0;
}

// What the options ask for together, and what this server cannot do.
Status CheckOptions(const server::Options& options) {
  WEIR_RETURN_IF_ERROR(server::ValidateOptions(options));
  return server::RefuseUnsupported(options);
}

int Fail(std::string_view called_name, const Status& status) {
  std::fprintf(stderr, "%s\n", Cat(called_name, ": ", Message(status)).c_str());
  return 1;
}

int Main(const std::vector<std::string>& arguments) {
  std::string_view called_name = server::CalledName(arguments[0]);
  server::CommandLine command = server::ParseCommandLine(arguments);
  // Not fputs: a message may quote a zero byte of the configuration.
  std::fwrite(command.out.data(), 1, command.out.size(), stdout);
  std::fwrite(command.err.data(), 1, command.err.size(), stderr);
  switch (command.action) {
    case server::CommandLine::Action::kExit:
      return command.exit_code;
    case server::CommandLine::Action::kSendSignal: {
      Status sent = server::SendSignalCommand(command.signal, server::SignalSystem::Real());
      return sent.ok() ? 0 : Fail(called_name, sent);
    }
    case server::CommandLine::Action::kRun:
      break;
  }
  if (Status checked = CheckOptions(command.options); !checked.ok()) {
    return Fail(called_name, checked);
  }
  return RunServer(std::move(command.options), arguments);
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
  if (argc > 1 && std::string_view(argv[1]) == "store") {
    return weir::storage::RunStoreCommand(
        std::vector<std::string>(argv + 2, argv + argc),
        [](std::string_view line) { std::puts(std::string(line).c_str()); });
  }
  return weir::Main(std::vector<std::string>(argv, argv + argc));
}

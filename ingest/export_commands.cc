#include "ingest/export_commands.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/serialize.hpp>
#include <unistd.h>

#include "ingest/export_client.h"
#include "ingest/progress.h"
#include "ingest/sink.h"
#include "ingest/workflow_file.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

constexpr NatsClient::Milliseconds kPollEvery{200};
constexpr std::chrono::seconds kReconnectFor{60};
constexpr int kInterruptedExit = 130;

constexpr std::string_view kUsage =
    "usage: weir export run FILE        hand the workflow to the Weir its source names, watch it\n"
    "       weir export apply FILE      the same, kept over restarts of the server, not watched\n"
    "       weir export validate FILE   read the file and say what it means\n"
    "       weir export ls              exports of a server\n"
    "       weir export status [NAME]   the same in full, or one of them\n"
    "       weir export stop NAME\n"
    "       weir export sinks           what this binary can write to\n"
    "options: --depots FILE             name: address, for dataos:// addresses\n"
    "         --progress bar|lines|json|none\n"
    "         --server ADDRESS          for ls, status, stop (default $NATS_URL or localhost)\n"
    "         --json                    for ls, status\n";

volatile std::sig_atomic_t g_interrupted = 0;

void OnInterrupt(int /*signal*/) {
  g_interrupted = 1;
}

void CatchInterrupt() {
  struct sigaction action{};
  action.sa_handler = OnInterrupt;  // no SA_RESTART: a waiting poll() returns
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int Fail(const Status& status) {
  std::string_view message = Message(status);
  std::fprintf(stderr, "weir export: %.*s\n", static_cast<int>(message.size()), message.data());
  return ExitCodeOf(status);
}

int UsageError(std::string_view what) {
  std::fprintf(stderr, "weir export: %.*s\n%.*s", static_cast<int>(what.size()), what.data(),
               static_cast<int>(kUsage.size()), kUsage.data());
  return 2;
}

struct Arguments {
  std::string verb;
  std::vector<std::string> words;  // behind the verb
  std::string depots;
  std::string progress;
  std::string server;
  bool json = false;
};

// False after a message.
bool ReadArguments(int argc, char** argv, Arguments& out) {
  int at = 0;
  while (at < argc && std::string_view(argv[at]) != "export") {
    ++at;
  }
  for (++at; at < argc; ++at) {
    std::string word = argv[at];
    std::string* value = word == "--depots"     ? &out.depots
                         : word == "--progress" ? &out.progress
                         : word == "--server"   ? &out.server
                                                : nullptr;
    if (value != nullptr) {
      if (++at == argc) {
        UsageError(Cat(word, " needs a value"));
        return false;
      }
      *value = argv[at];
    } else if (word == "--json") {
      out.json = true;
    } else if (word.starts_with("-")) {
      UsageError(Cat("unknown option ", word));
      return false;
    } else if (out.verb.empty()) {
      out.verb = word;
    } else {
      out.words.push_back(word);
    }
  }
  return true;
}

// The depots file named by option or environment, else depots.yaml beside the workflow.
std::string DepotsFile(const Arguments& arguments, const std::string& workflow) {
  if (!arguments.depots.empty()) {
    return arguments.depots;
  }
  if (auto named = EnvironmentVariable("WEIR_DEPOTS")) {
    return *named;
  }
  std::filesystem::path beside = std::filesystem::path(workflow).parent_path() / "depots.yaml";
  std::error_code error;
  return std::filesystem::exists(beside, error) ? beside.string() : std::string();
}

StatusOr<Workflow> Load(const Arguments& arguments) {
  const std::string& file = arguments.words[0];
  WorkflowOptions options;
  options.depots_file = DepotsFile(arguments, file);
  WEIR_ASSIGN_OR_RETURN(Workflow workflow, LoadWorkflow(file, options));
  if (!workflow.notes.empty()) {
    std::fprintf(stderr, "%s: ignored: %s\n", file.c_str(), Join(workflow.notes, ", ").c_str());
  }
  return workflow;
}

class RealClock : public Clock {
 public:
  int64_t steady_ns() const override {
    return std::chrono::steady_clock::now().time_since_epoch().count();
  }
  int64_t wall_ns() const override {
    return std::chrono::system_clock::now().time_since_epoch().count();
  }
};

int Validate(const Arguments& arguments) {
  auto workflow = Load(arguments);
  if (!workflow.ok()) {
    return Fail(workflow.status());
  }
  RealClock clock;
  for (const WorkflowStep& step : workflow->steps) {
    const ExportSpec& spec = step.spec;
    if (auto sink = MakeSink(spec, clock); !sink.ok()) {
      return Fail(Annotate(sink.status(), arguments.words[0]));
    }
    std::string subjects = spec.subjects.empty() ? ">" : Join(spec.subjects, ", ");
    std::string text =
        Cat("export    ", spec.name, "\n  source  ", step.source_shown, "\n  stream  ", spec.stream,
            "  subjects ", subjects, "\n  from    ", ToString(spec.start), "  until ",
            ToString(spec.stop), "\n  sink    ", MaskAddress(spec.sink), "\n  table   ", spec.table,
            "  layout ", LayoutName(spec.layout), "  strategy ", StrategyName(spec.strategy));
    CatTo(text, "\n  batch   ", spec.batch_rows, " rows, ", spec.batch_bytes, " bytes, ",
          FormatDuration(spec.batch_interval_ns), "\n  bad rows ",
          BadRowPolicyName(spec.on_bad_row), "\n");
    std::fputs(text.c_str(), stdout);
  }
  std::printf("%s is valid\n", arguments.words[0].c_str());
  return 0;
}

// Watches one export of one server until it ends.
class Watcher {
 public:
  Watcher(const WorkflowStep& step, Progress::Mode mode) : step_(step), progress_(mode, stderr) {}

  // The command's exit code. Connects, starts, and starts again when the server was away.
  int Run() {
    if (Status status = Begin(); !status.ok()) {
      return Fail(status);
    }
    for (;;) {
      auto status = client_->StatusOf(step_.spec.name);
      if (!status.ok() && status.status().code() == StatusCode::kUnavailable) {
        if (Status back = BeginAgain(); !back.ok()) {
          return Fail(back);
        }
        continue;
      }
      if (!status.ok()) {
        return Fail(status.status());
      }
      if (IsFinal(status->state)) {
        return End(*status);
      }
      progress_.Update(*status, RealClock().steady_ns());
      if (g_interrupted != 0 && !stop_sent_ && !Interrupted()) {
        return 0;
      }
      IgnoreError(client_->Pause(kPollEvery), "the next request finds out");
    }
  }

 private:
  Status Begin() {
    WEIR_ASSIGN_OR_RETURN(client_, ExportClient::Connect(step_.source));
    WEIR_ASSIGN_OR_RETURN(bool started, client_->Run(step_.spec, /*apply=*/false));
    if (!started) {
      progress_.Say(Cat(step_.spec.name, " is running there already; watching it"));
    }
    return OkStatus();
  }

  Status BeginAgain() {
    progress_.Say(Cat("the server at ", client_->where(), " is gone; waiting for it"));
    auto until = std::chrono::steady_clock::now() + kReconnectFor;
    Status status;
    do {
      std::fflush(stderr);
      usleep(300'000);
      status = Begin();
    } while (!status.ok() && g_interrupted == 0 && std::chrono::steady_clock::now() < until &&
             (status.code() == StatusCode::kUnavailable ||
              status.code() == StatusCode::kDeadlineExceeded ||
              status.code() == StatusCode::kFailedPrecondition));
    if (status.ok()) {
      progress_.Say("it is back; the export goes on from the position in the sink");
    }
    return status;
  }

  // False: leave it running and go.
  bool Interrupted() {
    if (step_.spec.stop.kind == StopRule::Kind::kNever) {
      progress_.Say(Cat(step_.spec.name, " keeps running on the server; stop it with: weir export ",
                        "stop ", step_.spec.name, " --server nats://", client_->where()));
      return false;
    }
    stop_sent_ = true;
    IgnoreError(client_->Stop(step_.spec.name).status(), "the next request finds out");
    return true;
  }

  int End(const PipelineStatus& status) {
    progress_.Finish(status);
    if (stop_sent_) {
      return kInterruptedExit;
    }
    return status.state == PipelineState::kStopped ? 1 : status.exit_code;
  }

  const WorkflowStep& step_;
  Progress progress_;
  std::unique_ptr<ExportClient> client_;
  bool stop_sent_ = false;
};

int RunWorkflow(const Arguments& arguments) {
  auto workflow = Load(arguments);
  if (!workflow.ok()) {
    return Fail(workflow.status());
  }
  Progress::Mode mode = Progress::ModeFor(stderr);
  const std::string& wanted = arguments.progress;
  if (wanted == "lines" || wanted == "log") {
    mode = Progress::Mode::kLines;
  } else if (wanted == "json") {
    mode = Progress::Mode::kJson;
  } else if (wanted == "none") {
    mode = Progress::Mode::kNone;
  } else if (wanted == "bar" || wanted == "interactive") {
    mode = Progress::Mode::kBar;
  } else if (!wanted.empty()) {
    return UsageError(Cat("--progress ", wanted, " is none of bar, lines, json, none"));
  }
  CatchInterrupt();
  // Steps are independent exports, but a user who reads along wants one after the other.
  for (const WorkflowStep& step : workflow->steps) {
    if (int code = Watcher(step, mode).Run(); code != 0) {
      return code;
    }
  }
  return 0;
}

int Apply(const Arguments& arguments) {
  auto workflow = Load(arguments);
  if (!workflow.ok()) {
    return Fail(workflow.status());
  }
  for (const WorkflowStep& step : workflow->steps) {
    auto client = ExportClient::Connect(step.source);
    if (!client.ok()) {
      return Fail(client.status());
    }
    auto started = (*client)->Run(step.spec, /*apply=*/true);
    if (!started.ok()) {
      return Fail(started.status());
    }
    std::printf("%s %s on %s\n", step.spec.name.c_str(), *started ? "started" : "is unchanged",
                (*client)->where().c_str());
  }
  return 0;
}

StatusOr<std::unique_ptr<ExportClient>> ConnectToServer(const Arguments& arguments) {
  std::string text = arguments.server;
  if (text.empty()) {
    text = EnvironmentVariable("NATS_URL").value_or("nats://localhost:4222");
  }
  if (text.find("://") == std::string::npos) {
    text = Cat("nats://", text);
  }
  WEIR_ASSIGN_OR_RETURN(Address address, ParseAddress(text));
  if (address.port == 0) {
    address.port = 4222;
  }
  return ExportClient::Connect(address);
}

void Print(const PipelineStatus& status, const Arguments& arguments) {
  std::string text =
      arguments.json ? boost::json::serialize(StatusToJson(status)) : Progress::Summary(status);
  std::printf("%s\n", text.c_str());
}

int Show(const Arguments& arguments) {
  auto client = ConnectToServer(arguments);
  if (!client.ok()) {
    return Fail(client.status());
  }
  if (!arguments.words.empty()) {
    auto status = (*client)->StatusOf(arguments.words[0]);
    if (!status.ok()) {
      return Fail(status.status());
    }
    Print(*status, arguments);
    return 0;
  }
  auto all = (*client)->List();
  if (!all.ok()) {
    return Fail(all.status());
  }
  for (const PipelineStatus& status : *all) {
    Print(status, arguments);
  }
  if (all->empty() && !arguments.json) {
    std::printf("no exports\n");
  }
  return 0;
}

int StopExport(const Arguments& arguments) {
  auto client = ConnectToServer(arguments);
  if (!client.ok()) {
    return Fail(client.status());
  }
  const std::string& name = arguments.words[0];
  auto status = (*client)->Stop(name);
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (status.ok() && !IsFinal(status->state) && std::chrono::steady_clock::now() < until) {
    IgnoreError((*client)->Pause(kPollEvery), "the next request finds out");
    status = (*client)->StatusOf(name);
  }
  if (!status.ok()) {
    return Fail(status.status());
  }
  Print(*status, arguments);
  return 0;
}

int ListSinks() {
  for (const SinkKind& kind : AvailableSinks()) {
    std::printf("%-12.*s %.*s\n", static_cast<int>(kind.scheme.size()), kind.scheme.data(),
                static_cast<int>(kind.description.size()), kind.description.data());
  }
  return 0;
}

}  // namespace

int RunExportCommand(int argc, char** argv) {
  Arguments arguments;
  if (!ReadArguments(argc, argv, arguments)) {
    return 2;
  }
  const std::string& verb = arguments.verb;
  bool wants_file = verb == "run" || verb == "validate" || verb == "apply";
  if ((wants_file || verb == "stop") && arguments.words.size() != 1) {
    return UsageError(Cat(verb, " needs one ", wants_file ? "FILE" : "NAME"));
  }
  if (verb == "run") {
    return RunWorkflow(arguments);
  }
  if (verb == "apply") {
    return Apply(arguments);
  }
  if (verb == "validate") {
    return Validate(arguments);
  }
  if (verb == "ls" || verb == "status") {
    return Show(arguments);
  }
  if (verb == "stop") {
    return StopExport(arguments);
  }
  if (verb == "sinks") {
    return ListSinks();
  }
  return UsageError(verb.empty() ? std::string("what to do?") : Cat("unknown command ", verb));
}

}  // namespace weir::ingest

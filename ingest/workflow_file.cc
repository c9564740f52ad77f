#include "ingest/workflow_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "ingest/sink.h"
#include "ingest/yaml_reader.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

constexpr uint16_t kDefaultPort = 4222;

// Reads one file; collects notes; the first error ends it.
class WorkflowReader {
 public:
  WorkflowReader(std::string_view file, const WorkflowOptions& options)
      : file_(file), options_(options) {}

  StatusOr<Workflow> Read(const YAML::Node& root) {
    YamlMap top(file_, "", root);
    WEIR_RETURN_IF_ERROR(top.status());
    std::string type = top.Text("type");
    name_ = top.Text("name");
    top.Text("version");
    top.Text("description");
    bool second_form = type == "nilus" || (type.empty() && top.Has("spec"));
    if (!type.empty() && type != "nilus" && type != "workflow") {
      top.Fail("type", Cat("must be workflow or nilus, not ", Quoted(type)));
    }
    if (name_.empty()) {
      top.Required("name");
    }
    WEIR_RETURN_IF_ERROR(top.status());
    if (second_form) {
      WEIR_RETURN_IF_ERROR(SecondForm(top));
    } else {
      WEIR_RETURN_IF_ERROR(FirstForm(top));
    }
    Ignore(top.Unread(), "");
    return std::move(out_);
  }

 private:
  // type: workflow; workflow.dag[].spec.stackSpec.{source,sink}
  Status FirstForm(YamlMap& top) {
    YAML::Node workflow_node = top.Required("workflow");
    WEIR_RETURN_IF_ERROR(top.status());
    YamlMap workflow(file_, "workflow", workflow_node);
    YAML::Node dag = workflow.Required("dag");
    NoteSchedule(workflow);
    WEIR_RETURN_IF_ERROR(workflow.status());
    if (!dag.IsSequence() || dag.size() == 0) {
      return YamlError(file_, dag.Mark(), "workflow.dag must be a list of steps");
    }
    Ignore(workflow.Unread(), "workflow.");
    for (const auto& node : dag) {
      YamlMap step(file_, "workflow.dag[]", node);
      std::string step_name = step.Text("name");
      YAML::Node spec_node = step.Required("spec");
      WEIR_RETURN_IF_ERROR(step.status());
      Ignore(step.Unread(), "workflow.dag[].");
      YamlMap spec(file_, "spec", spec_node);
      variables_ = spec.Pairs("envs");
      YAML::Node stack_node = spec.Required("stackSpec");
      WEIR_RETURN_IF_ERROR(spec.status());
      Ignore(spec.Unread(), "spec.");
      YamlMap stack(file_, "stackSpec", stack_node);
      std::string name = dag.size() == 1 ? name_ : Cat(name_, "-", step_name);
      WEIR_RETURN_IF_ERROR(Step(stack, std::move(name), /*stream=*/false));
      Ignore(stack.Unread(), "stackSpec.");
    }
    return OkStatus();
  }

  // type: nilus; spec.{type,source,sink}
  Status SecondForm(YamlMap& top) {
    YAML::Node spec_node = top.Required("spec");
    WEIR_RETURN_IF_ERROR(top.status());
    YamlMap spec(file_, "spec", spec_node);
    std::string type = spec.Text("type");
    if (!type.empty() && type != "batch" && type != "stream") {
      spec.Fail("type", Cat("must be batch or stream, not ", Quoted(type)));
    }
    variables_ = spec.Pairs("envs");
    NoteSchedule(spec);
    WEIR_RETURN_IF_ERROR(Step(spec, name_, type == "stream"));
    Ignore(spec.Unread(), "spec.");
    return OkStatus();
  }

  Status Step(YamlMap& parent, std::string name, bool stream) {
    YAML::Node source_node = parent.Required("source");
    YAML::Node sink_node = parent.Required("sink");
    WEIR_RETURN_IF_ERROR(parent.status());
    WorkflowStep step;
    // It also names a consumer and a position; workflow names may hold dots.
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '.' || c == ' ' || c == '/'; }, '-');
    step.spec.name = std::move(name);
    step.spec.stop.kind = stream ? StopRule::Kind::kNever : StopRule::Kind::kLatest;
    WEIR_RETURN_IF_ERROR(Source(YamlMap(file_, "source", source_node), step));
    WEIR_RETURN_IF_ERROR(Sink(YamlMap(file_, "sink", sink_node), step.spec));
    if (Status status = CheckSpec(step.spec); !status.ok()) {
      return YamlError(file_, source_node.Mark(), Message(status));
    }
    out_.steps.push_back(std::move(step));
    return OkStatus();
  }

  Status Source(YamlMap source, WorkflowStep& step) {
    source.Required("address");
    YAML::Node options_node = source.Required("options");
    WEIR_RETURN_IF_ERROR(source.Finish());
    YamlMap options(file_, "source.options", options_node);
    SourceOptions(options, step.spec);
    WEIR_RETURN_IF_ERROR(options.Finish());
    source.KeepAt("address", SourceAddress(source.Text("address"), step));
    return source.status();
  }

  Status SourceAddress(const std::string& written, WorkflowStep& step) {
    WEIR_ASSIGN_OR_RETURN(std::string text, ResolveDepot(written));
    WEIR_ASSIGN_OR_RETURN(step.source, ParseAddress(text, Lookup()));
    step.source_shown = MaskAddress(text);
    Address& address = step.source;
    if (address.scheme != "nats+jetstream" && address.scheme != "nats") {
      return InvalidArgument(
          Cat("the scheme ", Quoted(address.scheme), " is none of nats+jetstream, nats"));
    }
    if (address.host.empty()) {
      return InvalidArgument(Cat(Quoted(step.source_shown), " names no host"));
    }
    if (address.port == 0) {
      address.port = kDefaultPort;
    }
    step.spec.address = Cat("nats://", address.host, ":", address.port);
    return SourceQuery(step);
  }

  Status SourceQuery(WorkflowStep& step) {
    static const std::vector<std::string_view> kKeys = {
        "subject", "batch_size", "timeout", "start_sequence", "token", "nkeys_seed", "durable"};
    ExportSpec& spec = step.spec;
    for (const auto& [written, value] : step.source.query) {
      std::string key = written;
      std::replace(key.begin(), key.end(), '-', '_');
      if (key == "subject") {
        if (!value.empty() && value != ">") {
          spec.subjects = {value};
        }
      } else if (key == "batch_size") {
        WEIR_ASSIGN_OR_RETURN(spec.batch_rows, PositiveNumber(key, value));
      } else if (key == "start_sequence") {
        WEIR_ASSIGN_OR_RETURN(spec.start.sequence, PositiveNumber(key, value));
        spec.start.kind = StartRule::Kind::kSequence;
      } else if (key == "timeout") {
        auto seconds = ParseNumber<double>(value);
        if (!seconds || !(*seconds > 0) || *seconds > 1e6) {
          return InvalidArgument(Cat("timeout=", value, " is not a number of seconds"));
        }
        spec.batch_interval_ns = static_cast<int64_t>(*seconds * 1e9);
      } else if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
        std::string message = Cat("unknown parameter ", Quoted(written));
        if (std::string_view closest = ClosestWord(key, kKeys); !closest.empty()) {
          CatTo(message, ", did you mean ", Quoted(closest), "?");
        }
        return InvalidArgument(message);
      }
    }
    return OkStatus();
  }

  void SourceOptions(YamlMap& options, ExportSpec& spec) {
    options.Required("source-table");
    spec.stream = options.Text("source-table");
    spec.primary_key = options.List("primary-key");
    if (options.Has("run-in-loop")) {
      spec.stop.kind =
          options.Flag("run-in-loop", false) ? StopRule::Kind::kNever : StopRule::Kind::kLatest;
    }
    if (auto rows = options.Number("page-size"); rows && *rows > 0) {
      spec.batch_rows = *rows;
    }
    if (auto pages = options.Number("yield-limit"); pages && *pages > 0) {
      spec.stop = StopRule{};
      spec.stop.kind = StopRule::Kind::kMessages;
      spec.stop.messages = *pages * spec.batch_rows;
    }
    TimeBounds(options, spec);
    TypeHints(options, spec);
    if (options.Has("mask")) {
      options.Fail("mask", "is not supported yet; the export would store the values unmasked");
    }
    if (auto nesting = options.Number("max-table-nesting"); nesting && *nesting > 0) {
      options.Fail("max-table-nesting", "above 0 is not supported: nested values are kept as JSON");
    }
    for (std::string_view key : {"extract-parallelism", "sql-backend", "sql-limit",
                                 "sql-exclude-columns", "sql-reflection-level"}) {
      if (options.Has(key)) {
        Note(Cat("source.options.", key));
      }
    }
    // Rules of ours that Nilus has no words for.
    Rule(options, "start", ParseStartRule, spec.start);
    Rule(options, "stop", ParseStopRule, spec.stop);
  }

  void TimeBounds(YamlMap& options, ExportSpec& spec) {
    std::string start = options.Text("interval-start");
    std::string end = options.Text("interval-end");
    bool by_field = options.Has("incremental-key");
    if (by_field && (!start.empty() || !end.empty())) {
      options.Fail(
          "incremental-key",
          "together with an interval is not supported: intervals bound the messages' time");
      return;
    }
    if (by_field) {
      Note("source.options.incremental-key (the position is the stream's sequence)");
    }
    auto time = [&](std::string_view key, std::string text) -> int64_t {
      if (text.size() == 10) {
        text.append("T00:00:00Z");
      } else if (text.size() == 19) {
        text.append("Z");
      }
      if (text.size() > 10 && text[10] == ' ') {
        text[10] = 'T';
      }
      auto parsed = ParseTime(text);
      if (!parsed) {
        options.Fail(key, Cat("is not a time: ", Quoted(text)));
      }
      return parsed.value_or(0);
    };
    if (!start.empty()) {
      spec.start.kind = StartRule::Kind::kTime;
      spec.start.time_ns = time("interval-start", start);
    }
    if (!end.empty()) {
      spec.stop = StopRule{};
      spec.stop.kind = StopRule::Kind::kTime;
      spec.stop.time_ns = time("interval-end", end);
    }
  }

  void TypeHints(YamlMap& options, ExportSpec& spec) {
    for (const auto& [column, text] : options.Pairs("type-hints")) {
      auto type = ParseColumnType(text);
      if (!type) {
        options.Fail("type-hints", Cat("has an unknown type for ", column, ": ", Quoted(text)));
        return;
      }
      spec.type_hints.push_back(ColumnSpec{column, *type});
    }
    if (options.Has("columns")) {
      options.Fail("columns", "is called type-hints");
    }
  }

  template <typename T, typename Parse>
  void Rule(YamlMap& options, std::string_view key, Parse parse, T& out) {
    std::string text = options.Text(key);
    if (text.empty()) {
      return;
    }
    auto rule = parse(text);
    if (rule.ok()) {
      out = *rule;
    } else {
      options.KeepAt(key, rule.status());
    }
  }

  Status Sink(YamlMap sink, ExportSpec& spec) {
    sink.Required("address");
    YAML::Node options_node = sink.Required("options");
    WEIR_RETURN_IF_ERROR(sink.Finish());
    auto address = SinkAddress(sink.Text("address"));
    if (!address.ok()) {
      sink.KeepAt("address", address.status());
      return sink.status();
    }
    YamlMap options(file_, "sink.options", options_node);
    options.Required("dest-table");
    options.Required("incremental-strategy");
    for (std::string_view key : {"partition-by", "cluster-by", "staging-bucket", "loader-file-size",
                                 "loader-file-format", "aws-region", "aws-endpoint"}) {
      if (options.Has(key)) {
        Note(Cat("sink.options.", key));
      }
    }
    if (options.Flag("full-refresh", false)) {
      options.Fail("full-refresh", "is not supported yet");
    }
    // The rest has the same words as a spec; its checks give the messages.
    boost::json::object object = SpecToJson(spec, /*masked=*/false);
    object["sink"] = *std::move(address);
    object["table"] = options.Text("dest-table");
    object["strategy"] = options.Text("incremental-strategy");
    object["create_table"] = options.Flag("create-table", true);
    for (std::string_view key : {"layout", "contract", "type_drift", "on_gap", "on_recreate"}) {
      if (std::string text = options.Text(key); !text.empty()) {
        object[boost::json::string_view(key.data(), key.size())] = text;
      }
    }
    boost::json::object errors;
    if (std::string text = options.Text("on_bad_row"); !text.empty()) {
      errors["on_bad_row"] = text;
    }
    if (auto number = options.Number("max_bad_rows")) {
      errors["max_bad_rows"] = *number;
    }
    object["errors"] = std::move(errors);
    if (auto keys = options.List("primary-key"); !keys.empty()) {
      boost::json::array list;
      for (const std::string& key : keys) {
        list.emplace_back(key);
      }
      object["primary_key"] = std::move(list);
    }
    WEIR_RETURN_IF_ERROR(options.Finish());
    auto read = SpecFromJson(spec.name, object);
    if (!read.ok()) {
      Status placed = YamlError(file_, options_node.Mark(), Message(read.status()));
      return MakeStatus(read.status().code(), Message(placed));
    }
    spec = *std::move(read);
    return OkStatus();
  }

  StatusOr<std::string> SinkAddress(const std::string& written) {
    WEIR_ASSIGN_OR_RETURN(std::string text, ResolveDepot(written));
    WEIR_ASSIGN_OR_RETURN(std::string address, ExpandAddress(text, Lookup()));
    WEIR_RETURN_IF_ERROR(CheckSinkKind(address));
    if (!address.starts_with("sqlite:")) {
      return address;
    }
    std::error_code error;
    std::string base = options_.base_dir.empty() ? std::filesystem::current_path(error).string()
                                                 : options_.base_dir;
    WEIR_ASSIGN_OR_RETURN(std::string path, SqlitePath(address, base));
    // Four slashes: an absolute path, whatever directories exist where it is read again.
    std::string out = "sqlite:///";
    for (char c : path) {
      if (c == '%' || c == '?') {
        out.append("%").append(HexEncode(std::string_view(&c, 1)));
      } else {
        out.push_back(c);
      }
    }
    return out;
  }

  // dataos://name → the address that the depots file gives it.
  StatusOr<std::string> ResolveDepot(const std::string& address) {
    constexpr std::string_view kScheme = "dataos://";
    if (!address.starts_with(kScheme)) {
      return address;
    }
    std::string_view rest = std::string_view(address).substr(kScheme.size());
    std::string name(rest.substr(0, rest.find_first_of("/?:")));
    if (options_.depots_file.empty()) {
      return NotFound(Cat("the depot ", Quoted(name),
                          " is not known here: give a depots file that maps it to an address"));
    }
    YAML::Node file = YAML::LoadFile(options_.depots_file);
    YAML::Node depots = file["depots"] ? file["depots"] : file;
    YAML::Node found = depots.IsMap() ? depots[name] : YAML::Node();
    if (!found || !found.IsScalar()) {
      return NotFound(Cat("the depot ", Quoted(name), " is not in ", options_.depots_file));
    }
    return found.Scalar();
  }

  VariableLookup Lookup() const {
    return [this](std::string_view name) -> std::optional<std::string> {
      for (const auto& [key, value] : variables_) {
        if (key == name) {
          return value;
        }
      }
      return options_.lookup(name);
    };
  }

  static StatusOr<uint64_t> PositiveNumber(std::string_view key, const std::string& value) {
    auto number = ParseNumber<uint64_t>(value);
    if (!number || *number == 0) {
      return InvalidArgument(Cat(key, "=", value, " is not a positive number"));
    }
    return *number;
  }

  void NoteSchedule(YamlMap& map) {
    if (map.Has("schedule")) {
      Note("schedule (start the export from cron, or let it run in a loop)");
    }
  }
  void Ignore(const std::vector<std::string>& keys, std::string_view prefix) {
    for (const std::string& key : keys) {
      Note(Cat(prefix, key));
    }
  }
  void Note(std::string what) {
    if (std::find(out_.notes.begin(), out_.notes.end(), what) == out_.notes.end()) {
      out_.notes.push_back(std::move(what));
    }
  }

  const std::string_view file_;
  const WorkflowOptions& options_;
  std::string name_;
  std::vector<std::pair<std::string, std::string>> variables_;  // `envs` of the step
  Workflow out_;
};

}  // namespace

StatusOr<Workflow> ParseWorkflow(std::string_view text, std::string_view file_name,
                                 const WorkflowOptions& options) {
  try {
    YAML::Node root = YAML::Load(std::string(text));
    return WorkflowReader(file_name, options).Read(root);
  } catch (const YAML::Exception& error) {
    return YamlError(file_name, error.mark, error.msg);
  }
}

StatusOr<Workflow> LoadWorkflow(const std::string& path, const WorkflowOptions& options) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    return NotFound(Cat("cannot read the workflow file ", path));
  }
  std::string text{std::istreambuf_iterator<char>(file), {}};
  return ParseWorkflow(text, path, options);
}

}  // namespace weir::ingest

#include "ingest/exports_config.h"

#include <string_view>
#include <utility>

#include "ingest/address.h"
#include "ingest/workflow_file.h"
#include "protocol/base/json.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

namespace json = boost::json;

Status AddWorkflow(std::string_view name, const json::object& block, ExportsConfig& config) {
  std::string path;
  JsonReader in(block);
  in.Read("workflow", path);
  WEIR_RETURN_IF_ERROR(in.Finish(/*strict=*/true));
  WEIR_ASSIGN_OR_RETURN(Workflow workflow, LoadWorkflow(path, WorkflowOptions()));
  for (WorkflowStep& step : workflow.steps) {
    step.spec.address.clear();
    if (workflow.steps.size() == 1) {
      step.spec.name = std::string(name);
    }
    WEIR_RETURN_IF_ERROR(CheckSpec(step.spec));
    config.exports.push_back(std::move(step.spec));
  }
  return OkStatus();
}

Status AddExport(std::string_view name, const json::object& block, ExportsConfig& config) {
  if (block.contains("workflow")) {
    return Annotate(AddWorkflow(name, block, config), Cat("export ", name));
  }
  WEIR_ASSIGN_OR_RETURN(ExportSpec spec, SpecFromJson(name, block));
  auto sink = ExpandAddress(spec.sink, EnvironmentVariable);
  if (!sink.ok()) {
    return Annotate(sink.status(), Cat("export ", name, ": sink"));
  }
  spec.sink = *std::move(sink);
  config.exports.push_back(std::move(spec));
  return OkStatus();
}

Status ReadSettings(const json::object& settings, ExportsConfig& config) {
  int64_t threads = 0;
  int64_t max_memory = 0;  // accepted: each export is bounded by its two batches
  JsonReader in(settings);
  in.Read("dir", config.dir);
  in.Read("threads", threads);
  in.Read("max_memory", max_memory);
  for (const auto& member : settings) {
    std::string_view key(member.key().data(), member.key().size());
    if (key == "dir" || key == "threads" || key == "max_memory") {
      continue;
    }
    std::string message = Cat("unknown key ", Quoted(Cat("exports.", key)));
    std::string_view closest = ClosestWord(key, {"dir", "threads", "max_memory"});
    if (!closest.empty()) {
      CatTo(message, ", did you mean ", Quoted(closest), "?");
    }
    return InvalidArgument(message);
  }
  config.threads = static_cast<int>(threads);
  return in.Finish(/*strict=*/false);
}

}  // namespace

StatusOr<ExportsConfig> ExportsFromJson(const json::object& block) {
  ExportsConfig config;
  json::object settings;
  for (const auto& member : block) {
    if (!member.value().is_object()) {
      settings[member.key()] = member.value();
      continue;
    }
    std::string_view name(member.key().data(), member.key().size());
    WEIR_RETURN_IF_ERROR(AddExport(name, member.value().get_object(), config));
  }
  WEIR_RETURN_IF_ERROR(ReadSettings(settings, config));
  return config;
}

}  // namespace weir::ingest

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ingest/address.h"
#include "ingest/pipeline_config.h"
#include "protocol/base/status.h"

namespace weir::ingest {

// One export of a workflow file, and where its stream is.
struct WorkflowStep {
  Address source;            // with secrets, for connecting
  std::string source_shown;  // masked
  ExportSpec spec;           // its `address` is only host and port
};

struct Workflow {
  std::vector<WorkflowStep> steps;
  // What the file says and Weir has no use for, one line each, to be told once.
  std::vector<std::string> notes;
};

struct WorkflowOptions {
  VariableLookup lookup = EnvironmentVariable;
  std::string base_dir;     // relative paths of sinks start here; empty: the working directory
  std::string depots_file;  // name → address, for dataos://name; empty: none
};

// Reads a workflow in the Nilus form, version 1 (`type: workflow`, workflow.dag[].spec.stackSpec)
// or 2 (`type: nilus`, spec.source and spec.sink), keys in kebab or snake case
// (export.md 1.1, 1.2).
//
// Errors name "file:line:column". Unknown keys inside source and sink are errors with a
// did-you-mean; keys that only mean something to the platform become notes; what would silently
// change the meaning (masks, full refresh) is refused. Placeholders are resolved, relative sqlite
// paths made absolute.
StatusOr<Workflow> ParseWorkflow(std::string_view text, std::string_view file_name,
                                 const WorkflowOptions& options);
StatusOr<Workflow> LoadWorkflow(const std::string& path, const WorkflowOptions& options);

}  // namespace weir::ingest

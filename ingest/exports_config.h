#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "ingest/pipeline_config.h"
#include "protocol/base/status.h"

namespace weir::ingest {

// The `exports { … }` block of the server's configuration.
struct ExportsConfig {
  std::string dir;  // what the manager keeps on disk; empty: its own choice
  int threads = 0;  // 0: as many as there are exports
  std::vector<ExportSpec> exports;
};

// Members that are objects are exports, the others are settings. An export is a spec, or
// `name { workflow: "file.yaml" }`: then the file's steps are taken, their streams being on this
// server; a single step takes the name of the block. Placeholders are resolved from the environment
// of this process, relative paths start in its working directory.
StatusOr<ExportsConfig> ExportsFromJson(const boost::json::object& block);

}  // namespace weir::ingest

#pragma once

#include <memory>

#include "ingest/pipeline_config.h"
#include "ingest/source.h"
#include "protocol/base/ids.h"
#include "protocol/base/status.h"

namespace weir::jetstream {
class Catalog;
}

namespace weir::ingest {

// The spec's stream on this server, through a log cursor. Blocks until the stream's home has
// answered: for export threads only.
StatusOr<std::unique_ptr<Source>> OpenLocalSource(jetstream::Catalog& catalog, AccountId account,
                                                  const ExportSpec& spec);

}  // namespace weir::ingest

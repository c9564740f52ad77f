#pragma once

#include "ingest/source.h"
#include "protocol/base/status.h"

namespace weir::ingest {

// The sequence of the first message whose time is at or after `time_ns`, last + 1 when there is
// none. Searches by halves, one message per step; times are taken to grow with the sequence.
StatusOr<StreamSeq> FirstAtOrAfter(Source& source, const Source::Bounds& bounds, int64_t time_ns);

}  // namespace weir::ingest

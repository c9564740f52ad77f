#include "ingest/start_position.h"

#include <algorithm>

namespace weir::ingest {

StatusOr<StreamSeq> FirstAtOrAfter(Source& source, const Source::Bounds& bounds, int64_t time_ns) {
  // Everything below `low` is older than wanted, everything from `high` on is not.
  StreamSeq low = std::max<StreamSeq>(bounds.first, 1);
  StreamSeq high = bounds.last + 1;
  while (low < high) {
    StreamSeq middle = low + (high - low) / 2;
    // The first message in [middle, high); holes and other subjects are stepped over.
    StreamSeq at = middle;
    const storage::StoredMessage* found = nullptr;
    Source::Run run;
    while (at < high && found == nullptr) {
      WEIR_ASSIGN_OR_RETURN(run, source.Read(at, high - 1, 1, 1, std::chrono::milliseconds(0)));
      if (run.last == 0) {
        break;
      }
      found = run.messages.empty() ? nullptr : run.messages.data();
      at = run.last + 1;
    }
    if (found == nullptr || found->view.time_ns >= time_ns) {
      high = middle;
    } else {
      low = found->view.seq + 1;
    }
  }
  return low;
}

}  // namespace weir::ingest

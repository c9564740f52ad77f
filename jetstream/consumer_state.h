#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jetstream/ack_ledger.h"
#include "protocol/base/status.h"

namespace weir::jetstream {

// What a consumer keeps over a restart, and its bytes in the meta store.
//
// Layout: version byte 1; then numbers of 7 bits a byte, lowest first: delivered and floor
// (consumer, stream each), the end of "last per subject", the number of messages in flight, for
// each the distance of its stream sequence and of its consumer sequence to the one before, the time
// of its last delivery (Unix ns), its deadline as nanoseconds after that, its deliveries; the
// number of messages given up, for each the distance of its sequence and its deliveries.
struct ConsumerState {
  AckLedger::Snapshot ledger;  // steady times
  StreamSeq last_per_subject_end = 0;
};

// `offset_ns` is wall time minus steady time: what is stored is wall time.
std::string EncodeConsumerState(const ConsumerState& state, int64_t offset_ns);
StatusOr<ConsumerState> DecodeConsumerState(std::string_view bytes, int64_t offset_ns);

}  // namespace weir::jetstream

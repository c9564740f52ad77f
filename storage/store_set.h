#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "protocol/base/executor.h"
#include "protocol/base/ids.h"
#include "protocol/base/log.h"
#include "protocol/base/status.h"
#include "storage/blocking_pool.h"
#include "storage/database.h"
#include "storage/stream_store.h"

namespace weir::storage {

// Opens the stores of streams. What jetstream::StoreFactory asks for, in the words of this layer.
//
// Thread-safe. Opening an existing file store reads all of it: at boot or on a blocking pool only;
// a new one, or one in memory, is cheap.
class StoreSet {
 public:
  struct Spec {
    StreamId id;
    bool memory = false;
    bool is_new = false;
    StreamSeq first_seq = 0;                    // of a new stream; 0 means 1
    Executor* home = nullptr;                   // where loads come back
    bool compress = false;                      // new blocks; ignored in memory
    const std::atomic<bool>* cancel = nullptr;  // ends opening, with Cancelled
  };

  // `db` and `pool` may be null when all streams are in memory. All three outlive the stores.
  StoreSet(Database* db, BlockingPool* pool, Log& log) : db_(db), pool_(pool), log_(log) {}

  // Damage that was found goes to the database's list of it; what is left opens.
  StatusOr<std::unique_ptr<StreamStore>> Open(const Spec& spec);
  // The counters of an existing file store without opening it; nullopt when only that tells, as
  // where damage has been found. Reads two or three blocks.
  std::optional<PeekedState> Peek(StreamId id);

 private:
  Database* db_;
  BlockingPool* pool_;
  Log& log_;
};

}  // namespace weir::storage

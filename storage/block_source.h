#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"
#include "protocol/base/status.h"
#include "storage/block.h"
#include "storage/database.h"

namespace weir::storage {

// A block read from the database, with its own copy of the bytes.
struct LoadedBlock {
  SharedBytes bytes;
  BlockReader reader;
};

// Reads the blocks of one stream from the database. Thread-safe; may block unless told not to.
//
// Bytes that the database finds damaged are read all the same: the blocks have checksums of their
// own, record by record, so that what is still good is not lost.
class BlockSource {
 public:
  BlockSource(Database& db, StreamId stream) : db_(&db), stream_(stream) {}

  enum class Tier : uint8_t {
    kMemory,  // memtables and block cache: Unavailable instead of a read from the disk
    kDisk,
    kWalk,  // sequential reads that leave the caches alone
    kScan,  // the same over the whole stream: large read-ahead
  };

  // Calls `visit` for the block that holds `from` (or the first behind it) and those that follow,
  // until it returns false. The reader's bytes live during the call.
  Status Visit(StreamSeq from, Tier tier,
               const std::function<bool(const BlockReader&, std::string_view bytes)>& visit) const;

  // The blocks from the one with `from` (or the first behind it) on, at least one if there is any,
  // until there are `max_bytes` or `max_messages`, or one begins above `upto`.
  StatusOr<std::vector<LoadedBlock>> Read(StreamSeq from, StreamSeq upto, Tier tier,
                                          size_t max_messages, size_t max_bytes) const;

 private:
  struct Progress {
    StreamSeq from = 0;
    bool finished = false;
  };
  Status VisitOnce(Tier tier, bool verify, Progress& progress,
                   const std::function<bool(const BlockReader&, std::string_view)>& visit) const;

  Database* db_;
  StreamId stream_;
};

}  // namespace weir::storage

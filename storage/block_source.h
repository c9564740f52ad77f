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
// What the database cannot read is mended if it can be (Database::Mend), else stepped over: what
// lies behind it is read, and the damage is the answer at the end.
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
  // until it returns false. The reader's bytes live during the call. DataLoss when something could
  // not be read; everything else was visited.
  Status Visit(StreamSeq from, Tier tier,
               const std::function<bool(const BlockReader&, std::string_view bytes)>& visit) const;

  // The blocks from the one with `from` (or the first behind it) on, at least one if there is any,
  // until there are `max_bytes` or `max_messages`, or one begins above `upto`.
  StatusOr<std::vector<LoadedBlock>> Read(StreamSeq from, StreamSeq upto, Tier tier,
                                          size_t max_messages, size_t max_bytes) const;

  // The newest block; one without messages when there is none, or nothing of it can be read.
  StatusOr<LoadedBlock> Last() const;

 private:
  struct Progress {
    StreamSeq from = 0;    // what is to be visited next
    StreamSeq resume = 0;  // a block behind damage to begin with; 0: look for the one with `from`
  };
  // An iterator with what it refers to.
  class Cursor;

  Status VisitOnce(Tier tier, Progress& progress,
                   const std::function<bool(const BlockReader&, std::string_view)>& visit) const;
  // The first block at or behind `from` that can be read; 0 when there is none.
  StreamSeq FirstReadable(Tier tier, StreamSeq from) const;

  Database* db_;
  StreamId stream_;
};

}  // namespace weir::storage

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/log.h"
#include "protocol/base/status.h"
#include "storage/commit_queue.h"
#include "storage/retention_filter.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class Status;
}  // namespace rocksdb

namespace weir::storage {

class LateSyncFileSystem;

// The RocksDB of one store directory, and the lock on it. Nothing above storage/ sees RocksDB.
//
// Tuned for a broker (measured, README.md): blocks of up to 64 KiB as values, no compression,
// universal compaction that moves files without rewriting them while streams only grow, memtables
// of 8 MiB so that opening replays little.
//
// Thread-safe. Everything that reads or writes the database must be gone before it is destroyed.
class Database {
 public:
  struct Options {
    std::string directory;
    Log* log = nullptr;  // warnings of RocksDB
    size_t memtable_bytes = 8 << 20;
    size_t cache_bytes = 16 << 20;
  };

  // Creates what is missing; nothing is synced for that yet (late_sync_file_system.h). A store
  // whose creation a power cut has interrupted is set aside and made anew. The error is one line
  // that names the directory and what is wrong with it: not a directory, not writable, in use (by
  // which process, when known), damaged.
  static StatusOr<std::unique_ptr<Database>> Open(const Options& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family family) {
    return families_[static_cast<size_t>(family)];
  }
  // What the compaction filter may drop.
  RetentionTable& retention() { return *retention_; }
  const std::string& directory() const { return directory_; }

  // Makes the creation of a new store durable; the first sync does it otherwise. May block: not
  // for a worker.
  Status Settle();

  // Writes memtables to files, so that the next opening has nothing to replay.
  Status FlushAll();

  static Status FromRocks(const rocksdb::Status& status, std::string_view what);

 private:
  // Holds "<directory>/weir.lock"; the file says which process does.
  class DirectoryLock {
   public:
    static StatusOr<std::unique_ptr<DirectoryLock>> Take(const std::string& directory);
    explicit DirectoryLock(int fd) : fd_(fd) {}
    ~DirectoryLock();
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

   private:
    int fd_;
  };

  Database();

  Status OpenRocks(const Options& options);
  static Status SetAside(const Options& options, const Status& why);

  std::string directory_;
  std::unique_ptr<DirectoryLock> lock_;
  std::shared_ptr<LateSyncFileSystem> files_;
  std::unique_ptr<rocksdb::Env> env_;
  std::shared_ptr<RetentionTable> retention_ = std::make_shared<RetentionTable>();
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace weir::storage

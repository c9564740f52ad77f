#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/log.h"
#include "protocol/base/mutex.h"
#include "protocol/base/status.h"
#include "storage/commit_queue.h"
#include "storage/damage_log.h"
#include "storage/retention_filter.h"
#include "storage/store_key.h"
#include "storage/value_sealer.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class FileSystem;
class Status;
}  // namespace rocksdb

namespace weir::storage {

class EndsFile;
class LateSyncFileSystem;
class MarksFile;

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
    // Null: the machine's. Another one is for tests; the lock and the creation of the directory
    // stay with the machine's.
    std::shared_ptr<rocksdb::FileSystem> file_system;
    EncryptionOptions encryption;
  };

  // Damage is mended before RocksDB sees it, or reported in damage() and stepped over (FORMAT.md).
  //
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

  // Writes memtables to files, so that the next opening has nothing to replay. Gives up where the
  // disk takes nothing.
  Status FlushAll();

  const ValueSealer& sealer() const { return *sealer_; }
  // How far each stream had come at the last sync.
  EndsFile& ends() { return *ends_; }
  DamageLog& damage() { return *damage_; }
  // Reads all tables and sets flipped bits right; true when there were any, so that a read that
  // failed is worth another try. Soon after a search that found nothing there is no other. May
  // take long: not for workers that have not met damage.
  bool Mend();
  // The same, slowly (table_file.h says what `throttle` does). False when it was ended early.
  bool Scrub(const std::function<bool(uint64_t bytes)>& throttle);

  static Status FromRocks(const rocksdb::Status& status, std::string_view what);

  // Holds "<directory>/weir.lock"; the file says which process does.
  class DirectoryLock {
   public:
    // Unavailable: another process has it.
    static StatusOr<std::unique_ptr<DirectoryLock>> Take(const std::string& directory);
    explicit DirectoryLock(int fd) : fd_(fd) {}
    ~DirectoryLock();
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

   private:
    int fd_;
  };

 private:
  Database();

  Status OpenRocks(const Options& options);
  Status OpenFamilies(const Options& options, bool compactions);
  void CloseFamilies();
  Status CheckFiles(std::vector<std::string>& unreadable_tables);
  Findings Inspect(const std::function<bool(uint64_t bytes)>& throttle);
  // Takes tables that RocksDB cannot read out of the store and puts what they held back into it.
  Status ReplaceTables(const Options& options, const std::vector<std::string>& names);
  // A number that RocksDB tells, over all families.
  uint64_t Property(const std::string& name) const;
  static Status SetAside(const Options& options, const Status& why);

  std::string directory_;
  std::unique_ptr<DirectoryLock> lock_;
  std::unique_ptr<DamageLog> damage_;
  std::shared_ptr<rocksdb::FileSystem> base_;  // encrypts, when the store is encrypted
  std::shared_ptr<const ValueSealer> sealer_ = std::make_shared<ValueSealer>();
  std::shared_ptr<LateSyncFileSystem> files_;  // null when the file system is given
  std::shared_ptr<MarksFile> marks_;
  std::unique_ptr<EndsFile> ends_;
  std::unique_ptr<rocksdb::Env> env_;
  std::shared_ptr<RetentionTable> retention_ = std::make_shared<RetentionTable>();
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::unique_ptr<rocksdb::DB> db_;
  Mutex mend_mu_;  // held while tables are read: by those who met damage only
  std::chrono::steady_clock::time_point mend_again_ ABSL_GUARDED_BY(mend_mu_);
};

}  // namespace weir::storage

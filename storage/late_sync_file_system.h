#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "rocksdb/file_system.h"

#include "protocol/base/mutex.h"

namespace weir::storage {

// RocksDB's files, with the syncs of a store that is being created put off.
//
// Creating a store syncs some twenty times before the first message can arrive: 100 ms on a slow
// disk, for a directory that holds nothing yet. So while `Hold` is in force a sync does nothing;
// the first one behind `Owe`, or `Settle`, syncs all files of the directory and the directories
// above it, then makes the file "settled" and syncs that name. From then on every sync is done at
// once. A sync that RocksDB asks for before an acknowledgement therefore covers the creation.
//
// A directory without "settled" has never made anything durable: if it cannot be read after a
// power cut, nothing that was acknowledged as synced was in it.
//
// Files called OPTIONS-* are for people to read and are never synced.
//
// Thread-safe. An error while settling stays: every later sync reports it.
class LateSyncFileSystem : public rocksdb::FileSystemWrapper {
 public:
  // `directory` holds "settled" and, below it, `database`, RocksDB's directory.
  LateSyncFileSystem(std::shared_ptr<rocksdb::FileSystem> base, std::string directory,
                     std::string database);

  static std::string SettledFile(const std::string& directory);

  void Hold();
  void Owe();
  rocksdb::IOStatus Settle();

  // What the files and directories below ask before they sync: true when nothing is to be done.
  // `status` is what the sync has to answer then.
  bool PutOff(rocksdb::IOStatus* status);

  const char* Name() const override { return "LateSyncFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;

 private:
  enum class State { kThrough, kHolding, kOwing };

  rocksdb::IOStatus SettleLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  rocksdb::IOStatus SyncEverything() const;

  const std::string directory_;
  const std::string database_;
  std::atomic<State> state_ = State::kThrough;
  Mutex mu_;
  rocksdb::IOStatus failed_ ABSL_GUARDED_BY(mu_);
};

}  // namespace weir::storage

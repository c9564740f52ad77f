#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "rocksdb/file_system.h"

namespace weir::testing_support {

// A disk in memory that can lose its power. It knows what was synced: Crash() gives a disk as it
// could be found afterwards, with every sector of 512 bytes that was written since a file's last
// sync kept or lost on its own (so writes are torn and reordered), and a prefix of the changes to
// directories that were not synced.
//
// It can also fail: from `fail_from` on every write or sync is an error, and there is room for
// `capacity` bytes. Thread-safe.
class SimDisk : public rocksdb::FileSystemWrapper {
 public:
  SimDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "SimDisk"; }

  std::shared_ptr<SimDisk> Crash(std::mt19937_64& random);
  // Called before every write, sync and change of a directory, with its number.
  void set_hook(std::function<void(uint64_t op)> hook);
  void FailWrites(bool fail);
  void FailSyncs(bool fail);
  void set_capacity(uint64_t bytes);
  uint64_t ops() const;

  struct File {
    std::string durable;
    std::string current;
    std::vector<std::pair<uint64_t, uint64_t>> pending;  // what was written since, at and size
  };
  using FilePtr = std::shared_ptr<File>;

  // For the file objects below.
  rocksdb::IOStatus Write(File& file, uint64_t at, const rocksdb::Slice& bytes);
  rocksdb::IOStatus SyncFile(File& file);
  rocksdb::IOStatus SyncNames();
  size_t Read(const File& file, uint64_t at, size_t size, char* to) const;
  uint64_t SizeOf(const File& file) const;

  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* out,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* out,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* out,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus FileExists(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetChildren(const std::string& name, const rocksdb::IOOptions& options,
                                std::vector<std::string>* out,
                                rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDir(const std::string& name, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& name, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options,
                                uint64_t* out, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LockFile(const std::string& name, const rocksdb::IOOptions& options,
                             rocksdb::FileLock** lock, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus UnlockFile(rocksdb::FileLock* lock, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options,
                                 uint64_t* free, rocksdb::IODebugContext* debug) override;

 private:
  using Names = std::map<std::string, FilePtr>;
  // A change of a directory: `name` is now `file`; nothing: it is gone.
  struct NameChange {
    std::vector<std::pair<std::string, FilePtr>> set;
  };

  void Op();
  rocksdb::IOStatus Change(NameChange change);
  FilePtr Find(const std::string& name) const;
  uint64_t UsedLocked() const;
  static FilePtr AfterCrash(const File& file, std::mt19937_64& random);

  mutable std::mutex mu_;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;
  std::set<std::string> directories_;
  std::function<void(uint64_t)> hook_;
  uint64_t ops_ = 0;
  uint64_t capacity_ = UINT64_MAX;
  bool fail_writes_ = false;
  bool fail_syncs_ = false;
};

}  // namespace weir::testing_support

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rocksdb/file_system.h"

#include "protocol/base/status.h"

namespace weir::storage {

// Whole files through RocksDB's file system, so that the same code reads plain and encrypted
// stores. Errors name the file.
class StoreFiles {
 public:
  explicit StoreFiles(rocksdb::FileSystem& files) : files_(files) {}

  bool Exists(const std::string& path) const;
  // The names in a directory; none when there is no such directory.
  std::vector<std::string> List(const std::string& directory) const;
  StatusOr<std::string> Read(const std::string& path) const;
  StatusOr<std::string> ReadAt(const std::string& path, uint64_t at, size_t size) const;
  StatusOr<uint64_t> Size(const std::string& path) const;
  // Under another name first, synced, then renamed over `path`.
  Status Replace(const std::string& path, std::string_view bytes) const;
  // Overwrites a piece in place and syncs it.
  Status Patch(const std::string& path, uint64_t at, std::string_view bytes) const;
  Status MakeDirectory(const std::string& path) const;
  // For writing pieces of it, not synced; makes the file if there is none.
  Status OpenForUpdate(const std::string& path,
                       std::unique_ptr<rocksdb::FSRandomRWFile>& out) const;

 private:
  rocksdb::FileSystem& files_;
};

}  // namespace weir::storage

#include "storage/store_files.h"

#include <algorithm>
#include <memory>

#include "protocol/base/strings.h"
#include "storage/database.h"

namespace weir::storage {

namespace {

using rocksdb::FileOptions;
using rocksdb::IOOptions;

Status Result(const rocksdb::IOStatus& status, const std::string& path) {
  return Database::FromRocks(status, path);
}

std::string DirectoryOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

bool StoreFiles::Exists(const std::string& path) const {
  return files_.FileExists(path, IOOptions(), nullptr).ok();
}

std::vector<std::string> StoreFiles::List(const std::string& directory) const {
  std::vector<std::string> names;
  if (!files_.GetChildren(directory, IOOptions(), &names, nullptr).ok()) {
    names.clear();
  }
  std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
  std::sort(names.begin(), names.end());
  return names;
}

StatusOr<uint64_t> StoreFiles::Size(const std::string& path) const {
  uint64_t size = 0;
  WEIR_RETURN_IF_ERROR(Result(files_.GetFileSize(path, IOOptions(), &size, nullptr), path));
  return size;
}

StatusOr<std::string> StoreFiles::Read(const std::string& path) const {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  WEIR_RETURN_IF_ERROR(Result(files_.NewSequentialFile(path, FileOptions(), &file, nullptr), path));
  std::string bytes;
  constexpr size_t kPiece = 1 << 20;
  std::string piece(kPiece, '\0');
  while (true) {
    rocksdb::Slice read;
    WEIR_RETURN_IF_ERROR(
        Result(file->Read(kPiece, IOOptions(), &read, piece.data(), nullptr), path));
    if (read.empty()) {
      return bytes;
    }
    bytes.append(read.data(), read.size());
  }
}

StatusOr<std::string> StoreFiles::ReadAt(const std::string& path, uint64_t at, size_t size) const {
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  WEIR_RETURN_IF_ERROR(
      Result(files_.NewRandomAccessFile(path, FileOptions(), &file, nullptr), path));
  std::string bytes(size, '\0');
  rocksdb::Slice read;
  WEIR_RETURN_IF_ERROR(
      Result(file->Read(at, size, IOOptions(), &read, bytes.data(), nullptr), path));
  return std::string(read.data(), read.size());
}

Status StoreFiles::Replace(const std::string& path, std::string_view bytes) const {
  std::string fresh = path + ".new";
  std::unique_ptr<rocksdb::FSWritableFile> file;
  WEIR_RETURN_IF_ERROR(Result(files_.NewWritableFile(fresh, FileOptions(), &file, nullptr), fresh));
  rocksdb::IOStatus status =
      file->Append(rocksdb::Slice(bytes.data(), bytes.size()), IOOptions(), nullptr);
  if (status.ok()) {
    status = file->Sync(IOOptions(), nullptr);
  }
  rocksdb::IOStatus closed = file->Close(IOOptions(), nullptr);
  WEIR_RETURN_IF_ERROR(Result(status, fresh));
  WEIR_RETURN_IF_ERROR(Result(closed, fresh));
  WEIR_RETURN_IF_ERROR(Result(files_.RenameFile(fresh, path, IOOptions(), nullptr), path));
  std::unique_ptr<rocksdb::FSDirectory> directory;
  WEIR_RETURN_IF_ERROR(
      Result(files_.NewDirectory(DirectoryOf(path), IOOptions(), &directory, nullptr), path));
  return Result(directory->Fsync(IOOptions(), nullptr), path);
}

Status StoreFiles::Patch(const std::string& path, uint64_t at, std::string_view bytes) const {
  std::unique_ptr<rocksdb::FSRandomRWFile> file;
  WEIR_RETURN_IF_ERROR(Result(files_.NewRandomRWFile(path, FileOptions(), &file, nullptr), path));
  rocksdb::IOStatus status =
      file->Write(at, rocksdb::Slice(bytes.data(), bytes.size()), IOOptions(), nullptr);
  if (status.ok()) {
    status = file->Sync(IOOptions(), nullptr);
  }
  rocksdb::IOStatus closed = file->Close(IOOptions(), nullptr);
  WEIR_RETURN_IF_ERROR(Result(status, path));
  return Result(closed, path);
}

Status StoreFiles::MakeDirectory(const std::string& path) const {
  return Result(files_.CreateDirIfMissing(path, IOOptions(), nullptr), path);
}

Status StoreFiles::OpenForUpdate(const std::string& path,
                                 std::unique_ptr<rocksdb::FSRandomRWFile>& out) const {
  if (!Exists(path)) {
    std::unique_ptr<rocksdb::FSWritableFile> created;
    WEIR_RETURN_IF_ERROR(
        Result(files_.NewWritableFile(path, FileOptions(), &created, nullptr), path));
    created->Close(IOOptions(), nullptr).PermitUncheckedError();
  }
  return Result(files_.NewRandomRWFile(path, FileOptions(), &out, nullptr), path);
}

}  // namespace weir::storage

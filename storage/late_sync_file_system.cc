#include "storage/late_sync_file_system.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::storage {

namespace {

namespace fs = std::filesystem;
using rocksdb::IOStatus;

bool IsForPeople(std::string_view path) {
  return path.substr(path.rfind('/') + 1).starts_with("OPTIONS-");
}

// A file that is gone needs no sync.
IOStatus SyncPath(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT ? IOStatus::OK() : IOStatus::IOError(path, std::strerror(errno));
  }
  int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error == 0 ? IOStatus::OK() : IOStatus::IOError(path, std::strerror(error));
}

class LateFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LateFile(LateSyncFileSystem& files, bool for_people,
           std::unique_ptr<rocksdb::FSWritableFile> file)
      : rocksdb::FSWritableFileOwnerWrapper(std::move(file)),
        files_(files),
        for_people_(for_people) {}

  IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    IOStatus status;
    return for_people_ || files_.PutOff(&status) ? status : target()->Sync(options, debug);
  }
  IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    IOStatus status;
    return for_people_ || files_.PutOff(&status) ? status : target()->Fsync(options, debug);
  }

 private:
  LateSyncFileSystem& files_;
  const bool for_people_;
};

class LateDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  LateDirectory(LateSyncFileSystem& files, std::unique_ptr<rocksdb::FSDirectory> directory)
      : rocksdb::FSDirectoryWrapper(std::move(directory)), files_(files) {}

  IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    IOStatus status;
    return files_.PutOff(&status) ? status : FSDirectoryWrapper::Fsync(options, debug);
  }
  IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& why) override {
    IOStatus status;
    return IsForPeople(why.renamed_new_name) || files_.PutOff(&status)
               ? status
               : FSDirectoryWrapper::FsyncWithDirOptions(options, debug, why);
  }

 private:
  LateSyncFileSystem& files_;
};

}  // namespace

LateSyncFileSystem::LateSyncFileSystem(std::shared_ptr<rocksdb::FileSystem> base,
                                       std::string directory, std::string database)
    : rocksdb::FileSystemWrapper(std::move(base)),
      directory_(std::move(directory)),
      database_(std::move(database)) {}

std::string LateSyncFileSystem::SettledFile(const std::string& directory) {
  return directory + "/settled";
}

void LateSyncFileSystem::Hold() {
  state_.store(State::kHolding);
}

void LateSyncFileSystem::Owe() {
  state_.store(State::kOwing);
}

bool LateSyncFileSystem::PutOff(IOStatus* status) {
  switch (state_.load()) {
    case State::kThrough:
      return false;
    case State::kHolding:
      return true;
    case State::kOwing:
      *status = Settle();
      // The file that asked may be newer than the list of files that was synced.
      return !status->ok();
  }
  return false;
}

IOStatus LateSyncFileSystem::Settle() {
  MutexLock lock(mu_);
  return SettleLocked();
}

IOStatus LateSyncFileSystem::SettleLocked() {
  if (state_.load() == State::kThrough || !failed_.ok()) {
    return failed_;
  }
  failed_ = SyncEverything();
  if (failed_.ok()) {
    state_.store(State::kThrough);
  }
  return failed_;
}

IOStatus LateSyncFileSystem::SyncEverything() const {
  std::error_code error;
  for (fs::directory_iterator at(database_, error), end; !error && at != end; at.increment(error)) {
    std::string path = at->path().string();
    if (!IsForPeople(path)) {
      if (IOStatus synced = SyncPath(path); !synced.ok()) {
        return synced;
      }
    }
  }
  if (error) {
    return IOStatus::IOError(database_, error.message());
  }
  // Directories above may have been made along with the store; to sync an old one costs nothing.
  for (fs::path at = database_; at.has_relative_path(); at = at.parent_path()) {
    IOStatus synced = SyncPath(at.string());
    // What belongs to others and cannot be opened was not made by this process.
    if (!synced.ok() && at.string().size() >= directory_.size()) {
      return synced;
    }
  }
  std::string settled = SettledFile(directory_);
  int fd = ::open(settled.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return IOStatus::IOError(settled, std::strerror(errno));
  }
  ::close(fd);
  return SyncPath(directory_);
}

IOStatus LateSyncFileSystem::NewWritableFile(const std::string& path,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* file,
                                             rocksdb::IODebugContext* debug) {
  IOStatus status = target()->NewWritableFile(path, options, file, debug);
  if (status.ok()) {
    *file = std::make_unique<LateFile>(*this, IsForPeople(path), std::move(*file));
  }
  return status;
}

IOStatus LateSyncFileSystem::ReopenWritableFile(const std::string& path,
                                                const rocksdb::FileOptions& options,
                                                std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                rocksdb::IODebugContext* debug) {
  IOStatus status = target()->ReopenWritableFile(path, options, file, debug);
  if (status.ok()) {
    *file = std::make_unique<LateFile>(*this, IsForPeople(path), std::move(*file));
  }
  return status;
}

IOStatus LateSyncFileSystem::ReuseWritableFile(const std::string& path, const std::string& old_path,
                                               const rocksdb::FileOptions& options,
                                               std::unique_ptr<rocksdb::FSWritableFile>* file,
                                               rocksdb::IODebugContext* debug) {
  IOStatus status = target()->ReuseWritableFile(path, old_path, options, file, debug);
  if (status.ok()) {
    *file = std::make_unique<LateFile>(*this, IsForPeople(path), std::move(*file));
  }
  return status;
}

IOStatus LateSyncFileSystem::NewDirectory(const std::string& path,
                                          const rocksdb::IOOptions& options,
                                          std::unique_ptr<rocksdb::FSDirectory>* directory,
                                          rocksdb::IODebugContext* debug) {
  IOStatus status = target()->NewDirectory(path, options, directory, debug);
  if (status.ok()) {
    *directory = std::make_unique<LateDirectory>(*this, std::move(*directory));
  }
  return status;
}

}  // namespace weir::storage

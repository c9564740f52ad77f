#include "tests/support/sim_disk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace weir::testing_support {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr uint64_t kSector = 512;

class SimReader : public rocksdb::FSSequentialFile {
 public:
  SimReader(const SimDisk& disk, SimDisk::FilePtr file) : disk_(disk), file_(std::move(file)) {}
  IOStatus Read(size_t size, const IOOptions&, Slice* out, char* scratch,
                IODebugContext*) override {
    size_t read = disk_.Read(*file_, at_, size, scratch);
    at_ += read;
    *out = Slice(scratch, read);
    return IOStatus::OK();
  }
  IOStatus Skip(uint64_t size) override {
    at_ += size;
    return IOStatus::OK();
  }

 private:
  const SimDisk& disk_;
  const SimDisk::FilePtr file_;
  uint64_t at_ = 0;
};

class SimRandomReader : public rocksdb::FSRandomAccessFile {
 public:
  SimRandomReader(const SimDisk& disk, SimDisk::FilePtr file)
      : disk_(disk), file_(std::move(file)) {}
  IOStatus Read(uint64_t at, size_t size, const IOOptions&, Slice* out, char* scratch,
                IODebugContext*) const override {
    *out = Slice(scratch, disk_.Read(*file_, at, size, scratch));
    return IOStatus::OK();
  }

 private:
  const SimDisk& disk_;
  const SimDisk::FilePtr file_;
};

class SimWriter : public rocksdb::FSWritableFile {
 public:
  SimWriter(SimDisk& disk, SimDisk::FilePtr file) : disk_(disk), file_(std::move(file)) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& bytes, const IOOptions&, IODebugContext*) override {
    return disk_.Write(*file_, disk_.SizeOf(*file_), bytes);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return disk_.SyncFile(*file_); }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return disk_.SizeOf(*file_); }

 private:
  SimDisk& disk_;
  const SimDisk::FilePtr file_;
};

class SimPatcher : public rocksdb::FSRandomRWFile {
 public:
  SimPatcher(SimDisk& disk, SimDisk::FilePtr file) : disk_(disk), file_(std::move(file)) {}
  IOStatus Write(uint64_t at, const Slice& bytes, const IOOptions&, IODebugContext*) override {
    return disk_.Write(*file_, at, bytes);
  }
  IOStatus Read(uint64_t at, size_t size, const IOOptions&, Slice* out, char* scratch,
                IODebugContext*) const override {
    *out = Slice(scratch, disk_.Read(*file_, at, size, scratch));
    return IOStatus::OK();
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return disk_.SyncFile(*file_); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  SimDisk& disk_;
  const SimDisk::FilePtr file_;
};

class SimDirectory : public rocksdb::FSDirectory {
 public:
  explicit SimDirectory(SimDisk& disk) : disk_(disk) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return disk_.SyncNames(); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  SimDisk& disk_;
};

}  // namespace

void SimDisk::set_hook(std::function<void(uint64_t)> hook) {
  std::lock_guard lock(mu_);
  hook_ = std::move(hook);
}

void SimDisk::FailWrites(bool fail) {
  std::lock_guard lock(mu_);
  fail_writes_ = fail;
}

void SimDisk::FailSyncs(bool fail) {
  std::lock_guard lock(mu_);
  fail_syncs_ = fail;
}

void SimDisk::set_capacity(uint64_t bytes) {
  std::lock_guard lock(mu_);
  capacity_ = bytes;
}

uint64_t SimDisk::ops() const {
  std::lock_guard lock(mu_);
  return ops_;
}

// Not under the lock: a hook takes crash images.
void SimDisk::Op() {
  std::function<void(uint64_t)> hook;
  uint64_t op = 0;
  {
    std::lock_guard lock(mu_);
    op = ++ops_;
    hook = hook_;
  }
  if (hook) {
    hook(op);
  }
}

SimDisk::FilePtr SimDisk::AfterCrash(const File& file, std::mt19937_64& random) {
  auto out = std::make_shared<File>();
  out->durable = file.durable;
  // Now and then nothing or all of it has arrived.
  uint64_t kept_of_8 = std::array<uint64_t, 5>{0, 1, 4, 7, 8}[random() % 5];
  for (const auto& [at, size] : file.pending) {
    for (uint64_t from = at; from < at + size;) {
      uint64_t to = std::min(at + size, (from / kSector + 1) * kSector);
      if (random() % 8 < kept_of_8) {
        if (out->durable.size() < to) {
          out->durable.resize(to, '\0');
        }
        std::memcpy(out->durable.data() + from, file.current.data() + from, to - from);
      }
      from = to;
    }
  }
  out->current = out->durable;
  return out;
}

std::shared_ptr<SimDisk> SimDisk::Crash(std::mt19937_64& random) {
  auto out = std::make_shared<SimDisk>();
  std::lock_guard lock(mu_);
  Names names = durable_names_;
  size_t kept = random() % (pending_names_.size() + 1);
  for (size_t i = 0; i < kept; ++i) {
    for (const auto& [name, file] : pending_names_[i].set) {
      if (file == nullptr) {
        names.erase(name);
      } else {
        names[name] = file;
      }
    }
  }
  for (const auto& [name, file] : names) {
    out->names_[name] = AfterCrash(*file, random);
  }
  out->durable_names_ = out->names_;
  out->directories_ = directories_;
  return out;
}

uint64_t SimDisk::UsedLocked() const {
  uint64_t used = 0;
  for (const auto& [name, file] : names_) {
    used += file->current.size();
  }
  return used;
}

IOStatus SimDisk::Write(File& file, uint64_t at, const Slice& bytes) {
  Op();
  std::lock_guard lock(mu_);
  if (fail_writes_) {
    return IOStatus::IOError("simulated write error");
  }
  if (capacity_ != UINT64_MAX && UsedLocked() + bytes.size() > capacity_) {
    return IOStatus::NoSpace("simulated full disk");
  }
  if (file.current.size() < at + bytes.size()) {
    file.current.resize(at + bytes.size(), '\0');
  }
  std::memcpy(file.current.data() + at, bytes.data(), bytes.size());
  file.pending.emplace_back(at, bytes.size());
  return IOStatus::OK();
}

IOStatus SimDisk::SyncFile(File& file) {
  Op();
  std::lock_guard lock(mu_);
  if (fail_syncs_) {
    return IOStatus::IOError("simulated sync error");
  }
  for (const auto& [at, size] : file.pending) {
    if (file.durable.size() < at + size) {
      file.durable.resize(at + size, '\0');
    }
    std::memcpy(file.durable.data() + at, file.current.data() + at, size);
  }
  file.pending.clear();
  return IOStatus::OK();
}

IOStatus SimDisk::SyncNames() {
  Op();
  std::lock_guard lock(mu_);
  if (fail_syncs_) {
    return IOStatus::IOError("simulated sync error");
  }
  pending_names_.clear();
  durable_names_ = names_;
  return IOStatus::OK();
}

size_t SimDisk::Read(const File& file, uint64_t at, size_t size, char* to) const {
  std::lock_guard lock(mu_);
  if (at >= file.current.size()) {
    return 0;
  }
  size = std::min<size_t>(size, file.current.size() - at);
  std::memcpy(to, file.current.data() + at, size);
  return size;
}

uint64_t SimDisk::SizeOf(const File& file) const {
  std::lock_guard lock(mu_);
  return file.current.size();
}

SimDisk::FilePtr SimDisk::Find(const std::string& name) const {
  std::lock_guard lock(mu_);
  auto found = names_.find(name);
  return found == names_.end() ? nullptr : found->second;
}

IOStatus SimDisk::Change(NameChange change) {
  Op();
  std::lock_guard lock(mu_);
  if (fail_writes_) {
    return IOStatus::IOError("simulated write error");
  }
  for (const auto& [name, file] : change.set) {
    if (file == nullptr) {
      names_.erase(name);
    } else {
      names_[name] = file;
    }
  }
  pending_names_.push_back(std::move(change));
  return IOStatus::OK();
}

IOStatus SimDisk::NewSequentialFile(const std::string& name, const FileOptions&,
                                    std::unique_ptr<rocksdb::FSSequentialFile>* out,
                                    IODebugContext*) {
  FilePtr file = Find(name);
  if (file == nullptr) {
    return IOStatus::PathNotFound(name);
  }
  *out = std::make_unique<SimReader>(*this, file);
  return IOStatus::OK();
}

IOStatus SimDisk::NewRandomAccessFile(const std::string& name, const FileOptions&,
                                      std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                                      IODebugContext*) {
  FilePtr file = Find(name);
  if (file == nullptr) {
    return IOStatus::PathNotFound(name);
  }
  *out = std::make_unique<SimRandomReader>(*this, file);
  return IOStatus::OK();
}

IOStatus SimDisk::NewWritableFile(const std::string& name, const FileOptions&,
                                  std::unique_ptr<rocksdb::FSWritableFile>* out, IODebugContext*) {
  auto file = std::make_shared<File>();
  *out = std::make_unique<SimWriter>(*this, file);
  return Change({{{name, file}}});
}

IOStatus SimDisk::NewRandomRWFile(const std::string& name, const FileOptions&,
                                  std::unique_ptr<rocksdb::FSRandomRWFile>* out, IODebugContext*) {
  FilePtr file = Find(name);
  if (file == nullptr) {
    return IOStatus::PathNotFound(name);
  }
  *out = std::make_unique<SimPatcher>(*this, file);
  return IOStatus::OK();
}

IOStatus SimDisk::NewDirectory(const std::string&, const IOOptions&,
                               std::unique_ptr<rocksdb::FSDirectory>* out, IODebugContext*) {
  *out = std::make_unique<SimDirectory>(*this);
  return IOStatus::OK();
}

IOStatus SimDisk::FileExists(const std::string& name, const IOOptions&, IODebugContext*) {
  if (Find(name) != nullptr) {
    return IOStatus::OK();
  }
  std::lock_guard lock(mu_);
  return directories_.contains(name) ? IOStatus::OK() : IOStatus::NotFound(name);
}

IOStatus SimDisk::GetChildren(const std::string& name, const IOOptions&,
                              std::vector<std::string>* out, IODebugContext*) {
  out->clear();
  std::string prefix = name + "/";
  std::lock_guard lock(mu_);
  for (auto at = names_.lower_bound(prefix); at != names_.end(); ++at) {
    if (!at->first.starts_with(prefix)) {
      break;
    }
    std::string rest = at->first.substr(prefix.size());
    if (rest.find('/') == std::string::npos) {
      out->push_back(rest);
    }
  }
  return IOStatus::OK();
}

IOStatus SimDisk::DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) {
  return Find(name) == nullptr ? IOStatus::PathNotFound(name) : Change({{{name, nullptr}}});
}

IOStatus SimDisk::CreateDir(const std::string& name, const IOOptions&, IODebugContext*) {
  std::lock_guard lock(mu_);
  directories_.insert(name);
  return IOStatus::OK();
}

IOStatus SimDisk::CreateDirIfMissing(const std::string& name, const IOOptions& options,
                                     IODebugContext* debug) {
  return CreateDir(name, options, debug);
}

IOStatus SimDisk::GetFileSize(const std::string& name, const IOOptions&, uint64_t* out,
                              IODebugContext*) {
  FilePtr file = Find(name);
  if (file == nullptr) {
    return IOStatus::PathNotFound(name);
  }
  *out = SizeOf(*file);
  return IOStatus::OK();
}

IOStatus SimDisk::RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                             IODebugContext*) {
  FilePtr file = Find(from);
  if (file == nullptr) {
    return IOStatus::PathNotFound(from);
  }
  return Change({{{from, nullptr}, {to, file}}});
}

IOStatus SimDisk::LockFile(const std::string&, const IOOptions&, rocksdb::FileLock** lock,
                           IODebugContext*) {
  *lock = new rocksdb::FileLock();  // UnlockFile() takes it back
  return IOStatus::OK();
}

IOStatus SimDisk::UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) {
  delete lock;
  return IOStatus::OK();
}

IOStatus SimDisk::GetFreeSpace(const std::string&, const IOOptions&, uint64_t* free,
                               IODebugContext*) {
  std::lock_guard lock(mu_);
  uint64_t used = UsedLocked();
  *free = capacity_ > used ? capacity_ - used : 0;
  return IOStatus::OK();
}

}  // namespace weir::testing_support
